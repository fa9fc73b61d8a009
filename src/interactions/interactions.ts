import type { FinishReason, Message, ToolCall, Usage } from '../inference/engine.ts'

/** Whose interaction it is. */
export interface Owner {
  readonly tenant: string
  /** The end user; '' where nobody was named. */
  readonly user: string
}

/** Whose interactions may be seen: those of one user, or with null all of the tenant's. */
export interface Reach {
  readonly tenant: string
  readonly user: string | null
}

/** One of the answers to a prompt. */
export interface Choice {
  readonly content: string
  /** '' where the model did not think first. */
  readonly reasoning: string
  readonly calls: readonly ToolCall[]
  /** null: it was cut off. */
  readonly reason: FinishReason | null
}

/** Pairs that the caller attached, as OpenAI has them. */
export type Metadata = Readonly<Record<string, string>>

/** What an answer was made of. Texts are well-formed Unicode. Times are milliseconds since 1970 in UTC. */
export interface NewInteraction {
  /** The completion's id. */
  readonly id: string
  readonly owner: Owner
  /** As `open` named it. */
  readonly session: string
  readonly created: number
  /** What answered, version included, and the version where it is an adapter. */
  readonly model: string
  readonly version: number | null
  /** Of all weights that answered. */
  readonly digest: string
  /** The conversation as the caller sent it: no block, no profile. */
  readonly messages: readonly Message[]
  /** Memory block before the newest user message; null: none. */
  readonly block: string | null
  /** Frame at the head of the first user message; null: none. */
  readonly profile: string | null
  /** Ids of the memories that `block` quotes. */
  readonly memories: readonly string[]
  /** sha256 (hex) of the prompt's token ids; null where the answer ended before it was known. */
  readonly prompt: string | null
  readonly choices: readonly Choice[]
  readonly usage: Usage | null
  /** Milliseconds by what took them. */
  readonly timings: Readonly<Record<string, number>>
  /** The request's sampling, limits and tools under OpenAI's names; JSON. */
  readonly params: Readonly<Record<string, unknown>>
  readonly metadata: Metadata
  readonly keyId: string | null
  /** Code of what ended the answer early; null: nothing did. */
  readonly error: string | null
  /** What was said may become memories. */
  readonly remember: boolean
  /** Data sets may be made of it. */
  readonly training: boolean
  /** The canary whose draw chose the version; left out: none did. */
  readonly canary?: string
}

/** An interaction as it was recorded. */
export interface Interaction extends NewInteraction {
  /** Only grows, and is never given twice. */
  readonly seq: number
  /**
   * For each message its chain key (hex): equal keys mean that it and all
   * before it were the same, system messages apart, which have none (null).
   */
  readonly keys: readonly (string | null)[]
  /** The key that the first choice has as the next message; null: there is no choice. */
  readonly answerKey: string | null
}

/** An interaction without its conversation. */
export type Completion = Omit<Interaction, 'messages' | 'keys'>

/** With what a user message of the conversation was answered before. */
export type Kept = Pick<Interaction, 'block' | 'profile' | 'memories'>

/** What is on record about a conversation that goes on. */
export interface Opened {
  readonly session: string
  /**
   * For each user message answered before, by its index: what stands before it
   * in the prompt, byte for byte. The last message may be among them, where an
   * answer is asked for again or a tool's result is handed in.
   */
  readonly kept: ReadonlyMap<number, Kept>
  /** Ids of all memories that the kept blocks quote. */
  readonly quoted: ReadonlySet<string>
  /** The frame that the conversation began with (null: none), which stays as it is; undefined: none of it is on record. */
  readonly profile: string | null | undefined
  /** The newest interaction asked exactly this before, whose answer is now asked for again; null: none. */
  readonly repeats: string | null
}

export interface Page {
  /** The id of the last one of the page before; null: the first page. */
  readonly after: string | null
  readonly limit: number
  /** By time of record. */
  readonly order: 'asc' | 'desc'
  /** Only those that this model answered; null: all. */
  readonly model: string | null
  /** Only those with all these pairs. */
  readonly metadata: Metadata
}

/**
 * The one durable record of every answer. Whether one may be kept at all is the
 * caller's to decide. Every method rejects with `storage_full` or
 * `storage_failed` where the database does.
 */
export interface Interactions {
  /**
   * Finds the session that a conversation belongs to, and what it was answered
   * with so far. `session` is the one that the caller named. Without it, the
   * session goes on whose answer is the latest turn that this owner's record
   * and the conversation share; the same question again within 30 minutes,
   * with nothing in its session since, stays in it; all else begins a session.
   */
  open (owner: Owner, session: string | null, messages: readonly Message[]): Promise<Opened>
  /** Resolves once it would survive a power cut; nothing is begun once `signal` has fired. */
  record (interaction: NewInteraction, signal?: AbortSignal): Promise<void>
  /** Throws `completion_not_found`, also for what is out of reach. */
  find (reach: Reach, id: string): Promise<Interaction>
  /** Throws `completion_not_found` for an unknown `after`. */
  list (reach: Reach, page: Page): Promise<{ readonly data: readonly Completion[], readonly more: boolean }>
  /** Takes the place of the metadata before. Throws `completion_not_found`. */
  setMetadata (reach: Reach, id: string, metadata: Metadata): Promise<void>
  /** Forgets the interaction, and the messages that no other of the same owner holds. Throws `completion_not_found`. */
  remove (reach: Reach, id: string): Promise<void>
  /** The first `limit` of one owner's, or of all owners', after `seq`, in order of record. */
  since (seq: number, limit: number, owner?: Owner): Promise<readonly Interaction[]>
}
