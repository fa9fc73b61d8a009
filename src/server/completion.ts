import type { ChatEvent } from '../chat/answer.ts'
import { grow, type Growing } from '../chat/growing.ts'
import { problem } from '../errors.ts'
import type { FinishReason, TokenLogprob, Usage as TokenCounts } from '../inference/engine.ts'
import type { ChunkWire, CompletionWire, LogprobsWire, UsageWire } from './schemas/chat.ts'

type Start = Extract<ChatEvent, { type: 'start' }>
type Delta = ChunkWire['choices'][number]['delta']
type Message = CompletionWire['choices'][number]['message']

/** The whole answer as one object. Throws what the answer throws, and closes it. */
export async function completionOf (events: AsyncIterable<ChatEvent>): Promise<CompletionWire> {
  let start: Start | null = null
  const choices: Growing[] = []
  for await (const event of events) {
    if (event.type === 'start') start = event
    else if (event.type !== 'done') grow(choices, event)
    else {
      if (start === null) break
      return {
        ...head(start, 'chat.completion'),
        choices: choices.map((choice, index) => ({ index, message: messageOf(choice), logprobs: logprobsOf(choice.logprobs), finish_reason: choice.reason ?? 'stop' })),
        usage: usage(event.usage),
        engraft: answered(start, event.recorded)
      }
    }
  }
  throw problem('incomplete_answer', {})
}

function messageOf ({ content, reasoning, calls }: Growing): Message {
  return {
    role: 'assistant',
    content: content === '' && calls.length > 0 ? null : content,
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(calls.length > 0 && { tool_calls: calls.map(({ id, name, arguments: given }) => ({ id, type: 'function', function: { name, arguments: given } })) }),
    refusal: null
  }
}

/** The answer as OpenAI's chunks: the role first, the usage last and only when asked for. */
export async function * chunksOf (events: AsyncIterable<ChatEvent>, includeUsage: boolean): AsyncGenerator<ChunkWire, void, undefined> {
  let start: Start | null = null
  const begun = new Set<number>()
  // An end is held back until what follows is known: the last one carries what the whole reply says of itself.
  let ended: ChunkWire | null = null
  for await (const event of events) {
    if (event.type === 'start') start = event
    if (start === null) break
    if (ended !== null && event.type !== 'done') {
      yield ended
      ended = null
    }
    const choice = event.type === 'start' || event.type === 'done' ? 0 : event.choice
    if (!begun.has(choice)) {
      begun.add(choice)
      yield chunk(start, choice, { role: 'assistant', content: '' }, includeUsage)
    }
    switch (event.type) {
      case 'text': yield chunk(start, choice, { content: event.text }, includeUsage, event.logprobs); break
      case 'reasoning': yield chunk(start, choice, { reasoning_content: event.text }, includeUsage); break
      case 'call': yield chunk(start, choice, { tool_calls: [{ index: event.index, ...(event.id !== undefined && { id: event.id, type: 'function' as const }), function: { ...(event.name !== undefined && { name: event.name }), arguments: event.arguments } }] }, includeUsage); break
      case 'end': ended = chunk(start, choice, {}, includeUsage, event.logprobs, event.reason); break
      case 'done':
        if (ended !== null) yield { ...ended, engraft: answered(start, event.recorded) }
        if (includeUsage) yield { ...head(start, 'chat.completion.chunk'), choices: [], usage: usage(event.usage) }
        return
    }
  }
  throw problem('incomplete_answer', {})
}

function chunk (start: Start, index: number, delta: Delta, includeUsage: boolean, logprobs: readonly TokenLogprob[] = [], reason: FinishReason | null = null): ChunkWire {
  return {
    ...head(start, 'chat.completion.chunk'),
    choices: [{ index, delta, logprobs: logprobsOf(logprobs), finish_reason: reason }],
    ...(includeUsage ? { usage: null } : {})
  }
}

function logprobsOf (logprobs: readonly TokenLogprob[]): LogprobsWire | null {
  if (logprobs.length === 0) return null
  const wire = ({ token, bytes, logprob }: Omit<TokenLogprob, 'top'>) => ({ token, logprob: finite(logprob), bytes: [...bytes] })
  return { content: logprobs.map(one => ({ ...wire(one), top_logprobs: one.top.map(wire) })), refusal: null }
}

/** What JSON can say: OpenAI writes -9999 for tokens that have next to no chance. */
export function finite (logprob: number | null): number { return Math.max(logprob ?? -9999, -9999) }

/** What a completion and its chunks begin with. `created`: seconds. */
export function head<O extends string> ({ id, created, model, digest }: Pick<Start, 'id' | 'created' | 'model' | 'digest'>, object: O) {
  return { id, object, created, model, system_fingerprint: `fp_${digest.slice(0, 16)}` }
}

export function answered ({ version, digest, memories, forgetful, session }: Start, recorded: boolean | null): CompletionWire['engraft'] {
  return { version, digest, memories: [...memories], ...(forgetful && { forgetful }), session, recorded }
}

export function usage ({ promptTokens, cachedTokens, completionTokens, reasoningTokens }: TokenCounts): UsageWire {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
    completion_tokens_details: { reasoning_tokens: reasoningTokens }
  }
}
