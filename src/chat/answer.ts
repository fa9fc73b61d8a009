import { randomUUID } from 'node:crypto'
import type { Directory, ModelLease } from '../adapters/directory.ts'
import { requireModels, requireNamed, requireScope, type Caller } from '../access/caller.ts'
import type { Limits } from '../access/limits.ts'
import { type ErrorCode, PublicError, problem, publicError } from '../errors.ts'
import type { Input, Message, Part } from '../inference/engine.ts'
import type { CompletionIds } from '../interactions/ids.ts'
import type { Interactions } from '../interactions/interactions.ts'
import type { People, Present } from '../privacy/people.ts'
import type { Policies } from '../privacy/policies.ts'
import { createContext, type Context, type ContextParts } from './context.ts'
import { keepingOf, type Keeping } from './keeping.ts'
import type { ChatEvent, ChatRequest } from './request.ts'

export type { ChatEvent, ChatRequest }
import { Draft, type DraftParts } from './draft.ts'

/** The use case everything else exists for. HTTP, SSE and WebSocket all call it. */
export type Answer = (request: ChatRequest, caller: Caller, signal: AbortSignal) => AsyncIterable<ChatEvent>

/** What answering needs of the rooms beside it. */
export interface AnswerParts extends ContextParts, DraftParts {
  readonly interactions: Pick<Interactions, 'open' | 'record'>
  readonly ids: Pick<CompletionIds, 'make'>
  readonly models: Directory
  readonly limits: Pick<Limits, 'admit' | 'spend'>
  readonly policies: Pick<Policies, 'of'>
  readonly people: Pick<People, 'enter'>
  /** Told of every answer whose version a canary chose: null, or the code of what ended it early. */
  readonly tried: (canary: string, version: number, failure: ErrorCode | null) => void
  readonly maxMessages: number
  /** Most tokens one answer may ask for; 0: what the context holds. */
  readonly maxTokens: number
  /** Most answers to one prompt. */
  readonly maxChoices: number
  /** Seconds an answer may take, waiting for a slot included. */
  readonly answerTimeout: number
}

/** Wires the use case; the function it returns never touches HTTP, and knows engines only by their port. */
export function createAnswer (parts: AnswerParts): Answer {
  const { models, ids, limits, policies, people, tried, maxMessages, maxTokens, maxChoices, answerTimeout } = parts
  const openContext = createContext(parts)
  return async function * answer (request, caller, signal) {
    requireScope(caller, 'chat')
    const { input, choices } = request
    const messages = input.type === 'chat' ? input.messages : []
    refuseMany(messages, maxMessages)
    if (choices > maxChoices) throw problem('too_many_choices', { count: choices, limit: maxChoices }, { param: 'n' })
    if (maxTokens !== 0 && request.maxTokens !== null && request.maxTokens > maxTokens) throw problem('token_limit_exceeded', { count: request.maxTokens, limit: maxTokens }, { param: 'max_tokens' })
    requireNamed(caller, [request.model, ...request.adapters.map(({ name }) => name)])
    await limits.admit(caller)
    const owner = { tenant: caller.tenant, user: caller.user ?? '' }

    const lease = models.lease(request.model, request.adapters, { tenant: caller.tenant, user: caller.user, session: request.session })
    const deadline = new AbortController()
    const timer = setTimeout(() => deadline.abort(problem('generation_timeout', { seconds: answerTimeout })), answerTimeout * 1000)
    let present: Present | null = null
    let leave: (() => void) | null = null
    let spent = 0
    let draft: Draft | null = null
    let failure: unknown = null
    try {
      requireModels(caller, lease.names)
      await lease.ready()
      present = await people.enter(owner)
      const { signal: erased } = present
      const either = AbortSignal.any([signal, deadline.signal, lease.signal, erased])
      const keeping = input.type === 'chat' ? keepingOf(caller, await policies.of(owner), request) : nothing
      const began = performance.now()
      const context = await openContext(request, messages, caller, keeping, lease, either)
      const recalled = performance.now()
      leave = await lease.admission.admit(caller.tenant, either, choices)
      const admitted = performance.now()
      for await (const { part, used } of generated(lease, caller, request, context, maxTokens, either)) {
        if (draft === null) {
          const created = Date.now()
          const start = { id: ids.make(input.type === 'chat' ? 'chatcmpl' : 'cmpl', owner, created, keeping.store), created, model: lease.target.model, version: lease.version, digest: lease.target.digest }
          draft = new Draft(start, { request, messages, caller, keeping, context: used, erased, canary: lease.canary, timings: { recall: recalled - began, queue: admitted - recalled, first: performance.now() - admitted } })
          spent = estimate(input)
          yield { type: 'start', ...start, created: Math.floor(start.created / 1000), session: used.session, memories: used.memories, forgetful: used.forgetful }
        }
        if (part.type === 'done') {
          spent = part.usage.promptTokens + part.usage.completionTokens
          yield { ...part, recorded: await draft.write(parts, { usage: part.usage, prompt: part.prompt, error: null }) }
          return
        }
        spent++
        const event = part.type === 'call' && part.name !== undefined ? { ...part, id: `call_${randomUUID().replaceAll('-', '')}` } : part
        draft.add(event)
        yield event
      }
      throw problem('incomplete_answer', {})
    } catch (error) {
      failure = error
      throw error
    } finally {
      clearTimeout(timer)
      leave?.()
      present?.leave()
      lease.release()
      if (spent > 0) limits.spend(caller, spent)
      if (lease.canary !== null && lease.version !== null) tried(lease.canary, lease.version, failure === null || left(signal) ? null : publicError(failure).code)
      // What was said so far is on record too; nobody waits for it any more.
      void draft?.write(parts, { usage: null, prompt: null, error: failure === null || left(signal) ? 'caller_left' : publicError(failure).code })
    }
  }
}

/** Whether the caller wants no more of it: who ends an answer for a reason of their own says which. */
function left (signal: AbortSignal): boolean { return signal.aborted && !(signal.reason instanceof PublicError) }

const nothing: Keeping = { read: false, write: false, store: false, training: false }

/**
 * What the engine says to the prompt. Where the prompt does not fit with its
 * memories, it is asked without them: they must never be what an answer fails of.
 */
async function * generated (lease: ModelLease, caller: Caller, request: ChatRequest, context: Context, maxTokens: number, signal: AbortSignal): AsyncGenerator<{ readonly part: Part, readonly used: Context }, void, undefined> {
  const { input, grammar, choices, logprobs, echo, stop, sampling } = request
  const ask = (prompt: Input): AsyncIterable<Part> => lease.engine.generate({
    target: lease.target,
    tenant: caller.tenant,
    input: prompt,
    grammar,
    choices,
    logprobs,
    echo,
    maxTokens: request.maxTokens ?? (maxTokens === 0 ? null : maxTokens),
    stop,
    sampling
  }, signal)
  try {
    for await (const part of ask(context.input)) yield { part, used: context }
  } catch (error) {
    // Nothing has been said then: it is refused before it is read.
    if (context.input === input || publicError(error).code !== 'context_length_exceeded') throw error
    const used: Context = { ...context, input, block: null, memories: [], profile: null, forgetful: true }
    for await (const part of ask(input)) yield { part, used }
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
