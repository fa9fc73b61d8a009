import type { Reach } from './interactions.ts'

/** What people say of an answer. */
export type Said =
  | { readonly kind: 'thumb', readonly value: boolean }
  /** From 0 (worst) to 1 (best). */
  | { readonly kind: 'rating', readonly value: number }
  /** The better answer, as it should have been. */
  | { readonly kind: 'correction', readonly value: string }
  /** One of two completions of one session was the better one; `rejected` is the other one's id. */
  | { readonly kind: 'preference', readonly value: { readonly chosen: string, readonly rejected: string } }
  /** Words about it, in `comment`. */
  | { readonly kind: 'comment', readonly value: null }
  /** What came of it, as a measure of the application's own. */
  | { readonly kind: 'outcome', readonly value: { readonly metric: string, readonly number: number } }

/** What is derived from how the conversation went on, and is never taken for what people said. */
export type Implied =
  /** The same question was asked again: the answer was wanted anew. */
  | { readonly kind: 'regenerated', readonly value: null }
  /** The next message, within a minute, was nearly the same question. */
  | { readonly kind: 'rephrased', readonly value: null }
  /** The caller left before the answer ended. */
  | { readonly kind: 'abandoned', readonly value: null }
  /** The client told that the text was copied after an edit; the value is the edited text. */
  | { readonly kind: 'edited', readonly value: string }

interface Common {
  /** On one answer; null: on the whole session. */
  readonly completion: string | null
  readonly session: string
  /** Free words beside it; well-formed Unicode. */
  readonly comment: string | null
  /** Who gave it, where the application says so: the user themselves, a colleague, a reviewer. */
  readonly author: string | null
}

export type NewFeedback = (Said | Implied) & Omit<Common, 'session'> & { readonly session: string | null }

/** Feedback as it was recorded. Nothing changes or removes it but an erasure; a later word of the same kind by the same author on the same answer outweighs the earlier one. */
export type Feedback = (Said | Implied) & Common & {
  readonly id: string
  /** Only grows, and is never given twice. */
  readonly seq: number
  /** Milliseconds since 1970 in UTC. */
  readonly created: number
  /** False: derived, not said. */
  readonly said: boolean
}

/** Which feedback: all that is not null must hold. */
export interface Sought {
  readonly completion: string | null
  readonly session: string | null
  readonly kind: Feedback['kind'] | null
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
   * reach, `not_stored` where a correction or preference is on an answer whose
   * text is not on record, and `preference_apart` for two of different sessions.
   */
  give (reach: Reach, feedback: NewFeedback, key: string | null): Promise<{ readonly feedback: Feedback, readonly fresh: boolean }>
  list (reach: Reach, sought: Sought): Promise<{ readonly data: readonly Feedback[], readonly more: boolean }>
}
