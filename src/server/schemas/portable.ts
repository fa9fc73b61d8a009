import Type, { type Static } from 'typebox'
import { kinds as feedbackKinds, lastChoice, longestComment } from './feedback.ts'
import { kinds, Memory } from './memories.ts'
import { maxIdLength, noControls, oneOf } from './shapes.ts'
import { Metadata } from './stored.ts'
import { MemorySwitches, maxRetentionDays } from './users.ts'

/** Of the form below; another number is another form, which this version does not read. */
export const format = 1

const Id = Type.String({ minLength: 1, maxLength: maxIdLength, pattern: noControls })
/** An id that is none of ours: as long as a session and a chain key together. */
const ExternalId = Type.Unsafe<string | null>({ type: ['string', 'null'], minLength: 1, maxLength: 2 * maxIdLength, pattern: noControls })
const nullable = <T extends string | number> (type: 'string' | 'integer' | 'number', options: object = {}) => Type.Unsafe<T | null>({ type: [type, 'null'], ...options })
const NullableId = nullable<string>('string', { minLength: 1, maxLength: maxIdLength, pattern: noControls })
const Time = Type.String({ maxLength: 64 })
const NullableTime = nullable<string>('string', { maxLength: 64 })
const sha256 = '^[0-9a-f]{64}$'
const Digest = Type.String({ pattern: sha256 })
const strict = { additionalProperties: false }

export const Head = Type.Object({ type: Type.Literal('engraft.export'), format: Type.Integer(), user: Type.String(), at: Time }, strict)

const Policy = Type.Object({
  type: Type.Literal('policy'),
  memory: MemorySwitches,
  store: Type.Boolean(),
  training: Type.Boolean(),
  retention_days: nullable<number>('integer', { minimum: 1, maximum: maxRetentionDays })
}, strict)

const { object: _, ...memory } = Memory.properties
const PortableMemory = Type.Object({
  ...memory,
  type: Type.Literal('memory'),
  id: Type.String({ pattern: '^mem_[0-9a-f]{24}$' }),
  kind: oneOf(kinds),
  session: NullableId,
  // Below 2^31, so that whatever follows it is a whole number too.
  position: nullable<number>('integer', { minimum: 0, maximum: 2 ** 31 - 1 }),
  name: nullable<string>('string', { maxLength: maxIdLength }),
  at: Time,
  recorded_at: Time,
  ended_at: NullableTime,
  superseded_by: NullableId,
  external_id: ExternalId,
  completion_id: NullableId,
  source: NullableId
}, strict)

const Forgotten = Type.Object({ type: Type.Literal('forgotten'), key: Digest }, strict)

const Calls = Type.Array(Type.Object({ id: Type.String(), name: Type.String(), arguments: Type.String() }, strict))
const Message = Type.Object({
  role: oneOf(['system', 'user', 'assistant', 'tool']),
  content: Type.String(),
  name: Type.Optional(Type.String()),
  reasoning: Type.Optional(Type.String()),
  calls: Type.Optional(Calls),
  callId: Type.Optional(Type.String())
}, strict)
const Count = Type.Integer({ minimum: 0 })
const Params = Type.Unsafe<Readonly<Record<string, unknown>>>({ type: 'object' })
const Interaction = Type.Object({
  type: Type.Literal('interaction'),
  id: Id,
  session: Id,
  created: Time,
  model: Id,
  version: nullable<number>('integer', { minimum: 1 }),
  digest: Digest,
  messages: Type.Array(Message),
  block: nullable<string>('string'),
  profile: nullable<string>('string'),
  memories: Type.Array(Id),
  prompt: nullable<string>('string', { pattern: sha256 }),
  choices: Type.Array(Type.Object({ content: Type.String(), reasoning: Type.String(), calls: Calls, reason: Type.Unsafe<'stop' | 'length' | 'tool_calls' | null>({ type: ['string', 'null'], enum: ['stop', 'length', 'tool_calls', null] }) }, strict)),
  usage: Type.Unsafe<{ promptTokens: number, cachedTokens: number, completionTokens: number, reasoningTokens: number } | null>({
    ...Type.Object({ promptTokens: Count, cachedTokens: Count, completionTokens: Count, reasoningTokens: Count }, strict), type: ['object', 'null']
  }),
  timings: Type.Record(Type.String(), Type.Number()),
  params: Params,
  metadata: Type.Unsafe<Readonly<Record<string, string>>>({ ...Metadata, type: 'object' }),
  keyId: NullableId,
  error: NullableId,
  remember: Type.Boolean(),
  training: Type.Boolean()
}, strict)

const Feedback = Type.Object({
  type: Type.Literal('feedback'),
  id: Id,
  completion_id: NullableId,
  // Exports from before there were choices lack it.
  choice: Type.Optional(Type.Integer({ minimum: 0, maximum: lastChoice })),
  session: NullableId,
  kind: oneOf(feedbackKinds),
  value: Type.Unsafe<unknown>({}),
  comment: nullable<string>('string', { minLength: 1, maxLength: longestComment }),
  author: NullableId,
  created_at: Time
}, strict)

/** The rows between the first line and the last, by their type. */
export const Rows = { policy: Policy, memory: PortableMemory, forgotten: Forgotten, interaction: Interaction, feedback: Feedback } as const
export type RowWire = Static<(typeof Rows)[keyof typeof Rows]>

export const End = Type.Object({ type: Type.Literal('end'), rows: Count, sha256: Digest }, strict)

const Counts = Type.Object({ brought: Type.Integer({ description: 'New here.' }), there: Type.Integer({ description: 'Here already, and left as they are.' }) })
export const ImportReport = Type.Object({ object: Type.Literal('import'), user: Type.String(), memories: Counts, interactions: Counts, feedback: Counts })
