import Type, { type Static } from 'typebox'
import { scopes } from '../../access/caller.ts'
import { oneOf, orNull } from './shapes.ts'
import { MemorySwitches, SomeMemorySwitches } from './users.ts'

const Text = Type.String({ minLength: 1, maxLength: 256 })
const nullable = (type: string) => Type.Unsafe<string | null>({ type: [type, 'null'] })
const nullableCount = Type.Unsafe<number | null>({ type: ['integer', 'null'] })

export const KeyBody = Type.Object({
  name: Text,
  tenant: orNull(Type.String({ minLength: 1, maxLength: 256, description: 'Whose key it is; left out: default.' })),
  scopes: orNull(Type.Array(oneOf(scopes), { minItems: 1, description: 'Left out: chat.' })),
  user: orNull(Type.String({ minLength: 1, maxLength: 256, description: 'The only user the key may speak for.' })),
  models: orNull(Type.Array(Text, { minItems: 1, maxItems: 256, description: 'The models it may use; left out: all.' })),
  expires_at: orNull(Type.String({ format: 'date-time' })),
  requests_per_minute: orNull(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
  tokens_per_day: orNull(Type.Integer({ minimum: 1, maximum: 1_000_000_000_000 })),
  memory: orNull(SomeMemorySwitches),
  store: orNull(Type.Boolean({ description: 'Answers are kept; left out: true.' })),
  training: orNull(Type.Boolean({ description: 'Data sets may be made of what is kept; left out: false.' })),
  memory_by_body: orNull(Type.Boolean({ description: "A user that only 'user' or 'safety_identifier' names has a memory; left out: false." }))
}, { additionalProperties: false })
export type KeyWire = Static<typeof KeyBody>

export const Key = Type.Object({
  id: Type.String(),
  name: Type.String(),
  tenant: Type.String(),
  scopes: Type.Array(oneOf(scopes)),
  user: nullable('string'),
  models: Type.Unsafe<readonly string[] | null>({ type: ['array', 'null'], items: { type: 'string' } }),
  requests_per_minute: nullableCount,
  tokens_per_day: nullableCount,
  memory: MemorySwitches,
  store: Type.Boolean(),
  training: Type.Boolean(),
  memory_by_body: Type.Boolean(),
  created_at: Type.String(),
  expires_at: nullable('string'),
  revoked_at: nullable('string'),
  last_used_at: nullable('string')
})

export const KeyList = Type.Object({ object: Type.Literal('list'), data: Type.Array(Key) })
export const MintedKey = Type.Object({ id: Type.String(), key: Type.String({ description: 'Shown once, and kept nowhere.' }) })
export const RevokedKey = Type.Object({ id: Type.String(), revoked: Type.Literal(true) })

const count = '^[0-9]{1,15}$'
export const AuditQuery = Type.Object({
  before: Type.Optional(Type.String({ pattern: count, description: 'The id of the oldest entry of the page before.' })),
  limit: Type.Optional(Type.String({ pattern: count, description: '1 to 1000; left out: 100.' }))
})
export const AuditList = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(Type.Object({
    id: Type.Integer(),
    at: Type.String(),
    actor: Type.String(),
    action: Type.String(),
    subject: Type.String(),
    detail: Type.Record(Type.String(), Type.Unknown())
  }))
})
