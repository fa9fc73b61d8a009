import { randomUUID } from 'node:crypto'
import type { Directory } from '../adapters/directory.ts'
import { requireModels, requireNamed, requireScope, type Caller } from '../access/caller.ts'
import type { Limits } from '../access/limits.ts'
import { problem } from '../errors.ts'
import type { FinishReason, Message, Sampling, Usage } from '../inference/engine.ts'

/** A chat request in the product's own terms; routes and sockets make it from wire shapes. */
export interface ChatRequest {
  /** As the caller wrote it; null: the default model. */
  readonly model: string | null
  /** Further adapters on it, by name or `name@version`. */
  readonly adapters: readonly { readonly name: string, readonly scale: number }[]
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
  | { readonly type: 'start', readonly id: string, readonly created: number, readonly model: string, readonly version: number | null, readonly digest: string }
  | { readonly type: 'text' | 'reasoning', readonly text: string }
  | { readonly type: 'done', readonly reason: FinishReason, readonly usage: Usage }

/** The use case everything else exists for. HTTP, SSE and WebSocket all call it. */
export type Answer = (request: ChatRequest, caller: Caller, signal: AbortSignal) => AsyncIterable<ChatEvent>

/** What answering needs of the rooms beside it. */
export interface AnswerParts {
  readonly models: Directory
  readonly limits: Pick<Limits, 'admit' | 'spend'>
  readonly maxMessages: number
  /** Most tokens one answer may ask for; 0: what the context holds. */
  readonly maxTokens: number
  /** Seconds an answer may take, waiting for a slot included. */
  readonly answerTimeout: number
}

/** Wires the use case; the function it returns never touches HTTP, and knows engines only by their port. */
export function createAnswer ({ models, limits, maxMessages, maxTokens, answerTimeout }: AnswerParts): Answer {
  return async function * answer (request, caller, signal) {
    requireScope(caller, 'chat')
    const { messages } = request
    refuseMany(messages, maxMessages)
    if (maxTokens !== 0 && request.maxTokens !== null && request.maxTokens > maxTokens) throw problem('token_limit_exceeded', { count: request.maxTokens, limit: maxTokens }, { param: 'max_tokens' })
    requireNamed(caller, [request.model, ...request.adapters.map(({ name }) => name)])
    await limits.admit(caller)

    const lease = models.lease(request.model, request.adapters)
    const deadline = new AbortController()
    const timer = setTimeout(() => deadline.abort(problem('generation_timeout', { seconds: answerTimeout })), answerTimeout * 1000)
    let leave: (() => void) | null = null
    let spent = 0
    try {
      requireModels(caller, lease.names)
      await lease.ready()
      const either = AbortSignal.any([signal, deadline.signal, lease.signal])
      leave = await lease.admission.admit(caller.tenant, either)
      const parts = lease.engine.generate({
        target: lease.target,
        tenant: caller.tenant,
        messages,
        maxTokens: request.maxTokens ?? (maxTokens === 0 ? null : maxTokens),
        stop: request.stop,
        sampling: request.sampling
      }, either)
      let started = false
      for await (const part of parts) {
        if (!started) {
          started = true
          spent = estimate(messages)
          yield { type: 'start', id: `chatcmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model: lease.target.model, version: lease.version, digest: lease.target.digest }
        }
        spent = part.type === 'done' ? part.usage.promptTokens + part.usage.completionTokens : spent + 1
        yield part
        if (part.type === 'done') return
      }
      throw problem('incomplete_answer', {})
    } finally {
      clearTimeout(timer)
      leave?.()
      lease.release()
      if (spent > 0) limits.spend(caller, spent)
    }
  }
}

export function refuseMany (messages: readonly Message[], limit: number): void {
  if (messages.length > limit) throw problem('too_many_messages', { count: messages.length, limit }, { param: 'messages' })
}

/** Prompt tokens of an answer that never came to say its usage: real text averages about four characters a token. */
function estimate (messages: readonly Message[]): number {
  return Math.ceil(messages.reduce((sum, message) => sum + message.content.length, 0) / 4)
}
