/** Whose memories. Every method takes one first, so no question can forget it. */
export interface Owner {
  readonly tenant: string
  readonly user: string
}

/**
 * `turn`: verbatim what was said, the truth that all else is derived from.
 * `note`: written by the user or an application. The others are found in turns
 * by rules and name the turn they come from.
 */
export type Kind = 'turn' | 'note' | 'fact' | 'preference' | 'instruction'

/** Who said it, where it was said in a chat. */
export type Role = 'user' | 'assistant'

/** Times are milliseconds since 1970 in UTC throughout. */
export interface NewMemory {
  readonly kind: Kind
  /** At most `longestMemory` characters, well-formed Unicode, not blank. */
  readonly text: string
  /** Groups turns; what stands before and after a turn in its session helps to find it. */
  readonly session?: string | null
  /** Order within the session; without it, after everything that is there. */
  readonly position?: number
  readonly role?: Role | null
  /** The speaker's name. */
  readonly speaker?: string | null
  /** When it was said or happened; without it, now. */
  readonly at?: number
  /** The sender's own id: a second memory of one owner with the same id is not written, whatever it says. */
  readonly externalId?: string | null
  /** The interaction it was said in. */
  readonly interaction?: string | null
  /** The memory it was derived from. */
  readonly source?: string | null
  /** Memories that no longer hold from `at` on, because this one does. They stay, as its history. */
  readonly supersedes?: readonly string[]
}

export interface Memory {
  readonly id: string
  readonly kind: Kind
  readonly text: string
  readonly session: string | null
  readonly position: number | null
  readonly role: Role | null
  readonly speaker: string | null
  readonly at: number
  readonly recordedAt: number
  /** Until when it held; null: it holds. */
  readonly endedAt: number | null
  readonly supersededBy: string | null
  readonly externalId: string | null
  readonly interaction: string | null
  readonly source: string | null
}

export interface Question {
  readonly query: string
  /** Most memories; without it 10, or as many as fit into `maxTokens`. */
  readonly limit?: number
  /** Most tokens that their quotes may take in a prompt, estimated; no bound without it. */
  readonly maxTokens?: number
  /** What was known to hold at this time; without it, now. */
  readonly asOf?: number
  readonly kinds?: readonly Kind[]
  /** What is not to be recalled: memories by id, and whatever is part of one of these texts. */
  readonly exclude?: { readonly ids?: readonly string[], readonly texts?: readonly string[] }
  /** Say of each memory why it came. */
  readonly explain?: boolean
  /** The question is given up when it fires, and its reason thrown. */
  readonly signal?: AbortSignal
}

export interface Recall {
  /** Best first. */
  readonly memories: readonly Recalled[]
  /** False: nothing here has to do with the question, and a prompt is better without it. */
  readonly relevant: boolean
  /** True: no vectors were compared, because there is no embedder or it failed. */
  readonly lexicalOnly: boolean
}

export interface Recalled extends Memory {
  /** Comparable within one recall only. */
  readonly score: number
  /** The sentences that matter, at most `longestQuote` characters; what a prompt quotes. */
  readonly quote: string
  readonly why?: Reasons
}

/** Why a memory came. Each share is what it added to the score. */
export interface Reasons {
  /** Words of the question that were found, as they are indexed. */
  readonly words: readonly string[]
  readonly lexical: number
  readonly dense: number
  readonly late: number
  /** Cosine to the question; null: not compared. */
  readonly cosine: number | null
  /** What raised or lowered the share of the words: the named speaker, a date of the question, … */
  readonly factors: Readonly<Record<string, number>>
}

export interface Filter {
  readonly kinds?: readonly Kind[]
  readonly session?: string
  readonly externalId?: string
  /** Only what holds at this time. Without it, all that was ever recorded, ended or not. */
  readonly asOf?: number
}

export interface Page {
  /** Newest recorded first goes on after this memory; from the newest without it. */
  readonly after?: string | null
  /** 1 to 1,000. */
  readonly limit: number
}

/** What may be changed. The old wording stays as history. */
export interface Change {
  readonly text?: string
  readonly kind?: Kind
  readonly at?: number
  readonly endedAt?: number | null
}

/** How far embedding has come, over all owners. */
export interface Progress { readonly embedded: number, readonly pending: number }

/**
 * What each person's past conversations are kept in and recalled from. No
 * language model is called, neither at writing nor at recalling.
 *
 * A full or broken disk rejects with `storage_full` or `storage_failed`, an
 * unusable memory with `invalid_memory` or `memory_too_large`; then nothing of
 * the call was written. One owner's writes follow each other.
 */
export interface Memories {
  recall (owner: Owner, question: Question): Promise<Recall>
  /**
   * Resolves once the memories would survive a power cut; from then on they are
   * found by their words, and by their vectors a little later. `ids` are in the
   * order of the items, `pending` counts this owner's memories without vectors.
   * What `forget` names is erased in the same transaction.
   */
  remember (owner: Owner, items: readonly NewMemory[], options?: { readonly forget?: readonly string[] }): Promise<{ readonly ids: readonly string[], readonly pending: number }>
  /**
   * Brings memories back as they were elsewhere: ids, times and history stay.
   * One whose id, or whose sender's own id, is there already is left out.
   * Resolves as `remember` does, to how many are new; nothing is begun once
   * `signal` has fired.
   */
  restore (owner: Owner, memories: readonly Memory[], signal?: AbortSignal): Promise<number>
  list (owner: Owner, filter: Filter, page: Page): Promise<{ readonly memories: readonly Memory[], readonly next: string | null }>
  /** Null: this owner has no such memory. `history`: what it superseded, newest first. */
  get (owner: Owner, id: string): Promise<(Memory & { readonly history: readonly Memory[] }) | null>
  /** Null: this owner has no such memory. */
  change (owner: Owner, id: string, change: Change): Promise<Memory | null>
  /** Erases memories and what they superseded, leaving no trace in the tables; resolves to how many are gone. */
  forget (owner: Owner, ids: readonly string[] | 'all'): Promise<number>
  /** How many memories have no vectors yet; 0 without an embedder. */
  pending (owner: Owner): Promise<number>
  progress (): Promise<Progress>
  /** Finishes what is being written; embedding goes on at the next start. */
  close (): Promise<void>
}

/** Characters of one memory: more than any context here holds of one message, and at most 292 units of the index. */
export const longestMemory = 131_072
/** Characters of a quote: memory notes §7; ten quotes of this length are about 750 tokens. */
export const longestQuote = 300
