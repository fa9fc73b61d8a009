import type { ChatEvent } from '../chat/answer.ts'
import { problem } from '../errors.ts'
import type { Usage as TokenCounts } from '../inference/engine.ts'
import type { ChunkWire, CompletionWire, UsageWire } from './schemas/chat.ts'

type Start = Extract<ChatEvent, { type: 'start' }>
type Delta = ChunkWire['choices'][number]['delta']

/** The whole answer as one object. Throws what the answer throws, and closes it. */
export async function completionOf (events: AsyncIterable<ChatEvent>): Promise<CompletionWire> {
  let start: Start | null = null
  let content = ''
  let reasoning = ''
  for await (const event of events) {
    if (event.type === 'start') start = event
    else if (event.type === 'text') content += event.text
    else if (event.type === 'reasoning') reasoning += event.text
    else if (event.type === 'done') {
      if (start === null) break
      return {
        ...head(start, 'chat.completion'),
        choices: [{
          index: 0,
          message: { role: 'assistant', content, ...(reasoning === '' ? {} : { reasoning_content: reasoning }), refusal: null },
          logprobs: null,
          finish_reason: event.reason
        }],
        usage: usage(event.usage),
        engraft: answered(start)
      }
    }
  }
  throw problem('incomplete_answer', {})
}

/** The answer as OpenAI's chunks: the role first, the usage last and only when asked for. */
export async function * chunksOf (events: AsyncIterable<ChatEvent>, includeUsage: boolean): AsyncGenerator<ChunkWire, void, undefined> {
  let start: Start | null = null
  for await (const event of events) {
    if (event.type === 'start') start = event
    if (start === null) break
    switch (event.type) {
      case 'start': yield chunk(start, { role: 'assistant', content: '' }, null, includeUsage); break
      case 'text': yield chunk(start, { content: event.text }, null, includeUsage); break
      case 'reasoning': yield chunk(start, { reasoning_content: event.text }, null, includeUsage); break
      case 'done':
        yield { ...chunk(start, {}, event.reason, includeUsage), engraft: answered(start) }
        if (includeUsage) yield { ...head(start, 'chat.completion.chunk'), choices: [], usage: usage(event.usage) }
        return
    }
  }
  throw problem('incomplete_answer', {})
}

function chunk (start: Start, delta: Delta, reason: ChunkWire['choices'][number]['finish_reason'], includeUsage: boolean): ChunkWire {
  return {
    ...head(start, 'chat.completion.chunk'),
    choices: [{ index: 0, delta, logprobs: null, finish_reason: reason }],
    ...(includeUsage ? { usage: null } : {})
  }
}

function head<O extends string> ({ id, created, model, digest }: Start, object: O) {
  return { id, object, created, model, system_fingerprint: `fp_${digest.slice(0, 16)}` }
}

function answered ({ version, digest }: Start): CompletionWire['engraft'] { return { version, digest } }

function usage ({ promptTokens, cachedTokens, completionTokens, reasoningTokens }: TokenCounts): UsageWire {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
    completion_tokens_details: { reasoning_tokens: reasoningTokens }
  }
}
