import Type, { type Static } from 'typebox'
import { maxUserLength, noControls, orNull } from './shapes.ts'

/** A century, which is for ever. */
export const maxRetentionDays = 36_500

export const UserId = Type.Object({ user: Type.String({ minLength: 1, maxLength: maxUserLength, pattern: noControls, description: 'The end user. A key that is bound to a user, or the header x-engraft-user, reaches no other.' }) })

const reading = 'Memories are brought into prompts.'
const writing = 'What is said becomes memories.'
export const MemorySwitches = Type.Object({ read: Type.Boolean({ description: reading }), write: Type.Boolean({ description: writing }) })
export const SomeMemorySwitches = Type.Object({ read: orNull(Type.Boolean({ description: reading })), write: orNull(Type.Boolean({ description: writing })) }, { additionalProperties: false })

const storing = 'Answers are kept. Without it nothing becomes a memory either.'
const learning = 'Data sets may be made of what is kept.'
const switches = {
  memory: MemorySwitches,
  store: Type.Boolean({ description: storing }),
  training: Type.Boolean({ description: learning }),
  retention_days: Type.Unsafe<number | null>({ type: ['integer', 'null'], description: 'Days after which what is kept goes; null: never.' })
}

export const User = Type.Object({
  user: Type.String(),
  object: Type.Literal('user'),
  ...switches,
  effective: Type.Object(switches, { description: 'What holds for a request with this key: what the key, the user and the server all allow. A request can ask for less.' })
})
export type UserWire = Static<typeof User>

export const Receipt = Type.Object({
  id: Type.String(),
  object: Type.Literal('erasure'),
  subject: Type.String({ description: 'A pseudonym: HMAC-SHA256 of the tenant and the user under a secret of this server. The same user always has the same one.' }),
  requested_at: Type.String(),
  erased_at: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'null: under way; a restart finishes it too.' }),
  rows: Type.Record(Type.String(), Type.Integer(), { description: 'How many rows of each table are gone.' }),
  datasets: Type.Array(Type.String(), { description: 'Data sets, as NAME@VERSION, that held rows of theirs: the rows are gone, and what was learnt from them should be learnt anew.' }),
  adapters: Type.Array(Type.String(), { description: 'Adapters, as NAME@VERSION, that learnt from rows of theirs: they answer on until they are trained anew.' })
})
export const ErasureReceipt = Type.Object({
  ...Receipt.properties,
  outside: Type.Array(Type.String(), { description: 'Copies in the data folder, and exported data sets elsewhere, that still hold what was there when they were made, and that an operator should delete. Backups elsewhere are not known; a restore of one erases this user again.' })
})
export const ReceiptList = Type.Object({ object: Type.Literal('list'), data: Type.Array(Receipt, { description: 'The newest first.' }) })

export const UserBody = Type.Object({
  memory: orNull(SomeMemorySwitches),
  store: orNull(Type.Boolean({ description: storing })),
  training: orNull(Type.Boolean({ description: learning })),
  retention_days: Type.Optional(Type.Unsafe<number | null>({ type: ['integer', 'null'], minimum: 1, maximum: maxRetentionDays, description: `Days after which what is kept goes, 1 to ${maxRetentionDays}; null: as long as the server keeps. To keep nothing, set store to false.` }))
}, { additionalProperties: false, description: 'What is left out stays as it is.', examples: [{ memory: { write: false }, retention_days: 90 }] })
export type UserBodyWire = Static<typeof UserBody>
