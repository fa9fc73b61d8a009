import type { Answer, Row } from '../../datasets/row.ts'
import { publicError } from '../../errors.ts'
import { recorded } from '../evaluation/prompts.ts'
import type { Served } from '../served.ts'
import type { TokenRow } from '../trainer.ts'
import type { Method } from '../training.ts'
import { turnOf } from './completion.ts'

/** A line of a job's file, as `trainer/engraft_trainer/rows.py` reads it. */
export type JobRow =
  | TokenRow
  /** `kto`: what was liked and what was not. */
  | TokenRow & { readonly label: boolean }
  /** `dpo` */
  | Omit<TokenRow, 'completion'> & { readonly chosen: readonly number[], readonly rejected: readonly number[] }

/** What becomes of a row, or why nothing does. */
export type Made = { readonly rows: readonly JobRow[], /** Of all of them, prompts once for each answer. */ readonly tokens: number } | { readonly left: string }

/** How long a row may be, prompt and answer together, in tokens; and why. */
export interface Room { readonly tokens: number, readonly reason: string }

const context = 'longer than the context'

/** A row's longest: the context, or less where the trainer is held to less. */
export function roomOf ({ contextSize }: Pick<Served, 'contextSize'>, maxLength: number): Room {
  return contextSize <= maxLength ? { tokens: contextSize, reason: context } : { tokens: maxLength, reason: `longer than hyper.max_len (${maxLength})` }
}

/** The method that most of the rows are for: thumbs teach by themselves only where there is little else. */
export function methodFor (kinds: Readonly<Record<Row['kind'], number>>): Method {
  return kinds.demonstration + kinds.preference >= kinds.verdict ? 'sft' : 'kto'
}

/**
 * A row of a data set as the trainer takes it. SFT learns the answers that
 * somebody wrote or preferred. KTO learns from thumbs, and of the others what
 * each side is worth; the answer before a correction is not counted as bad,
 * since it may have been one word short of right. DPO needs both sides.
 * Throws what the engine throws when it is not the row's fault.
 */
export async function jobRowsOf (served: Pick<Served, 'render'>, row: Row, method: Method, room: Room): Promise<Made> {
  const sides = sidesOf(row, method)
  if (sides === null) return { left: `says nothing that ${method} learns from` }
  const made: TokenRow[] = []
  for (const { answer } of sides) {
    const one = await tokenRowOf(served, row, answer, room)
    if ('left' in one) return one
    made.push(one.row)
  }
  const [first, second] = made as [TokenRow, TokenRow?]
  const tokens = made.reduce((sum, { prompt, completion }) => sum + prompt.length + completion.length, 0)
  if (method === 'sft') return { rows: [first], tokens }
  if (method === 'kto') return { rows: made.map((one, i) => ({ ...one, id: i === 0 ? one.id : `${one.id}-${i}`, label: sides[i]!.good })), tokens }
  const { completion: chosen, ...common } = first
  return { rows: [{ ...common, chosen, rejected: second!.completion }], tokens }
}

interface RatedAnswer { readonly answer: Answer, readonly good: boolean }

/** The answers that a method learns from, the good one first; null: none. */
function sidesOf (row: Row, method: Method): readonly RatedAnswer[] | null {
  const chosen = { answer: row.answer, good: row.kind !== 'verdict' || row.good }
  if (row.kind === 'verdict') return method === 'kto' ? [chosen] : null
  if (method === 'sft' || (method === 'kto' && row.kind === 'demonstration')) return [chosen]
  return row.rejected === null ? method === 'kto' ? [chosen] : null : [chosen, { answer: row.rejected, good: false }]
}

/** One of a row's answers behind its prompt, as it was recorded. */
export async function tokenRowOf (served: Pick<Served, 'render'>, row: Row, answer: Answer, room: Room): Promise<{ readonly row: TokenRow } | { readonly left: string }> {
  try {
    const { prompt, completion } = await turnOf(served, recorded(row), answer)
    if (completion === null) return { left: 'the chat template writes the answer otherwise than it would be begun' }
    if (prompt.length + completion.length > room.tokens) return { left: room.reason }
    return { row: { id: row.id, group: row.group, prompt, completion } }
  } catch (error) {
    const { code } = publicError(error)
    if (code === 'context_length_exceeded') return { left: context }
    if (code === 'template_failed') return { left: 'the chat template refuses the conversation' }
    throw error
  }
}
