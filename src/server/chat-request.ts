import { randomInt } from 'node:crypto'
import type { ChatRequest } from '../chat/answer.ts'
import { problem } from '../errors.ts'
import { objectGrammar, schemaGrammar } from '../grammar/grammar.ts'
import type { Message, Sampling, ToolCall } from '../inference/engine.ts'
import { chatFields, ignoredFields, present, refuseUnsupported, unsupportedValue } from './fields.ts'
import type { ChatWire } from './schemas/chat.ts'
import type { Wishes } from './wishes.ts'
import { toolsFrom } from './tools.ts'

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
 * What a body that passed the schema asks for, and where it says nothing, what
 * the headers do. Pure; HTTP and WebSocket both use it. Throws a 400 that names the field for what cannot be honoured.
 */
export function chatFrom (body: ChatWire, headers: Wishes): Chat {
  refuseUnsupported(body, chatFields)
  return {
    request: {
      model: body.model ?? null,
      adapters: adaptersFrom(body.engraft),
      input: { type: 'chat', messages: messagesFrom(body.messages), tools: toolsFrom(body), effort: body.reasoning_effort ?? null },
      grammar: grammarFrom(body.response_format ?? null),
      choices: body.n ?? 1,
      logprobs: logprobsFrom(body),
      echo: false,
      memory: body.engraft?.memory ?? headers.memory,
      memoryTokens: body.engraft?.memory_tokens ?? null,
      session: body.engraft?.session?.toWellFormed() ?? headers.session,
      store: body.store ?? null,
      metadata: Object.fromEntries(Object.entries(body.metadata ?? {}).map(([key, value]) => [key.toWellFormed(), value.toWellFormed()])),
      maxTokens: body.max_completion_tokens ?? body.max_tokens ?? null,
      stop: stopsFrom(body.stop),
      sampling: samplingFrom(body)
    },
    user: body.safety_identifier ?? body.user ?? null,
    stream: body.stream ?? false,
    includeUsage: body.stream_options?.include_usage ?? false,
    ignored: ignoredFields(body, chatFields, body.messages)
  }
}

export function adaptersFrom (own: ChatWire['engraft']): ChatRequest['adapters'] {
  return (own?.adapters ?? []).map(({ name, scale }) => ({ name, scale: scale ?? 1 }))
}

export function stopsFrom (stop: string | readonly string[] | null | undefined): string[] {
  return (typeof stop === 'string' ? [stop] : stop ?? []).map(text => text.toWellFormed())
}

function grammarFrom (format: NonNullable<ChatWire['response_format']> | null): string | null {
  switch (format?.type) {
    case 'json_object': return objectGrammar()
    case 'json_schema': {
      const given = format.json_schema?.schema
      if (!present(given)) throw problem('invalid_request', { detail: "'response_format.json_schema.schema' is missing." }, { param: 'response_format.json_schema.schema' })
      return schemaGrammar(given, { strict: format.json_schema?.strict ?? false, param: 'response_format.json_schema.schema' })
    }
    default: return null
  }
}

function logprobsFrom ({ logprobs, top_logprobs: top }: ChatWire): number | null {
  if (logprobs === true) return top ?? 0
  if (present(top) && top !== 0) throw problem('invalid_request', { detail: "'top_logprobs' needs 'logprobs' to be true." }, { param: 'top_logprobs' })
  return null
}

/** The sampling settings that chats and completions share. */
export function samplingFrom (body: Pick<ChatWire, 'temperature' | 'top_p' | 'top_k' | 'min_p' | 'seed' | 'presence_penalty' | 'frequency_penalty' | 'logit_bias'>): Sampling {
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
    const turn = message as typeof message & { function_call?: unknown, audio?: unknown }
    for (const field of ['function_call', 'audio'] as const) {
      if (present(turn[field])) throw problem('unsupported_field', { field: `messages[${i}].${field}` }, { param: `messages[${i}].${field}` })
    }
    const calls = callsFrom(message, i)
    if (message.role === 'tool' && !present(message.tool_call_id)) throw problem('invalid_request', { detail: `'messages[${i}].tool_call_id' is missing: a tool turn names the call it answers.` }, { param: `messages[${i}].tool_call_id` })
    return {
      // Newer clients say developer where a chat template knows system.
      role: message.role === 'developer' ? 'system' : message.role,
      content: textOf(message.content, i, calls.length > 0),
      ...(present(message.name) ? { name: String(message.name).toWellFormed() } : {}),
      ...(calls.length > 0 && { calls }),
      ...(message.role === 'tool' && { callId: String(message.tool_call_id).toWellFormed() }),
      ...(present(message.reasoning_content) ? { reasoning: String(message.reasoning_content).toWellFormed() } : {})
    }
  })
}

/** Calls as they were made. Templates take their arguments as an object, so those that are none cannot be put back. */
function callsFrom ({ role, tool_calls: calls }: ChatWire['messages'][number], i: number): ToolCall[] {
  if (calls === undefined || calls === null || calls.length === 0) return []
  if (role !== 'assistant') throw problem('invalid_request', { detail: `'messages[${i}].tool_calls' belongs to the role 'assistant'.` }, { param: `messages[${i}].tool_calls` })
  return calls.map(({ id, function: { name, arguments: given } }, j) => {
    const param = `messages[${i}].tool_calls[${j}].function.arguments`
    let value: unknown
    try {
      value = JSON.parse(given === '' ? '{}' : given)
    } catch {}
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw problem('invalid_request', { detail: `'${param}' is not the JSON text of an object.` }, { param })
    return { id: id.toWellFormed(), name, arguments: JSON.stringify(value).toWellFormed() }
  })
}

function textOf (content: ChatWire['messages'][number]['content'], i: number, optional: boolean): string {
  const param = `messages[${i}].content`
  if (optional && (content === null || content === undefined)) return ''
  if (content === null || content === undefined) throw problem('invalid_request', { detail: `'${param}' is missing: send a text or a list of text parts.` }, { param })
  if (typeof content === 'string') return content.toWellFormed()
  return content.map((part, j) => {
    if (part.type !== 'text') throw unsupportedValue(`${param}[${j}].type`, part.type, 'send text parts only.')
    if (typeof part.text !== 'string') throw problem('invalid_request', { detail: `'${param}[${j}].text' is missing.` }, { param: `${param}[${j}].text` })
    return part.text
  }).join('').toWellFormed()
}
