import Type, { type Static } from 'typebox'
import { Answered, ChatBody, Own, Usage, head, type UsageWire } from './chat.ts'
import { oneOf, orNull } from './shapes.ts'

/** One text or several, as text or as token ids. Which of them it is, `../texts.ts` tells. */
export type TextsWire = string | readonly (string | number | readonly number[])[]

const token = { minimum: 0, maximum: 0x7fffffff }

export function Texts (description: string) {
  return Type.Unsafe<TextsWire>({
    type: ['string', 'array'],
    minItems: 1,
    items: { type: ['string', 'integer', 'array'], ...token, minItems: 1, items: { type: 'integer', ...token } },
    description: `${description}: a text, a list of texts, a list of token ids, or a list of such lists.`
  })
}

const { model, stream, n, stop, seed, user, ...shared } = ChatBody.properties

/** Of Engraft's own part, what a text can have. */
export const TextOwn = Type.Object({ adapters: Own.properties.adapters })

/** OpenAI's own default; a text has no end of its own. */
export const defaultMaxTokens = 16

export const CompletionBody = Type.Object({
  model,
  prompt: Texts('What is continued, as it is, without a chat template'),
  max_tokens: orNull(Type.Integer({ minimum: 0, description: `Left out: ${defaultMaxTokens}.` })),
  echo: orNull(Type.Boolean({ description: 'Say the prompt back before what continues it, with its probabilities if they are asked for.' })),
  logprobs: orNull(Type.Integer({ minimum: 0, maximum: 20, description: 'Tell how likely each token was, before any sampling setting, and so many of the likeliest at its place.' })),
  n,
  stream,
  stream_options: shared.stream_options,
  temperature: shared.temperature,
  top_p: shared.top_p,
  top_k: shared.top_k,
  min_p: shared.min_p,
  stop,
  seed,
  presence_penalty: shared.presence_penalty,
  frequency_penalty: shared.frequency_penalty,
  logit_bias: shared.logit_bias,
  engraft: orNull(TextOwn),
  user,
  safety_identifier: shared.safety_identifier
}, {
  description: 'OpenAI\'s older request for the continuation of a text. `null` means absent everywhere. Fields that this server does not know are ignored and listed in the header x-engraft-ignored.',
  examples: [{ prompt: 'The sea is', max_tokens: 16 }]
})
export type CompletionBodyWire = Static<typeof CompletionBody>

const finish = ['stop', 'length'] as const

const TextLogprobs = Type.Object({
  tokens: Type.Array(Type.String({ description: 'A token that is a part of a character is written as bytes:\\xe2\\x82.' })),
  token_logprobs: Type.Array(Type.Unsafe<number | null>({ type: ['number', 'null'], description: 'null: the first token of a prompt, which nothing comes before.' })),
  top_logprobs: Type.Unsafe<(Record<string, number> | null)[] | null>({ type: ['array', 'null'], items: { type: ['object', 'null'], additionalProperties: { type: 'number' } }, description: 'The token itself is one of them; null where `logprobs` is 0.' }),
  text_offset: Type.Array(Type.Integer({ description: 'Characters (code points) of `text` before the token.' }))
})
export type TextLogprobsWire = Static<typeof TextLogprobs>
const TextLogprobsOrNull = Type.Unsafe<TextLogprobsWire | null>({ ...TextLogprobs, type: ['object', 'null'] })

export const TextCompletion = Type.Object({
  ...head,
  object: Type.Literal('text_completion'),
  choices: Type.Array(Type.Object({
    index: Type.Integer({ description: 'Those of the first prompt come first, `n` of each.' }),
    text: Type.String(),
    logprobs: TextLogprobsOrNull,
    finish_reason: oneOf(finish)
  })),
  usage: Usage,
  engraft: Answered
})
export type TextCompletionWire = Static<typeof TextCompletion>

export const TextChunk = Type.Object({
  ...head,
  object: Type.Literal('text_completion'),
  choices: Type.Array(Type.Object({
    index: Type.Integer(),
    text: Type.String(),
    logprobs: TextLogprobsOrNull,
    finish_reason: Type.Unsafe<typeof finish[number] | null>({ type: ['string', 'null'], enum: [...finish, null] })
  })),
  engraft: Type.Optional(Type.Unsafe<Static<typeof Answered>>({ ...Answered, description: 'On the last chunk with a finish_reason.' })),
  usage: Type.Optional(Type.Unsafe<UsageWire | null>({ ...Usage, type: ['object', 'null'] }))
}, { description: 'One `data:` line of a streamed completion; the last line is `data: [DONE]`.' })
export type TextChunkWire = Static<typeof TextChunk>
