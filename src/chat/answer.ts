import { randomUUID } from 'node:crypto'
import type { Directory } from '../adapters/directory.ts'
import { requireModels, requireNamed, requireScope, type Caller } from '../access/caller.ts'
import type { Limits } from '../access/limits.ts'
import { problem } from '../errors.ts'
import type { Generation, Input, Message, Part, Piece } from '../inference/engine.ts'

/** A request in the product's own terms; routes and sockets make it from wire shapes. */
export interface ChatRequest extends Pick<Generation, 'input' | 'grammar' | 'choices' | 'logprobs' | 'echo' | 'maxTokens' | 'stop' | 'sampling'> {
  /** As the caller wrote it; null: the default model. */
  readonly model: string | null
  /** Further adapters on it, by name or `name@version`. */
  readonly adapters: readonly { readonly name: string, readonly scale: number }[]
}

/**
 * What an answer is made of, in order: one `start` when the first token is
 * there, then pieces of its choices, an `end` for each, then exactly one
 * `done`. Anything else ends in a thrown `PublicError`. A call has its id where
 * it has its name.
 */
export type ChatEvent =
  | { readonly type: 'start', readonly id: string, readonly created: number, readonly model: string, readonly version: number | null, readonly digest: string }
  | Exclude<Piece, { type: 'call' }>
  | (Extract<Piece, { type: 'call' }> & { readonly id?: string })
  | Extract<Part, { type: 'done' }>

/** The use case everything else exists for. HTTP, SSE and WebSocket all call it. */
export type Answer = (request: ChatRequest, caller: Caller, signal: AbortSignal) => AsyncIterable<ChatEvent>

/** What answering needs of the rooms beside it. */
export interface AnswerParts {
  readonly models: Directory
  readonly limits: Pick<Limits, 'admit' | 'spend'>
  readonly maxMessages: number
  /** Most tokens one answer may ask for; 0: what the context holds. */
  readonly maxTokens: number
  /** Most answers to one prompt. */
  readonly maxChoices: number
  /** Seconds an answer may take, waiting for a slot included. */
  readonly answerTimeout: number
}

/** Wires the use case; the function it returns never touches HTTP, and knows engines only by their port. */
export function createAnswer ({ models, limits, maxMessages, maxTokens, maxChoices, answerTimeout }: AnswerParts): Answer {
  return async function * answer (request, caller, signal) {
    requireScope(caller, 'chat')
    const { input, choices } = request
    if (input.type === 'chat') refuseMany(input.messages, maxMessages)
    if (choices > maxChoices) throw problem('too_many_choices', { count: choices, limit: maxChoices }, { param: 'n' })
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
      leave = await lease.admission.admit(caller.tenant, either, choices)
      const parts = lease.engine.generate({
        target: lease.target,
        tenant: caller.tenant,
        input,
        grammar: request.grammar,
        choices,
        logprobs: request.logprobs,
        echo: request.echo,
        maxTokens: request.maxTokens ?? (maxTokens === 0 ? null : maxTokens),
        stop: request.stop,
        sampling: request.sampling
      }, either)
      let started = false
      for await (const part of parts) {
        if (!started) {
          started = true
          spent = estimate(input)
          yield { type: 'start', id: `${input.type === 'chat' ? 'chatcmpl' : 'cmpl'}-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model: lease.target.model, version: lease.version, digest: lease.target.digest }
        }
        spent = part.type === 'done' ? part.usage.promptTokens + part.usage.completionTokens : spent + 1
        yield part.type === 'call' && part.name !== undefined ? { ...part, id: `call_${randomUUID().replaceAll('-', '')}` } : part
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
function estimate (input: Input): number {
  switch (input.type) {
    case 'chat': return Math.ceil(input.messages.reduce((sum, message) => sum + message.content.length, 0) / 4)
    case 'text': return Math.ceil(input.text.length / 4)
    case 'tokens': return input.tokens.length
  }
}
