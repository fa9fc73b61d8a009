import { randomOf } from '../random.ts'
import type { Moved, Slices } from './datasets.ts'

/** Customary bounds of the index in credit scoring (Siddiqi 2006, ch. 8): below the first nothing moved, above the second a lot. */
const some = 0.1
const far = 0.25
/** The index of small samples is large by chance: it counts only where chance alone hardly makes it. A fifth of a hundredth, since five slices are looked at. */
const significant = 0.002
/** Enough to tell one in 500. */
const permutations = 1999
/** Rows of each side that the permutations deal with. */
const sample = 5000

export type Buckets = Readonly<Record<string, number>>

/** Compares two counts of the same buckets. */
export function movedOf (slice: keyof Slices, before: Buckets, fresh: Buckets): Moved {
  const names = [...new Set([...Object.keys(before), ...Object.keys(fresh)])].sort()
  const counts = [before, fresh].map(side => names.map(name => side[name] ?? 0)) as [number[], number[]]
  const [psi, p] = counts.some(side => sum(side) === 0) ? [0, 1] : [psiOf(...counts), chanceOf(...counts.map(scaled) as [number[], number[]])]
  return { slice, psi: round(psi), p: round(p), verdict: psi < some || p > significant ? 'same' : psi < far ? 'moved' : 'moved far' }
}

/** Half a row is added to each bucket, so that an empty one is no infinity. */
function psiOf (before: readonly number[], fresh: readonly number[]): number {
  const [m, n] = [sum(before), sum(fresh)].map(total => total + before.length / 2) as [number, number]
  return sum(before.map((count, i) => {
    const [q, p] = [(count + 0.5) / m, (fresh[i]! + 0.5) / n]
    return (p - q) * Math.log(p / q)
  }))
}

/** The share of random divisions of all rows that are at least as uneven as this one. */
function chanceOf (before: readonly number[], fresh: readonly number[]): number {
  const all = before.flatMap((count, bucket) => Array<number>(count + fresh[bucket]!).fill(bucket))
  const found = unevenness(before, fresh)
  // The same for the same data, so that a report can be made again.
  const random = randomOf(all.length)
  const size = sum(fresh)
  let worse = 0
  for (let turn = 0; turn < permutations; turn++) {
    const drawn = before.map(() => 0)
    // The first `size` of a Fisher-Yates shuffle.
    for (let i = 0; i < size; i++) {
      const j = i + Math.floor(random() * (all.length - i))
      ;[all[i], all[j]] = [all[j]!, all[i]!]
      drawn[all[i]!]!++
    }
    if (unevenness(before.map((count, i) => count + fresh[i]! - drawn[i]!), drawn) >= found - 1e-9) worse++
  }
  return (worse + 1) / (permutations + 1)
}

/** Pearson's chi-square of a table with two rows. */
function unevenness (one: readonly number[], other: readonly number[]): number {
  const [m, n] = [sum(one), sum(other)]
  return sum(one.map((a, i) => {
    const b = other[i]!
    return a + b === 0 ? 0 : (a * n - b * m) ** 2 / (m * n * (a + b))
  }))
}

function scaled (counts: readonly number[]): number[] {
  const total = sum(counts)
  return total <= sample ? [...counts] : counts.map(count => Math.round(count * sample / total))
}

function sum (numbers: readonly number[]): number { return numbers.reduce((total, number) => total + number, 0) }

function round (number: number): number { return Math.round(number * 10_000) / 10_000 }
