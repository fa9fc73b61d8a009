import Type from 'typebox'
import { Message } from './chat.ts'
import { maxIdLength, orNull } from './shapes.ts'

export const Model = Type.Object({
  id: Type.String(),
  object: Type.Literal('model'),
  created: Type.Integer(),
  owned_by: Type.Literal('engraft'),
  root: Type.String({ description: 'What answers: the base itself, or the version of the adapter.' }),
  parent: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'The base of an adapter.' }),
  max_model_len: Type.Integer({ description: 'Tokens of context.' })
})

export const ModelList = Type.Object({ object: Type.Literal('list'), data: Type.Array(Model) })

export const TokenizeBody = Type.Object({
  model: orNull(Type.String({ minLength: 1, maxLength: maxIdLength })),
  prompt: orNull(Type.String()),
  messages: orNull(Type.Array(Message, { minItems: 1 }))
}, { description: 'Either a plain `prompt` or `messages`, which are put through the chat template.' })

export const Tokens = Type.Object({
  count: Type.Integer(),
  max_model_len: Type.Integer(),
  tokens: Type.Array(Type.Integer())
})

export const AdminModel = Type.Object({
  name: Type.String(),
  created: Type.Integer(),
  digest: Type.String(),
  size_bytes: Type.Integer(),
  context_size: Type.Integer(),
  default: Type.Boolean(),
  status: Type.String(),
  detail: Type.Unsafe<string | null>({ type: ['string', 'null'] }),
  slots: Type.Integer(),
  running: Type.Integer(),
  waiting: Type.Integer(),
  rss_bytes: Type.Integer()
})

export const AdminModelList = Type.Object({ object: Type.Literal('list'), data: Type.Array(AdminModel) })
