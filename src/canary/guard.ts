import type { ErrorCode } from '../errors.ts'
import type { Both, Tried } from './canaries.ts'

/** What the engine, and not the request or the load, is to blame for. Weights that are not numbers end as `generation_failed`. */
const broken: ReadonlySet<ErrorCode> = new Set(['generation_failed', 'engine_died', 'incomplete_answer', 'adapter_damaged', 'adapter_load_failed', 'internal_error'])

/** Whether an answer counts, and as what; null: it says nothing of the version. */
export function countsAs (failure: ErrorCode | null): keyof Tried | null {
  return failure === null ? 'answers' : broken.has(failure) ? 'failed' : null
}

/** How many times likelier an answer of a broken candidate is to fail: what the guard bets on. */
const odds = 20
/** Answers that the share which was drawn is worth, beside those that were given: people differ in how much they ask. */
const drawn = 50
/** At most one in so many sound candidates is ended by the guard. */
const falseAlarms = 1000

/**
 * Whether the candidate's answers fail more than the live one's, at any moment
 * that one cares to ask. If a failure is as likely in either arm, each failure
 * is the candidate's with the probability of its share. The likelihood of how
 * they fell under odds of 20 against that is then a martingale, and passes
 * 1,000 with a probability of at most 1/1,000, however often it is looked at
 * (Ville's inequality; Ramdas and others, Statistical Science 38 (2023) 576).
 * At a share of 20 % five failures are enough, at 5 % three, at 50 % eleven,
 * while the live version has none and answers as it should.
 */
export function fails ({ candidate, live }: Both<Tried>, percent: number): boolean {
  const all = candidate.answers + candidate.failed + live.answers + live.failed
  const share = Math.max(percent / 100, (candidate.answers + candidate.failed + drawn * percent / 100) / (all + drawn))
  const bet = odds * share / (1 - share + odds * share)
  return candidate.failed * Math.log(bet / share) + live.failed * Math.log((1 - bet) / (1 - share)) >= Math.log(falseAlarms)
}
