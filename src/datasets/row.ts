import type { Message, Tool } from '../inference/engine.ts'

/** An answer as a row teaches it or warns of it. */
export type Answer = Pick<Message, 'content' | 'calls'>

/** Where a row comes from: never an unrated answer of the model's own. */
export interface Evidence {
  /** The completion whose prompt it is. */
  readonly interaction: string
  /** Which of its answers, counted from 0, where several were asked for at once and it is not the first. */
  readonly choice?: number
  /** The completion of the rejected answer, where that is another. */
  readonly other?: string
  /** Ids of the feedback, and of the review, that made it a row. */
  readonly feedback: readonly string[]
  /** What answered then, with its version. */
  readonly model: string
}

interface Common {
  /** sha256 (hex, 32 characters) of the kind and the evidence: the same evidence always makes the row of the same id. */
  readonly id: string
  /** Whose it is in the database: an erasure takes it along. Never exported. */
  readonly owner: number
  /** The person under a pseudonym that is theirs in this tenant's data sets only; splits and caps go by it. */
  readonly group: string
  /** When the answer was given, in milliseconds since 1970 in UTC. */
  readonly at: number
  readonly evidence: Evidence
  /** The conversation as it was sent, system prompt included, ending before the answer. With recalled blocks and the profile in the user messages they stood in, unless they were dropped. */
  readonly prompt: readonly Message[]
  readonly tools: readonly Tool[]
  /** Whether a memory or a profile stands in the prompt. */
  readonly remembered: boolean
  /** What the blocks and the profile quoted, for checks; '' where `remembered` is false. */
  readonly quoted: string
}

/** One example, before or after filters. */
export type Row = Common & (
  /** A correction, or an answer that a reviewer approved or edited: it is taught. `rejected` is what had been answered instead, where that was another text. */
  | { readonly kind: 'demonstration', readonly answer: Answer, readonly rejected: Answer | null }
  /** One of two answers to one prompt was preferred. */
  | { readonly kind: 'preference', readonly answer: Answer, readonly rejected: Answer }
  /** The model's own answer with a thumb (or a rating of at most 0.25 or at least 0.75). */
  | { readonly kind: 'verdict', readonly answer: Answer, readonly good: boolean }
)

/** What a filter says of a row: keep it (perhaps changed), or drop it and why. */
export type Judgement = { readonly keep: Row, readonly changed?: string } | { readonly drop: string }

/**
 * One step of curation, pure: the same rows in the same order give the same
 * judgements. Where the verdict on a row needs the others, `look` is shown all
 * rows that came this far before the first is judged; what it keeps of each is
 * small (numbers and hashes, no texts), since there may be 100,000.
 */
export interface Filter {
  /** Recorded in the manifest with the settings. */
  readonly name: string
  /** What it drops and why, in one line for people. */
  readonly about: string
  /** JSON; two filters with the same name and settings do the same. */
  readonly settings: Readonly<Record<string, unknown>>
  look? (row: Row): void
  judge (row: Row): Judgement
  /** After the last row: what is worth telling besides counts, for the card. JSON; no text of any row in it. */
  report? (): Readonly<Record<string, unknown>>
}
