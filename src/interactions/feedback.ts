import type { Reach } from './interactions.ts'

/** What people say of an answer. */
export type Said =
  | { readonly kind: 'thumb', readonly value: boolean }
  /** From 0 (worst) to 1 (best). */
  | { readonly kind: 'rating', readonly value: number }
  /** The better answer, as it should have been. */
  | { readonly kind: 'correction', readonly value: string }
  /** One of two answers of one session was the better one: their completions, and where either is not the first of several (`n`), which they are: [chosen, rejected], counted from 0. */
  | { readonly kind: 'preference', readonly value: { readonly chosen: string, readonly rejected: string, readonly choices?: readonly [chosen: number, rejected: number] } }
  /** Words about it, in `comment`. */
  | { readonly kind: 'comment', readonly value: null }
  /** What came of it, as a measure of the application's own. */
  | { readonly kind: 'outcome', readonly value: { readonly metric: string, readonly number: number } }

/** What the client tells of, and is never taken for what people said: the text was copied after an edit, to this. */
export type Told = { readonly kind: 'edited', readonly value: string }

interface Common {
  /** The answer; null: it is on the whole session. */
  readonly completion: string | null
  /** Which of the answers that were asked for at once (`n`), counted from 0: 0 on a session, and of a preference that of the better one. */
  readonly choice: number
  /** null: the answer was not stored. */
  readonly session: string | null
  /** Free words beside it. */
  readonly comment: string | null
  /** Who gave it, where the application says so: the user themselves, a colleague, a reviewer. */
  readonly author: string | null
}

/** Texts are well-formed Unicode. `session` names one where `completion` is null, and may be left out otherwise. */
export type NewFeedback = (Said | Told) & Common

/** Feedback as it was recorded. Nothing changes it, and it goes only with what it is on; a later word of the same kind by the same author on the same answer outweighs the earlier one. */
export type Feedback = (Said | Told) & Common & {
  readonly id: string
  /** Only grows, and is never given twice. */
  readonly seq: number
  /** Milliseconds since 1970 in UTC. */
  readonly created: number
  /** False: told by the client. */
  readonly said: boolean
}

/** What the way a conversation went tells of an answer in it. Derived when it is asked for, and kept nowhere. */
export interface Signal {
  /**
   * `regenerated`: the same was asked again. `rephrased`: nearly the same was
   * asked within a minute. `abandoned`: the caller left before the end.
   */
  readonly kind: 'regenerated' | 'rephrased' | 'abandoned'
  readonly completion: string
  readonly session: string
}

/** Which feedback: all that is not null must hold. */
export interface Sought {
  readonly completion: string | null
  readonly session: string | null
  readonly kind: Feedback['kind'] | null
  /** The id of the last one of the page before; null: the first page. */
  readonly after: string | null
  readonly limit: number
}

/**
 * What was said of answers, beside the record of them. Every method rejects
 * with `storage_full` or `storage_failed` where the database does.
 */
export interface FeedbackRecord {
  /**
   * Resolves once it would survive a power cut. The same `key` (an idempotency
   * key, per tenant) with the same content gives what was recorded then; with
   * another content it throws `idempotency_conflict`. Throws
   * `completion_not_found` or `session_not_found` for what is unknown or out of
   * reach, `choice_not_found` where fewer answers were asked for, `not_stored`
   * for words about an answer whose text is not kept, and `preference_apart` for
   * two of different sessions.
   */
  give (reach: Reach, feedback: NewFeedback, key: string | null): Promise<{ readonly feedback: Feedback, readonly fresh: boolean }>
  /** In order of record. Throws `invalid_request` for an unknown `after`. */
  list (reach: Reach, sought: Sought): Promise<{ readonly data: readonly Feedback[], readonly more: boolean }>
  /** Of one answer or of a session, in order of record; none where nothing of it is on record. */
  signals (reach: Reach, of: { readonly completion: string } | { readonly session: string }): Promise<readonly Signal[]>
}
