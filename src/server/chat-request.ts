import { randomInt } from 'node:crypto'
import type { ChatRequest } from '../chat/answer.ts'
import { problem } from '../errors.ts'
import type { Message, Sampling } from '../inference/engine.ts'
import { ignoredFields, present, refuseUnsupported, unsupportedValue } from './fields.ts'
import type { ChatWire } from './schemas/chat.ts'

/** A chat request as a route or a socket needs it: what is asked, and how it is to be answered. */
export interface Chat {
  readonly request: ChatRequest
  /** The end user that the body names. */
  readonly user: string | null
  readonly stream: boolean
  readonly includeUsage: boolean
  /** Fields that had no effect. */
  readonly ignored: readonly string[]
}

/**
 * What a body that passed the schema asks for. Pure; HTTP and WebSocket both
 * use it. Throws a 400 that names the field for what cannot be honoured.
 */
export function chatFrom (body: ChatWire): Chat {
  refuseUnsupported(body)
  return {
    request: {
      model: body.model ?? null,
      adapters: (body.engraft?.adapters ?? []).map(({ name, scale }) => ({ name, scale: scale ?? 1 })),
      messages: messagesFrom(body.messages),
      maxTokens: body.max_completion_tokens ?? body.max_tokens ?? null,
      stop: (typeof body.stop === 'string' ? [body.stop] : body.stop ?? []).map(stop => stop.toWellFormed()),
      sampling: samplingFrom(body)
    },
    user: body.safety_identifier ?? body.user ?? null,
    stream: body.stream ?? false,
    includeUsage: body.stream_options?.include_usage ?? false,
    ignored: ignoredFields(body, body.messages)
  }
}

function samplingFrom (body: ChatWire): Sampling {
  return {
    // OpenAI's defaults, for clients that count on them.
    temperature: body.temperature ?? 1,
    topP: body.top_p ?? 1,
    // llama.cpp's defaults: at temperature 1 a small model needs its tail cut, and sorting a whole vocabulary of 49k costs 1.27x a token.
    topK: body.top_k ?? 40,
    minP: body.min_p ?? 0.05,
    // The engine's seeds have 32 bits; equal seeds stay equal.
    seed: present(body.seed) ? Number(body.seed) >>> 0 : randomInt(2 ** 32),
    presencePenalty: body.presence_penalty ?? 0,
    frequencyPenalty: body.frequency_penalty ?? 0,
    logitBias: new Map(Object.entries(body.logit_bias ?? {}).map(([token, bias]) => [Number(token), bias]))
  }
}

/** A conversation in the engine's terms; `tokenize` takes the same. */
export function messagesFrom (messages: ChatWire['messages']): Message[] {
  return messages.map((message, i) => {
    const turn = message as typeof message & { tool_calls?: unknown, function_call?: unknown, audio?: unknown }
    for (const field of ['tool_calls', 'function_call', 'audio'] as const) {
      const value = turn[field]
      if (present(value) && !(Array.isArray(value) && value.length === 0)) throw problem('unsupported_field', { field: `messages[${i}].${field}` }, { param: `messages[${i}].${field}` })
    }
    return {
      // Newer clients say developer where a chat template knows system.
      role: message.role === 'developer' ? 'system' : message.role,
      content: textOf(message.content, i),
      ...(present(message.name) ? { name: String(message.name).toWellFormed() } : {}),
      ...(present(message.reasoning_content) ? { reasoning: String(message.reasoning_content).toWellFormed() } : {})
    }
  })
}

function textOf (content: ChatWire['messages'][number]['content'], i: number): string {
  const param = `messages[${i}].content`
  if (content === null || content === undefined) throw problem('invalid_request', { detail: `'${param}' is missing: send a text or a list of text parts.` }, { param })
  if (typeof content === 'string') return content.toWellFormed()
  return content.map((part, j) => {
    if (part.type !== 'text') throw unsupportedValue(`${param}[${j}].type`, part.type, 'send text parts only.')
    if (typeof part.text !== 'string') throw problem('invalid_request', { detail: `'${param}[${j}].text' is missing.` }, { param: `${param}[${j}].text` })
    return part.text
  }).join('').toWellFormed()
}
