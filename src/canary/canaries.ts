import type { ErrorCode } from '../errors.ts'

/** What is fixed before a canary begins: how many judged answers of each arm decide it, and what that number was made of. */
export interface Plan {
  /** Smallest difference of the share of good answers that is worth seeing, from 0.02 to 0.5. */
  readonly smallest: number
  /** Share of good answers of the live version so far; 0.5, where most are needed, while too few were judged. */
  readonly rate: number
  /** Judged answers that the rate is of. */
  readonly judged: number
  /** How many times as many are needed because one person's answers are alike. */
  readonly design: number
  /** Judged answers needed of each arm. */
  readonly needed: Both<number>
}

/** What is had of the candidate's arm and of the live version's. */
export interface Both<T> { readonly candidate: T, readonly live: T }

/** What people said of the answers of one arm. */
export interface Judged {
  readonly answers: number
  readonly people: number
  /** Share of good answers, from 0 to 1; null: none is judged. */
  readonly rate: number | null
}

/** What both arms came to. */
export interface Seen extends Both<Judged> {
  /** The candidate's share of good answers minus the live one's, with the interval that this look is held to; null: one of them has none. */
  readonly difference: { readonly mean: number, readonly low: number, readonly high: number } | null
}

/** One look at what was said by then. */
export interface Look extends Seen {
  /** Milliseconds since 1970 in UTC. */
  readonly at: number
  /** How far it was, in tenths of what was needed at first. */
  readonly tenths: number
  /** What came of it, for people. */
  readonly words: string
}

/** Answers of one arm. */
export interface Tried {
  /** Those that came to their end, or whose caller left. */
  readonly answers: number
  /** Those that the engine could not give. */
  readonly failed: number
}

/** How the answers of one arm were, beside what was said of them. Medians of the newest 1,000; null: there are none. */
export interface Manner {
  /** Milliseconds from the engine's begin to the first token. */
  readonly first: number | null
  /** Tokens of an answer. */
  readonly tokens: number | null
}

/** A canary as it stands. Times are milliseconds since 1970 in UTC. */
export interface Told {
  readonly id: string
  readonly adapter: string
  readonly candidate: number
  readonly live: number
  readonly percent: number
  readonly began: number
  /** null: it is under way. */
  readonly ended: number | null
  readonly outcome: 'promoted' | 'ended' | null
  /** How it stands, or why it ended, for people. */
  readonly words: string
  /** It came to its horizon and nobody but a person can decide it. */
  readonly waits: boolean
  readonly plan: Plan
  readonly extensions: number
  readonly looks: readonly Look[]
  readonly now: Seen
  readonly tried: Both<Tried>
  readonly manner: Both<Manner>
}

export interface Wanted {
  readonly version: number
  /** How many of a hundred people get it. */
  readonly percent: number
  /** As in `Plan`. */
  readonly smallest: number
}

/**
 * Canaries of adapters: each gives a share of people another version until a
 * rule that was fixed before, or a person, decides. Every method throws
 * `adapter_not_found`, and `canary_not_found` where there never was one.
 */
export interface Canaries {
  /** Throws what `Adapters.startCanary` throws. */
  start (name: string, wanted: Wanted, by: string): Promise<Told>
  /** The one under way, or else the last. */
  find (name: string): Promise<Told>
  /** Ends the one under way: the candidate goes off. Throws `canary_not_found` where none is. */
  end (name: string, by: string): Promise<Told>
  /** Adds as many judged answers as were planned first to one that waits for a person. Throws `canary_over`. */
  extend (name: string, by: string): Promise<Told>
  /** Counts an answer that a canary chose the version of: null, or the code of what ended it early. */
  tried (canary: string, version: number, failure: ErrorCode | null): void
}
