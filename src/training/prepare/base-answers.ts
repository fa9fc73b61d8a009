import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { problem } from '../../errors.ts'
import type { Input } from '../../inference/engine.ts'
import type { Served } from '../served.ts'
import type { TokenRow } from '../trainer.ts'
import type { Progress } from '../training.ts'
import { turnOf } from './completion.ts'
import { stored, writeWhole } from './files.ts'
import { asked, replayed } from './general.ts'

/** Tokens of an answer: enough to tell how a base speaks, and what the trainer's notes measured with. */
const longest = 96

/** Where what is known of bases is kept: one folder each, by the sha256 of its file. */
export function folderOf (bases: string, digest: string): string { return join(bases, digest) }

/** `replay`: what the adapter is held to while it learns. `general`: what it is compared on afterwards. */
const lists = { replay: replayed, general: asked } as const

export interface BaseParts {
  readonly served: Pick<Served, 'digest' | 'render' | 'answer'>
  /** The folder of all bases. */
  readonly bases: string
}

/**
 * What the base itself says to general requests, as rows for the trainer. Each
 * is asked once and kept, so that the next run has it and a killed one goes on;
 * what is damaged on the disk, or was rendered otherwise then, is asked again.
 * A long answer is cut and does not end in the end of a turn. Throws
 * `training_bad_base` for a base that says nothing, what the engine throws,
 * `storage_full` and `storage_failed`.
 */
export async function baseAnswers (which: keyof typeof lists, { served, bases }: BaseParts, tell: (progress: Progress) => void, signal: AbortSignal): Promise<readonly TokenRow[]> {
  const folder = folderOf(bases, served.digest)
  const path = join(folder, `${which}.jsonl`)
  await stored(async () => await mkdir(folder, { recursive: true, mode: 0o700 }))
  const known = await knownOf(path)
  const ids = lists[which].map((_, i) => `${which}-${i}`)
  const rows: TokenRow[] = []
  const began = performance.now()
  let answered = 0
  for (const [i, content] of lists[which].entries()) {
    signal.throwIfAborted()
    const id = ids[i]!
    // A thought would use up the answer.
    const input = { type: 'chat', messages: [{ role: 'user', content }], tools: null, effort: 'none' } as const satisfies Input
    const { tokens: prompt } = await served.render(input)
    const before = known.get(id)
    if (before !== undefined && same(before.prompt, prompt)) {
      rows.push(before)
      continue
    }
    const { text, ended } = await served.answer(input, null, longest, signal)
    const { completion } = await turnOf(served, input, { content: text })
    const row = { id, group: 'base', prompt, completion: completion === null ? [] : ended ? completion : completion.slice(0, -1) }
    rows.push(row)
    known.set(id, row)
    // Those behind it too: a kill now must not cost them.
    await writeWhole(path, ids.flatMap(one => known.has(one) ? [lineOf(known.get(one)!)] : []).join(''))
    answered++
    const seconds = (performance.now() - began) / 1000
    const total = lists[which].length
    tell({ what: 'asks the base general questions', done: i + 1, total, eta: seconds / answered * (total - i - 1) })
  }
  const said = rows.filter(({ completion }) => completion.length > 0)
  if (said.length === 0) throw problem('training_bad_base', { detail: 'it answers nothing to general questions' })
  return said
}

/** A line says itself whether it is whole. */
interface Line extends TokenRow { readonly sha256: string }

function lineOf (row: TokenRow): string { return `${JSON.stringify({ ...row, sha256: digestOf(row) } satisfies Line)}\n` }

function digestOf ({ id, group, prompt, completion }: TokenRow): string {
  return createHash('sha256').update(JSON.stringify([id, group, prompt, completion])).digest('hex')
}

async function knownOf (path: string): Promise<Map<string, TokenRow>> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw problem('storage_failed', {}, { cause: error })
  })
  return new Map(text.split('\n').flatMap(line => {
    const row = read(line)
    return row === null ? [] : [[row.id, row]]
  }))
}

function read (line: string): TokenRow | null {
  try {
    const { sha256, ...row } = JSON.parse(line) as Line
    return digestOf(row) === sha256 ? row : null
  } catch {
    return null
  }
}

function same (a: readonly number[], b: readonly number[]): boolean { return a.length === b.length && a.every((token, i) => token === b[i]) }
