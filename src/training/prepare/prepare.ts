import { join } from 'node:path'
import { problem } from '../../errors.ts'
import type { Split } from '../../datasets/datasets.ts'
import type { Row } from '../../datasets/row.ts'
import type { Served } from '../served.ts'
import type { JobFolder } from '../trainer.ts'
import type { Method, Progress, Wanted } from '../training.ts'
import { baseAnswers } from './base-answers.ts'
import { createFacts, type DataFacts, type Facts } from './facts.ts'
import { Lines, writeRows } from './files.ts'
import { checkHyper, readingOf } from './hyper.ts'
import { makeJob, type DataName, type Job } from './job.ts'
import type { Order } from './probe.ts'
import { jobRowsOf, methodFor, roomOf, type Room } from './rows.ts'

/** Fewer rows teach nothing reliable (trainer notes, §6: 82 to 94 were run, below this examples in the prompt do better). */
export const fewestRows = 40

export interface PrepareParts {
  /** Of the run. */
  readonly id: string
  readonly wanted: Pick<Wanted, 'hyper'>
  /** null: the one that most rows are for. */
  readonly method: Method | null
  readonly served: Served
  /** The rows of the data set; asked for as often as they are read. */
  readonly rows: (split: Split) => AsyncIterable<Row>
  /** The run's; the job becomes `job` in it. */
  readonly folder: string
  /** The folder of all bases. */
  readonly bases: string
  readonly qk: Order
  readonly threads: number
  /** MB that the trainer may take; null: any. */
  readonly rssMb: number | null
  /** `dpo`: PEFT folder of the adapter that it goes on from; null with the others. */
  readonly parentPeft: string | null
}

export interface Prepared {
  readonly method: Method
  readonly job: JobFolder
  /** Rows of each file, and why rows of the data set are in none, by how many. */
  readonly counts: Readonly<Record<DataName, number>> & { readonly left: Readonly<Record<string, number>> }
  readonly tokens: Readonly<Record<DataName, number>>
  /** Tokens of the longest row that is learnt from. */
  readonly longest: number
  readonly data: DataFacts
}

/**
 * Writes a job for the trainer, the same bytes for the same rows, and looks at
 * the data once more. Throws `training_too_few`, `invalid_request` for
 * hyperparameters, `training_bad_base`, what the engine and the data set throw,
 * `storage_full`, `storage_failed`.
 */
export async function prepare ({ id, wanted: { hyper }, method: asked, served, rows, folder, bases, qk, threads, rssMb, parentPeft }: PrepareParts, tell: (progress: Progress) => void, signal: AbortSignal): Promise<Prepared> {
  checkHyper(hyper, asked)
  const method = asked ?? methodFor(await kindsOf(rows('train'), signal))
  const { kl, maxLength } = readingOf(hyper, method, fewestRows)
  const replay = kl > 0 ? await baseAnswers('replay', { served, bases }, tell, signal) : []

  const facts = createFacts()
  for await (const row of counted(rows('test'), 'looks at the rows that are held out', tell, signal)) facts.held(row)

  const room = roomOf(served, maxLength)
  const left = new Map<string, number>()
  const written = { train: nothing, valid: nothing, replay: nothing }
  const job = await makeJob(join(folder, 'job'), parentPeft, async part => {
    for (const split of ['train', 'valid'] as const) {
      const source = counted(rows(split), split === 'train' ? 'writes the rows to learn from' : 'writes the rows that are kept back', tell, signal)
      written[split] = await writeSplit(join(part, fileOf(split)), source, { served, method, room, facts, left })
    }
    const enough = written.train.rows + written.valid.rows
    if (enough < fewestRows || written.train.rows === 0) throw problem('training_too_few', { rows: enough, limit: fewestRows })
    if (replay.length > 0) written.replay = { ...nothing, rows: replay.length, tokens: tokensOf(replay), sha256: await writeRows(join(part, fileOf('replay')), replay) }
    const { endOfTurn } = await served.render({ type: 'text', text: '' })
    return {
      run_id: id,
      method,
      base: served.path,
      base_sha256: served.digest,
      eot: endOfTurn,
      data: dataOf(written),
      hyper: { ...sorted(hyper), max_len: room.tokens },
      limits: { threads, ...rssMb !== null && { rss_mb: rssMb } },
      qk
    }
  })
  const { train, valid } = written
  return {
    method,
    job,
    counts: { train: train.rows, valid: valid.rows, replay: written.replay.rows, left: Object.fromEntries([...left].sort(([a], [b]) => a < b ? -1 : 1)) },
    tokens: { train: train.tokens, valid: valid.tokens, replay: written.replay.tokens },
    longest: train.longest,
    data: facts.found(train.rows)
  }
}

interface Written { readonly rows: number, readonly tokens: number, readonly longest: number, readonly sha256: string }
const nothing: Written = { rows: 0, tokens: 0, longest: 0, sha256: '' }

interface Writing {
  readonly served: Served
  readonly method: Method
  readonly room: Room
  readonly facts: Facts
  readonly left: Map<string, number>
}

async function writeSplit (path: string, source: AsyncIterable<Row>, { served, method, room, facts, left }: Writing): Promise<Written> {
  let rows = 0
  let tokens = 0
  let longest = 0
  await using lines = await Lines.into(path)
  for await (const row of source) {
    const made = await jobRowsOf(served, row, method, room)
    if ('left' in made) {
      left.set(made.left, (left.get(made.left) ?? 0) + 1)
      continue
    }
    facts.learnt(row)
    for (const one of made.rows) await lines.add(one)
    rows += made.rows.length
    tokens += made.tokens
    longest = Math.max(longest, made.tokens)
  }
  return { rows, tokens, longest, sha256: await lines.end() }
}

function fileOf (name: DataName): string { return `${name}.jsonl` }

function dataOf (written: Readonly<Record<DataName, Written>>): Job['data'] {
  return Object.fromEntries((Object.keys(written) as DataName[]).filter(name => written[name].rows > 0).map(name => [name, { file: fileOf(name), sha256: written[name].sha256 }]))
}

async function kindsOf (rows: AsyncIterable<Row>, signal: AbortSignal): Promise<Record<Row['kind'], number>> {
  const kinds = { demonstration: 0, preference: 0, verdict: 0 }
  for await (const { kind } of rows) {
    signal.throwIfAborted()
    kinds[kind]++
  }
  return kinds
}

/** Rows between two words on how far it is. */
const often = 20

async function * counted (rows: AsyncIterable<Row>, what: string, tell: (progress: Progress) => void, signal: AbortSignal): AsyncGenerator<Row> {
  let done = 0
  for await (const row of rows) {
    signal.throwIfAborted()
    if (done++ % often === 0) tell({ what, done, total: null, eta: null })
    yield row
  }
}

/** Whatever the order in which they were set: the same settings are the same job. */
function sorted (hyper: Wanted['hyper']): Wanted['hyper'] { return Object.fromEntries(Object.entries(hyper).sort(([a], [b]) => a < b ? -1 : 1)) }

function tokensOf (rows: readonly { readonly prompt: readonly number[], readonly completion: readonly number[] }[]): number {
  return rows.reduce((sum, { prompt, completion }) => sum + prompt.length + completion.length, 0)
}
