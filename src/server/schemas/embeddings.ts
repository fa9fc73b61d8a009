import Type, { type Static } from 'typebox'
import { ChatBody } from './chat.ts'
import { Texts } from './completions.ts'
import { oneOf, orNull } from './shapes.ts'

/** OpenAI's own ceiling for the texts of one request. */
export const maxTexts = 2048

export const EmbeddingsBody = Type.Object({
  model: ChatBody.properties.model,
  input: Texts(`What to embed, at most ${maxTexts} of them, none empty`),
  encoding_format: orNull(oneOf(['float', 'base64'], { description: 'base64: the bytes of little-endian 32-bit floats.' })),
  dimensions: orNull(Type.Integer({ minimum: 1, description: 'What the model has; vectors are never cut.' })),
  user: ChatBody.properties.user,
  safety_identifier: ChatBody.properties.safety_identifier
}, {
  description: 'OpenAI\'s request for vectors. The model is a base.',
  examples: [{ input: 'The sea is calm.' }]
})
export type EmbeddingsWire = Static<typeof EmbeddingsBody>

export const Embeddings = Type.Object({
  object: Type.Literal('list'),
  model: Type.String(),
  data: Type.Array(Type.Object({
    object: Type.Literal('embedding'),
    index: Type.Integer(),
    embedding: Type.Unsafe<number[] | string>({ type: ['array', 'string'], items: { type: 'number' }, description: 'Of length 1.' })
  })),
  usage: Type.Object({ prompt_tokens: Type.Integer(), total_tokens: Type.Integer() })
})
