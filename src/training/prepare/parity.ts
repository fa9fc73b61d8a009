import { createHash } from 'node:crypto'
import type { Row } from '../../datasets/row.ts'
import type { Parity } from '../measured.ts'
import type { Served } from '../served.ts'
import type { TokenRow, TorchScore } from '../trainer.ts'
import { tokenRowOf } from './rows.ts'

/** Log-probabilities (nat) of the tokens of some rows' completions. */
export type Logps = readonly (readonly number[])[]

/** Rows that engine and PyTorch are compared on (trainer notes, §4): those that are held out, and answers of the base. */
const evaluated = 16
const general = 8
/** Longer ones take minutes in fp32 and tell no more. */
const longest = 512
/** So many times as many are tried, since some are too long. */
const spare = 4

/** What the comparison is made on: always the same of the same rows, whoever they are of. */
export async function parityRows (served: Pick<Served, 'render' | 'contextSize'>, rows: AsyncIterable<Row>, answers: readonly TokenRow[]): Promise<readonly TokenRow[]> {
  let drawn: { readonly row: Row, readonly place: string }[] = []
  for await (const row of rows) {
    drawn.push({ row, place: createHash('sha256').update(row.id).digest('hex') })
    if (drawn.length >= 2 * spare * evaluated) drawn = first(drawn)
  }
  const room = { tokens: Math.min(longest, served.contextSize), reason: 'too long to compare' }
  const made: TokenRow[] = []
  for (const { row } of first(drawn)) {
    if (made.length === evaluated) break
    const one = await tokenRowOf(served, row, row.answer, room)
    if ('row' in one) made.push(one.row)
  }
  return [...made, ...answers.slice(0, general)]
}

function first<T extends { readonly place: string }> (drawn: readonly T[]): T[] {
  return drawn.toSorted((a, b) => a.place < b.place ? -1 : 1).slice(0, spare * evaluated)
}

/** How far the two agree on the same rows in the same order. What is not a number makes the figures not numbers. */
export function parityOf (engine: Logps, torch: readonly TorchScore[]): Parity {
  const differences = engine.map((logps, i) => Math.abs(meanOf(logps) - meanOf(aligned(logps, torch[i]).logp)))
  return { rows: engine.length, error: errorOf(engine, torch), meanNll: meanOf(differences), worstNll: Math.max(...differences) }
}

/** Mean |p_engine - p_torch| over all tokens. */
export function errorOf (engine: Logps, torch: readonly TorchScore[]): number {
  return meanOf(engine.flatMap((logps, i) => {
    const { logp } = aligned(logps, torch[i])
    return logps.map((value, j) => Math.abs(Math.exp(value) - Math.exp(logp[j]!)))
  }))
}

/** Mean nat a token by which rows became likelier; each row counts alike. */
export function gainOf (before: Logps, after: Logps): number { return meanOf(after.map((logps, i) => meanOf(logps) - meanOf(before[i]!))) }

/** Mean |difference| of a token's log-probability between two scorings, nat; NaN where they are of other rows. */
export function changeOf (one: Logps, other: Logps): number {
  if (one.length !== other.length || one.some((logps, i) => logps.length !== other[i]!.length)) return NaN
  return meanOf(one.flatMap((logps, i) => logps.map((value, j) => Math.abs(value - other[i]![j]!))))
}

function aligned (logps: readonly number[], score: TorchScore | undefined): TorchScore {
  if (score?.logp.length !== logps.length) throw new Error('the engine and PyTorch scored different rows')
  return score
}

export function meanOf (values: readonly number[]): number { return values.reduce((sum, value) => sum + value, 0) / values.length }
