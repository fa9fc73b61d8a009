import { randomOf } from '../../random.ts'
import type { Interval } from '../measured.ts'

/** What was found on one row, and whose row it is. */
export interface Observation { readonly person: string, readonly value: number }

/** Percentile bootstrap (Efron 1979, doi 10.1214/aos/1176344552): as many draws as the trainer notes' table of false promotions was made with. */
const draws = 2_000
/** Share of the draws beyond each end of a 95 % interval. */
const tail = 0.025
/** Any: it only has to be the same, so that the same data give the same interval. */
const seed = 9

/**
 * Mean over rows, with an interval over people: whose rows are drawn together,
 * since what one person asks is alike. Null: there are no rows. Of one person
 * the interval has no width, so it is to be read beside the number of people.
 */
export function meanOf (observations: readonly Observation[]): Interval | null {
  return interval([observations], ([mean]) => mean!)
}

/** Mean of the one minus mean of the other, people drawn with all they have in both. Null: one of them is empty. */
export function differenceOf (one: readonly Observation[], other: readonly Observation[]): Interval | null {
  return interval([one, other], ([a, b]) => a! - b!)
}

/** A statistic of the means of some samples. */
function interval (samples: readonly (readonly Observation[])[], statistic: (means: readonly number[]) => number): Interval | null {
  if (samples.some(({ length }) => length === 0)) return null
  const people = [...new Set(samples.flatMap(sample => sample.map(({ person }) => person)))].sort()
  const tallies = samples.map(sample => tallied(sample, people))
  const random = randomOf(seed)
  const found: number[] = []
  const drawn = new Uint32Array(people.length)
  for (let draw = 0; draw < draws; draw++) {
    for (let i = 0; i < drawn.length; i++) drawn[i] = Math.floor(random() * drawn.length)
    const value = statistic(tallies.map(tally => meanOver(tally, drawn)))
    // A draw in which nobody has the one of the two says nothing.
    if (Number.isFinite(value)) found.push(value)
  }
  found.sort((a, b) => a - b)
  const mean = statistic(tallies.map(tally => meanOver(tally, people.keys())))
  const beyond = Math.floor(tail * found.length)
  return { mean, low: found[beyond] ?? mean, high: found.at(-1 - beyond) ?? mean }
}

/** Sums and counts by person. */
interface Tally { readonly sums: Float64Array, readonly counts: Float64Array }

function tallied (sample: readonly Observation[], people: readonly string[]): Tally {
  const places = new Map(people.map((person, i) => [person, i]))
  const tally = { sums: new Float64Array(people.length), counts: new Float64Array(people.length) }
  for (const { person, value } of sample) {
    const place = places.get(person)!
    tally.sums[place]! += value
    tally.counts[place]!++
  }
  return tally
}

function meanOver ({ sums, counts }: Tally, people: Iterable<number>): number {
  let sum = 0
  let count = 0
  for (const person of people) {
    sum += sums[person]!
    count += counts[person]!
  }
  return sum / count
}
