import Type, { type Static } from 'typebox'
import { maxIdLength, maxUserLength, noControls, oneOf, orNull, UserName } from './shapes.ts'

// OpenAI takes 4 stop sequences; local front ends send up to 16. Each is compared with every token, so both are bounded.
const maxStops = 16
const maxStopLength = 256
// OpenAI's own ceiling for entries that a biased vocabulary may have.
const maxBiases = 1024

const Part = Type.Object({ type: Type.String(), text: orNull(Type.String()) })

// OpenAI's own ceilings for tools and their names.
const maxTools = 128
const ToolName = Type.String({ pattern: '^[a-zA-Z0-9_-]{1,64}$' })

/** JSON Schema objects are checked by the grammar made from them. */
const JsonSchema = Type.Unsafe<Record<string, unknown>>({ type: 'object' })

const ToolCall = Type.Object({
  id: Type.String({ minLength: 1, maxLength: maxIdLength }),
  type: oneOf(['function']),
  function: Type.Object({ name: ToolName, arguments: Type.String({ description: 'JSON text of an object.' }) })
})

export const Message = Type.Object({
  role: oneOf(['system', 'developer', 'user', 'assistant', 'tool']),
  content: Type.Optional(Type.Unsafe<string | Static<typeof Part>[] | null>({ type: ['string', 'array', 'null'], items: Part, description: 'A text, or parts of the type `text`.' })),
  name: orNull(Type.String({ maxLength: maxUserLength })),
  reasoning_content: orNull(Type.String({ description: 'What an assistant turn thought before it answered.' })),
  tool_calls: orNull(Type.Array(ToolCall, { maxItems: maxTools, description: 'The tools that an assistant turn called.' })),
  tool_call_id: orNull(Type.String({ maxLength: maxIdLength, description: 'In a tool turn: the call it answers.' }))
})

// Each adapter beyond the first costs its own pass over its weights at every token.
const maxMixed = 4

/** Engraft's own part of a chat request. */
export const Own = Type.Object({
  adapters: orNull(Type.Array(Type.Object({
    name: Type.String({ minLength: 1, maxLength: maxIdLength, description: 'An adapter of the same base: its live version, or one version as name@7.' }),
    scale: orNull(Type.Number({ minimum: -4, maximum: 4, description: 'How much of it: 1 as it was trained (left out: 1), 0 nothing, below 0 the opposite.' }))
  }, { additionalProperties: false }), { maxItems: maxMixed, description: 'Mixed on top of what `model` names.' })),
  memory: orNull(oneOf(['on', 'off', 'read', 'write'], { description: 'What memory does for this answer: less than the policy allows, never more.' })),
  memory_tokens: orNull(Type.Integer({ minimum: 0, maximum: 65_536, description: 'Most tokens of memories in the prompt; left out: what the machine reads in a second.' })),
  session: orNull(Type.String({ minLength: 1, maxLength: maxUserLength, pattern: noControls, description: 'Groups turns; left out: found by the conversation.' }))
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
  n: orNull(Type.Integer({ minimum: 1, description: 'Answers to the same prompt, which is read once.' })),
  tools: orNull(Type.Array(Type.Object({
    type: oneOf(['function']),
    function: Type.Object({
      name: ToolName,
      description: orNull(Type.String()),
      parameters: orNull(JsonSchema),
      strict: orNull(Type.Boolean({ description: 'Refuse parameters that OpenAI\'s strict mode would refuse. The arguments fit the parameters either way.' }))
    })
  }), { maxItems: maxTools, description: 'Functions that the model may ask the caller to run.' })),
  tool_choice: Type.Optional(Type.Unsafe<'none' | 'auto' | 'required' | { type: 'function', function: { name: string } } | null>({
    type: ['string', 'object', 'null'],
    required: ['type', 'function'],
    properties: { type: { enum: ['function'] }, function: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } } },
    description: '`none`, `auto` (the default where there are tools), `required`, or one function by name.'
  })),
  parallel_tool_calls: orNull(Type.Boolean({ description: 'Whether one answer may hold several calls; left out: yes.' })),
  response_format: orNull(Type.Object({
    type: oneOf(['text', 'json_object', 'json_schema']),
    json_schema: orNull(Type.Object({
      name: Type.String({ pattern: '^[a-zA-Z0-9_-]{1,64}$' }),
      description: orNull(Type.String()),
      schema: orNull(JsonSchema),
      strict: orNull(Type.Boolean())
    }))
  })),
  reasoning_effort: orNull(oneOf(['none', 'minimal', 'low', 'medium', 'high'], { description: 'How long a reasoning model may think; `none` lets it answer at once where its template can say so.' })),
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
  logprobs: orNull(Type.Boolean({ description: 'Tell how likely each token of the answer was, before any sampling setting.' })),
  top_logprobs: orNull(Type.Integer({ minimum: 0, maximum: 20, description: 'And the likeliest tokens at its place.' })),
  store: orNull(Type.Boolean({ description: 'Whether the answer is kept; left out: as the policy says.' })),
  metadata: Type.Optional(Type.Unsafe<Record<string, string> | null>({
    type: ['object', 'null'],
    maxProperties: 16,
    propertyNames: { maxLength: 64 },
    additionalProperties: { type: 'string', maxLength: 512 },
    description: 'Pairs that are kept with the answer.'
  })),
  engraft: orNull(Own),
  user: orNull(UserName),
  safety_identifier: orNull(UserName)
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

/** What answered, and what is kept of it. */
export const Answered = Type.Object({
  version: Type.Unsafe<number | null>({ type: ['integer', 'null'], description: 'The version of the adapter that `model` names; null for a base.' }),
  digest: Type.String({ description: 'Of all weights that answered, adapters and their scales included.' }),
  memories: Type.Array(Type.String(), { description: 'Ids of the memories that the answer had before it.' }),
  forgetful: Type.Optional(Type.Literal(true, { description: 'Memories were wanted, but could not be had in time.' })),
  session: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'null: nothing of this is kept.' }),
  recorded: Type.Unsafe<boolean | null>({ type: ['boolean', 'null'], description: 'Whether the answer is on record; null: it was not to be.' })
})

const finish = ['stop', 'length', 'tool_calls'] as const
export const head = { id: Type.String(), created: Type.Integer(), model: Type.String(), system_fingerprint: Type.String() }

const TokenLogprob = { token: Type.String(), logprob: Type.Number(), bytes: Type.Array(Type.Integer()) }
const Logprobs = Type.Object({
  content: Type.Array(Type.Object({ ...TokenLogprob, top_logprobs: Type.Array(Type.Object(TokenLogprob)) })),
  refusal: Type.Null()
})
export type LogprobsWire = Static<typeof Logprobs>
const LogprobsOrNull = Type.Unsafe<LogprobsWire | null>({ ...Logprobs, type: ['object', 'null'] })

export const Completion = Type.Object({
  ...head,
  object: Type.Literal('chat.completion'),
  choices: Type.Array(Type.Object({
    index: Type.Integer(),
    message: Type.Object({
      role: Type.Literal('assistant'),
      content: Type.Unsafe<string | null>({ type: ['string', 'null'] }),
      reasoning_content: Type.Optional(Type.String()),
      tool_calls: Type.Optional(Type.Array(Type.Object({ id: Type.String(), type: Type.Literal('function'), function: Type.Object({ name: Type.String(), arguments: Type.String() }) }))),
      refusal: Type.Null()
    }),
    logprobs: LogprobsOrNull,
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
      reasoning_content: Type.Optional(Type.String()),
      tool_calls: Type.Optional(Type.Array(Type.Object({
        index: Type.Integer(),
        id: Type.Optional(Type.String()),
        type: Type.Optional(Type.Literal('function')),
        function: Type.Object({ name: Type.Optional(Type.String()), arguments: Type.String() })
      })))
    }),
    logprobs: LogprobsOrNull,
    finish_reason: Type.Unsafe<typeof finish[number] | null>({ type: ['string', 'null'], enum: [...finish, null] })
  })),
  engraft: Type.Optional(Type.Unsafe<Static<typeof Answered>>({ ...Answered, description: 'On the chunk with the finish_reason.' })),
  usage: Type.Optional(Type.Unsafe<UsageWire | null>({ ...Usage, type: ['object', 'null'] }))
}, { description: 'One `data:` line of a streamed answer; the last line is `data: [DONE]`.' })
export type ChunkWire = Static<typeof Chunk>
