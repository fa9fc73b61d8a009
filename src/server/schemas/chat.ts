import Type, { type Static } from 'typebox'
import { maxIdLength, maxUserLength, oneOf, orNull } from './shapes.ts'

// OpenAI takes 4 stop sequences; local front ends send up to 16. Each is compared with every token, so both are bounded.
const maxStops = 16
const maxStopLength = 256
// OpenAI's own ceiling for entries that a biased vocabulary may have.
const maxBiases = 1024

const Part = Type.Object({ type: Type.String(), text: orNull(Type.String()) })

export const Message = Type.Object({
  role: oneOf(['system', 'developer', 'user', 'assistant', 'tool']),
  content: Type.Optional(Type.Unsafe<string | Static<typeof Part>[] | null>({ type: ['string', 'array', 'null'], items: Part, description: 'A text, or parts of the type `text`.' })),
  name: orNull(Type.String({ maxLength: maxUserLength })),
  reasoning_content: orNull(Type.String({ description: 'What an assistant turn thought before it answered.' })),
  tool_call_id: orNull(Type.String())
})

// Each adapter beyond the first costs its own pass over its weights at every token.
const maxMixed = 4

/** Engraft's own part of a chat request. */
export const Own = Type.Object({
  adapters: orNull(Type.Array(Type.Object({
    name: Type.String({ minLength: 1, maxLength: maxIdLength, description: 'An adapter of the same base: its live version, or one version as name@7.' }),
    scale: orNull(Type.Number({ minimum: -4, maximum: 4, description: 'How much of it: 1 as it was trained (left out: 1), 0 nothing, below 0 the opposite.' }))
  }, { additionalProperties: false }), { maxItems: maxMixed, description: 'Mixed on top of what `model` names.' })),
  memory: orNull(Type.String()),
  session: orNull(Type.String())
})

/**
 * The fields that are honoured. Those that are refused, and the hints that are
 * taken without effect, are in `../fields.ts`.
 */
export const ChatBody = Type.Object({
  model: orNull(Type.String({ minLength: 1, maxLength: maxIdLength, description: 'A name of GET /v1/models; left out: the default.' })),
  messages: Type.Array(Message, { minItems: 1 }),
  stream: orNull(Type.Boolean()),
  stream_options: orNull(Type.Object({ include_usage: orNull(Type.Boolean()) })),
  max_tokens: orNull(Type.Integer({ minimum: 1 })),
  max_completion_tokens: orNull(Type.Integer({ minimum: 1, description: 'Wins over max_tokens.' })),
  temperature: orNull(Type.Number({ minimum: 0, maximum: 2 })),
  top_p: orNull(Type.Number({ exclusiveMinimum: 0, maximum: 1 })),
  top_k: orNull(Type.Integer({ minimum: 0, maximum: 0x7fffffff, description: '0: the whole vocabulary.' })),
  min_p: orNull(Type.Number({ minimum: 0, maximum: 1 })),
  n: orNull(Type.Integer({ minimum: 1 })),
  stop: Type.Optional(Type.Unsafe<string | string[] | null>({
    type: ['string', 'array', 'null'],
    minLength: 1,
    maxLength: maxStopLength,
    maxItems: maxStops,
    items: Type.String({ minLength: 1, maxLength: maxStopLength })
  })),
  seed: orNull(Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER })),
  presence_penalty: orNull(Type.Number({ minimum: -2, maximum: 2 })),
  frequency_penalty: orNull(Type.Number({ minimum: -2, maximum: 2 })),
  logit_bias: Type.Optional(Type.Unsafe<Record<string, number> | null>({
    type: ['object', 'null'],
    patternProperties: { '^[0-9]{1,9}$': { type: 'number', minimum: -100, maximum: 100 } },
    additionalProperties: false,
    maxProperties: maxBiases,
    description: 'Token id → added to its logit; -100 bans the token.'
  })),
  logprobs: orNull(Type.Boolean()),
  store: orNull(Type.Boolean()),
  engraft: orNull(Own),
  user: orNull(Type.String({ maxLength: maxUserLength })),
  safety_identifier: orNull(Type.String({ maxLength: maxUserLength }))
}, {
  description: 'OpenAI\'s chat request. `null` means absent everywhere. Fields that this server does not know are ignored and listed in the header x-engraft-ignored.',
  examples: [{ messages: [{ role: 'user', content: 'Hello!' }], max_tokens: 64 }]
})
export type ChatWire = Static<typeof ChatBody>

export const Usage = Type.Object({
  prompt_tokens: Type.Integer(),
  completion_tokens: Type.Integer(),
  total_tokens: Type.Integer(),
  prompt_tokens_details: Type.Object({ cached_tokens: Type.Integer() }),
  completion_tokens_details: Type.Object({ reasoning_tokens: Type.Integer() })
})
export type UsageWire = Static<typeof Usage>

/** Which weights answered. */
const Answered = Type.Object({
  version: Type.Unsafe<number | null>({ type: ['integer', 'null'], description: 'The version of the adapter that `model` names; null for a base.' }),
  digest: Type.String({ description: 'Of all weights that answered, adapters and their scales included.' })
})

const finish = ['stop', 'length'] as const
const head = { id: Type.String(), created: Type.Integer(), model: Type.String(), system_fingerprint: Type.String() }

export const Completion = Type.Object({
  ...head,
  object: Type.Literal('chat.completion'),
  choices: Type.Array(Type.Object({
    index: Type.Integer(),
    message: Type.Object({
      role: Type.Literal('assistant'),
      content: Type.String(),
      reasoning_content: Type.Optional(Type.String()),
      refusal: Type.Null()
    }),
    logprobs: Type.Null(),
    finish_reason: oneOf(finish)
  })),
  usage: Usage,
  engraft: Answered
})
export type CompletionWire = Static<typeof Completion>

export const Chunk = Type.Object({
  ...head,
  object: Type.Literal('chat.completion.chunk'),
  choices: Type.Array(Type.Object({
    index: Type.Integer(),
    delta: Type.Object({
      role: Type.Optional(Type.Literal('assistant')),
      content: Type.Optional(Type.String()),
      reasoning_content: Type.Optional(Type.String())
    }),
    logprobs: Type.Null(),
    finish_reason: Type.Unsafe<typeof finish[number] | null>({ type: ['string', 'null'], enum: [...finish, null] })
  })),
  engraft: Type.Optional(Type.Unsafe<Static<typeof Answered>>({ ...Answered, description: 'On the chunk with the finish_reason.' })),
  usage: Type.Optional(Type.Unsafe<UsageWire | null>({ ...Usage, type: ['object', 'null'] }))
}, { description: 'One `data:` line of a streamed answer; the last line is `data: [DONE]`.' })
export type ChunkWire = Static<typeof Chunk>
