import type { Feedback } from '../interactions/feedback.ts'
import type { Interaction } from '../interactions/interactions.ts'

/** What a reviewer says of an answer. */
export type Decision =
  /** It may be taught as it is. */
  | { readonly verdict: 'approved', readonly answer: null }
  /** `answer` is taught in its place. */
  | { readonly verdict: 'edited', readonly answer: string }
  /** Nothing is made of it, whatever else was said of it. */
  | { readonly verdict: 'rejected', readonly answer: null }

/** By whom, and why; the reason may be left out. */
export type NewReview = Decision & { readonly reviewer: string, readonly reason: string | null }

/** A decision as it was recorded. Nothing changes it; a later one on the same answer outweighs it. */
export type Review = NewReview & {
  readonly id: string
  /** Only grows, and is never given twice. */
  readonly seq: number
  /** The completion's id. */
  readonly interaction: string
  /** Milliseconds since 1970 in UTC. */
  readonly created: number
}

/** What stands for an answer so far: somebody's better one, somebody's verdict (a thumb, rating or preference), or nothing. */
export type Evidence = 'correction' | 'verdict' | 'none'

/** Which answers: all that is not null must hold. */
export interface Sought {
  readonly tenant: string | null
  readonly evidence: Evidence | null
  /** Whether somebody has reviewed them. */
  readonly reviewed: boolean
  /** The completion's id with which the page before ended. */
  readonly after: string | null
  readonly limit: number
}

/** An answer with all that a reviewer needs to judge it. */
export interface Candidate {
  readonly interaction: Interaction
  readonly feedback: readonly Feedback[]
  /** The latest one; null: nobody has reviewed it. */
  readonly review: Review | null
}

/**
 * The queue between what was answered and what is taught, and the record of
 * what was decided. An answer waits in it where its user lets data sets be made
 * of it, it came to its end and nobody has reviewed it. Every method rejects
 * with `storage_full` or `storage_failed` where the database does.
 */
export interface Reviews {
  /** The newest first. Throws `completion_not_found` for an unknown `after`. */
  list (sought: Sought): Promise<{ readonly data: readonly Candidate[], readonly more: boolean }>
  /** Resolves once it would survive a power cut. Throws `completion_not_found`, `not_for_training` where no data set may be made of the answer, and `review_empty` where it was edited to nothing. */
  give (interaction: string, review: NewReview): Promise<Review>
}
