import type { Caller } from '../access/caller.ts'
import type { FinishReason, Message, Sampling, Usage } from '../inference/engine.ts'

/** A chat request in the product's own terms; routes and sockets make it from wire shapes. */
export interface ChatRequest {
  /** As the caller wrote it; null: the default model. */
  readonly model: string | null
  readonly messages: readonly Message[]
  readonly maxTokens: number | null
  readonly stop: readonly string[]
  readonly sampling: Sampling
}

/**
 * What an answer is made of, in order: one `start` when the first token is
 * there, then text and reasoning, then exactly one `done`. Anything else ends
 * in a thrown `PublicError`.
 */
export type ChatEvent =
  | { readonly type: 'start', readonly id: string, readonly created: number, readonly model: string, readonly fingerprint: string }
  | { readonly type: 'text' | 'reasoning', readonly text: string }
  | { readonly type: 'done', readonly reason: FinishReason, readonly usage: Usage }

/** The use case everything else exists for. HTTP, SSE and WebSocket all call it. */
export type Answer = (request: ChatRequest, caller: Caller, signal: AbortSignal) => AsyncIterable<ChatEvent>
