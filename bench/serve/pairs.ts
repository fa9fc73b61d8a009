import { seeded } from '../../test/gguf/builder.ts'

/** What belongs to each of the two that are compared. */
export interface Both<T> { readonly engraft: T, readonly llama: T }

/** Takes `count` pairs of measurements, each time the other one first, so that a drift of the machine meets both. */
export async function inTurn<M> (count: number, engraft: (round: number) => Promise<M>, llama: (round: number) => Promise<M>): Promise<Both<readonly M[]>> {
  const taken = { engraft: [] as M[], llama: [] as M[] }
  for (let round = 0; round < count; round++) {
    if (round % 2 === 0) taken.engraft.push(await engraft(round))
    taken.llama.push(await llama(round))
    if (round % 2 === 1) taken.engraft.push(await engraft(round))
  }
  return taken
}

export interface Estimate { readonly median: number, readonly low: number, readonly high: number }

/** How often the sample is drawn anew: the interval's ends are then stable to its last printed digit. */
const draws = 10_000

/** The median and its 95 % interval by the percentile bootstrap (Efron 1979). The same values always give the same interval. */
export function estimate (values: readonly number[]): Estimate {
  const random = seeded(1)
  const medians = Array.from({ length: draws }, () => median(values.map(() => values[random(values.length)] ?? NaN)))
  return { median: median(values), low: quantile(medians, 0.025), high: quantile(medians, 0.975) }
}

/** Of each pair. */
export function ratios (over: readonly number[], under: readonly number[]): number[] {
  return over.map((value, i) => value / (under[i] ?? NaN))
}

export function median (values: readonly number[]): number { return quantile(values, 0.5) }

/** Between the two nearest values where none lies there (Hyndman & Fan's type 7). */
export function quantile (values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const place = (sorted.length - 1) * share
  const below = sorted[Math.floor(place)] ?? NaN
  return below + (place % 1) * ((sorted[Math.ceil(place)] ?? NaN) - below)
}

/** One line: both medians, and the ratio of the pairs with its interval. */
export function printPairs (name: string, { engraft, llama }: Both<readonly number[]>): void {
  console.log(`  ${name.padEnd(62)} engraft ${short(median(engraft))}   llama-server ${short(median(llama))}   ratio ${shown(estimate(ratios(engraft, llama)))}`)
}

/** One line: a ratio within each of the two. */
export function printWithin (name: string, { engraft, llama }: Both<readonly number[]>): void {
  console.log(`  ${name.padEnd(62)} engraft ${shown(estimate(engraft))}   llama-server ${shown(estimate(llama))}`)
}

export function shown ({ median, low, high }: Estimate): string { return `${median.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]` }

function short (value: number): string { return value.toFixed(value < 100 ? 1 : 0).padStart(7) }
