import Type, { type Static } from 'typebox'
import { Usage } from './chat.ts'
import { PathName, maxIdLength, oneOf } from './shapes.ts'

const nullable = <T> (type: string, options: object = {}) => Type.Unsafe<T | null>({ type: [type, 'null'], ...options })

/** OpenAI's own limits: 16 pairs, keys of 64 characters, values of 512. */
export const Metadata = Type.Unsafe<Readonly<Record<string, string>> | null>({
  type: ['object', 'null'],
  maxProperties: 16,
  propertyNames: { maxLength: 64 },
  additionalProperties: { type: 'string', maxLength: 512 },
  description: 'At most 16 pairs of texts.'
})

export const MetadataBody = Type.Object({ metadata: Metadata }, { description: 'Takes the place of the metadata before; null: none.' })

const page = {
  after: Type.Optional(Type.String({ minLength: 1, maxLength: maxIdLength, description: 'The last id of the page before.' })),
  limit: Type.Optional(Type.String({ pattern: '^[0-9]{1,9}$', description: '1 to 100; left out: 20.' })),
  order: Type.Optional(oneOf(['asc', 'desc'], { description: 'By time; left out: asc.' }))
}

export const MessagesQuery = Type.Object(page)
export const StoredQuery = Type.Object({
  ...page,
  model: Type.Optional(Type.String({ maxLength: maxIdLength, description: 'As the completion names it, version included.' }))
}, { patternProperties: { '^metadata\\[': { type: 'string', description: 'metadata[key]=value: only those with this pair.' } } })

export const StoredId = Type.Object({ id: PathName })

const ToolCalls = Type.Optional(Type.Array(Type.Object({
  id: Type.String(),
  type: Type.Literal('function'),
  function: Type.Object({ name: Type.String(), arguments: Type.String() })
})))

export const Stored = Type.Object({
  id: Type.String(),
  object: Type.Literal('chat.completion'),
  created: Type.Integer(),
  model: Type.String(),
  system_fingerprint: Type.String(),
  choices: Type.Array(Type.Object({
    index: Type.Integer(),
    message: Type.Object({
      role: Type.Literal('assistant'),
      content: nullable<string>('string'),
      reasoning_content: Type.Optional(Type.String()),
      refusal: Type.Null(),
      tool_calls: ToolCalls
    }),
    logprobs: Type.Null(),
    finish_reason: nullable<string>('string', { description: 'null: it was cut off.' })
  })),
  usage: Type.Unsafe<Static<typeof Usage> | null>({ ...Usage, type: ['object', 'null'] }),
  metadata: Type.Record(Type.String(), Type.String()),
  input_user: nullable<string>('string', { description: 'The end user that the request spoke for.' }),
  engraft: Type.Object({
    version: nullable<number>('integer'),
    digest: Type.String(),
    memories: Type.Array(Type.String(), { description: 'Ids of the memories that the prompt quoted.' }),
    session: Type.String(),
    error: nullable<string>('string', { description: 'Code of what ended the answer early.' })
  })
}, { description: 'With the request\'s parameters under their own names.' })
export type StoredWire = Static<typeof Stored>

export const StoredMessage = Type.Object({
  id: Type.String(),
  role: oneOf(['system', 'user', 'assistant', 'tool']),
  content: Type.String(),
  content_parts: Type.Null(),
  name: Type.Optional(Type.String()),
  reasoning_content: Type.Optional(Type.String()),
  tool_calls: ToolCalls,
  tool_call_id: Type.Optional(Type.String())
})
export type StoredMessageWire = Static<typeof StoredMessage>

const listed = { object: Type.Literal('list'), first_id: nullable<string>('string'), last_id: nullable<string>('string'), has_more: Type.Boolean() }
export const StoredList = Type.Object({ ...listed, data: Type.Array(Stored) })
export const MessageList = Type.Object({ ...listed, data: Type.Array(StoredMessage) })
export const Deleted = Type.Object({ object: Type.Literal('chat.completion.deleted'), id: Type.String(), deleted: Type.Literal(true) })
