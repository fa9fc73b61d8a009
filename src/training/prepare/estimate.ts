import type { Estimate, Method, Wanted } from '../training.ts'
import { readingOf } from './hyper.ts'

/** What is known before a training of how much it reads. */
export interface Amounts {
  readonly method: Method
  readonly hyper: Wanted['hyper']
  readonly rows: { readonly train: number, readonly valid: number, readonly replay: number }
  /** Prompts and answers together. */
  readonly tokens: { readonly train: number, readonly valid: number, readonly replay: number }
  /** Of the longest row that is learnt from. */
  readonly longest: number
  /** Weights of the base. */
  readonly parameters: number
  /** Tokens that the evaluation writes, and reads beside; and how many of each the engine does in a second. */
  readonly evaluation: { readonly written: number, readonly read: number, readonly writeRate: number, readonly readRate: number }
}

/** A training that was done: its base's sha256, and tokens a second as the trainer counts them. */
export interface Past { readonly baseDigest: string, readonly trainRate: number, readonly method: Method }

/** Seconds in which Python has its libraries and the base's weights (trainer notes, §8: 8 to 25, of which the weights of 135M take 3). */
const imports = 7
const secondsPerWeight = 3 / 135e6
/** A replayed row is read three times, two of them without a way back. */
const replayCost = 3
/** There is no way back in reading only. */
const readCost = 1 / 3
/** KTO reads mismatched pairs too, which the trainer does not count. */
const ktoCost = 1.5
/** Of a run's speed against all before it: the machine's neighbours change. */
const recent = 0.5

/**
 * How long a training and its evaluation take and what they need at most, by
 * the formula of the trainer notes, §8. `doctorRate`: tokens a second of the
 * trainer's own test, for a base that nothing was trained on; `past`: the
 * newest first.
 */
export function estimateOf (amounts: Amounts, doctorRate: number, baseDigest: string, past: readonly Past[]): Estimate {
  const rates = past.filter(run => run.baseDigest === baseDigest && run.trainRate > 0).map(({ trainRate, method }) => trainRate * costOf(method))
  const { evaluation } = amounts
  const seconds = trainingSeconds(amounts, rateOf(rates) ?? doctorRate) + evaluation.written / evaluation.writeRate + evaluation.read / evaluation.readRate
  return { seconds, bytes: bytesOf(amounts), runs: rates.length }
}

/** Exponential average of runs, the newest first; null: there are none. */
export function rateOf (newestFirst: readonly number[]): number | null {
  return newestFirst.reduceRight<number | null>((average, rate) => average === null ? rate : average + recent * (rate - average), null)
}

/** Seconds of a training at a rate of tokens a second. */
export function trainingSeconds ({ method, hyper, rows, tokens, parameters }: Amounts, rate: number): number {
  const { epochs, batch, kl, replayBatch } = readingOf(hyper, method, rows.train)
  const steps = Math.ceil(rows.train / batch)
  const replayed = kl > 0 && rows.replay > 0 ? steps * replayBatch * tokens.replay / rows.replay : 0
  const learnt = tokens.train * costOf(method)
  const references = method === 'sft' ? 0 : readCost * (tokens.train + tokens.valid)
  // Before the first epoch, too: an epoch must be better than none.
  const validated = (epochs + 1) * readCost * tokens.valid
  return imports + parameters * secondsPerWeight + (epochs * (learnt + replayCost * replayed) + references + validated) / rate
}

function costOf (method: Method): number { return method === 'kto' ? ktoCost : 1 }

/** Bytes of Python and its libraries. */
const libraries = 350e6
/** Weights are fp32 while they learn. */
const bytesPerWeight = 4
/** What is kept of each token for the way back, at 135M weights (trainer notes, §8: 0.9 GB and 3 MB a token). */
const bytesPerToken = 3e6 / 135e6

/** Rows of a batch are filled up to its longest. */
function bytesOf ({ method, hyper, rows, longest, parameters }: Amounts): number {
  const { batch } = readingOf(hyper, method, rows.train)
  return Math.round(libraries + parameters * (bytesPerWeight + bytesPerToken * Math.min(batch, rows.train) * longest))
}
