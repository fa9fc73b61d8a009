import { createHash } from 'node:crypto'
import type { Split } from './datasets.ts'
import type { Row } from './row.ts'

/** Of the people of a data set: enough for an interval from 100 people on (the gate asks for 20 who are held out). */
export const testShare = 0.2
/** Of the rows to learn from: tells when a training has learnt enough. */
export const validShare = 0.1
/** Fewer rows than this are too few to keep any of them back. */
const fewest = 10

/** Somebody rows are of. */
export interface Person {
  readonly owner: number
  readonly group: string
  /** When their first row was answered, in ms. */
  readonly first: number
}

/**
 * Who is held out, by owner. Whoever has a side keeps it. Of the others those
 * are held out whose pseudonym, hashed with the data set's name, is lowest,
 * until the share is reached.
 */
export function sidesOf (people: readonly Person[], known: ReadonlyMap<number, boolean>, name: string): Map<number, boolean> {
  const sides = new Map(people.flatMap(({ owner }) => known.has(owner) ? [[owner, known.get(owner)!]] : []))
  const fresh = people.filter(({ owner }) => !known.has(owner))
    .map(({ owner, group }) => ({ owner, place: createHash('sha256').update(JSON.stringify([name, group])).digest('hex') }))
    .sort((a, b) => a.place < b.place ? -1 : 1)
  const held = [...sides.values()].filter(held => held).length
  const missing = Math.round(people.length * testShare) - held
  fresh.forEach(({ owner }, i) => sides.set(owner, i < missing))
  return sides
}

/** From when on rows are kept back, given the times of all that could be learnt from; null: none are. */
export function validFromOf (times: readonly number[]): number | null {
  if (times.length < fewest) return null
  const sorted = Float64Array.from(times).sort()
  const from = sorted[Math.floor(sorted.length * (1 - validShare))]!
  return from === sorted[0] ? null : from
}

/** Where a row belongs. */
export function splitOf ({ owner, at }: Pick<Row, 'owner' | 'at'>, sides: ReadonlyMap<number, boolean>, validFrom: number | null): Split {
  if (sides.get(owner) === true) return 'test'
  return validFrom !== null && at >= validFrom ? 'valid' : 'train'
}
