import type { Generation, Part, Piece } from '../inference/engine.ts'
import type { Wish } from './keeping.ts'

/** A request in the product's own terms; routes and sockets make it from wire shapes. */
export interface ChatRequest extends Wish, Pick<Generation, 'input' | 'grammar' | 'choices' | 'logprobs' | 'echo' | 'maxTokens' | 'stop' | 'sampling'> {
  /** As the caller wrote it; null: the default model. */
  readonly model: string | null
  /** Further adapters on it, by name or `name@version`. */
  readonly adapters: readonly { readonly name: string, readonly scale: number }[]
  /** As the caller names it; null: found by the conversation. */
  readonly session: string | null
  /** Most tokens of memories in the prompt; null: what the machine affords. */
  readonly memoryTokens: number | null
  /** Pairs to find the answer by. */
  readonly metadata: Readonly<Record<string, string>>
}

/**
 * What an answer is made of, in order: one `start` when the first token is
 * there, then pieces of its choices, an `end` for each, then exactly one
 * `done`. Anything else ends in a thrown `PublicError`. A call has its id where
 * it has its name.
 */
export type ChatEvent =
  | Start
  | Exclude<Piece, { type: 'call' }>
  | (Extract<Piece, { type: 'call' }> & { readonly id?: string })
  /** `recorded`: whether the answer is on record, durably; null: it was not to be. */
  | (Extract<Part, { type: 'done' }> & { readonly recorded: boolean | null })

interface Start {
  readonly type: 'start'
  readonly id: string
  /** Unix seconds. */
  readonly created: number
  readonly model: string
  readonly version: number | null
  readonly digest: string
  /** null: nothing of this is kept. */
  readonly session: string | null
  /** Ids of the memories that the newest user turn is answered with. */
  readonly memories: readonly string[]
  /** Memories were wanted, but could not be had in time. */
  readonly forgetful: boolean
}
