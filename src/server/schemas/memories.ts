import Type, { type Static } from 'typebox'
import { maxIdLength, maxUserLength, noControls, oneOf, orNull, PathName } from './shapes.ts'

/** What may be written: turns come as turns. */
export const writableKinds = ['note', 'fact', 'preference', 'instruction'] as const
export const kinds = ['turn', ...writableKinds] as const
const roles = ['user', 'assistant'] as const

/** A history of this many turns is a year of daily talk, and is written in one transaction of about a second. */
const maxTurns = 2000
/** Longer questions only slow the search: embedding models read some 500 tokens. */
const maxQuery = 8192
/** Memories of a page, or of a search: a page that fits a few hundred KiB where none of them is long. */
export const maxMemories = 100
/** As many tokens as any context here has. */
const maxQuoteTokens = 1_048_576

const name = (description: string) => Type.String({ minLength: 1, maxLength: maxUserLength, pattern: noControls, description })
const User = name('The end user; the header x-engraft-user and a key that is bound to a user come before it.')
const time = (description: string) => Type.String({ maxLength: 64, description: `${description} ISO 8601; a day alone is its midnight, and a time without a zone is UTC.` })
const Content = Type.String({ description: 'Not blank, at most 131,072 characters.' })
const said = {
  at: orNull(time('When it was said or happened; left out: now.')),
  external_id: orNull(Type.String({ minLength: 1, maxLength: maxIdLength, pattern: noControls, description: 'Your own id. What comes again under the same one is not written again, whatever it says.' }))
}

export const Turn = Type.Object({
  role: orNull(oneOf(roles)),
  name: orNull(Type.String({ maxLength: maxUserLength, description: 'Who spoke.' })),
  content: Content,
  ...said
}, { description: 'What one of them said.' })
export type TurnWire = Static<typeof Turn>

export const MemoryBody = Type.Object({
  user: orNull(User),
  content: orNull(Content),
  kind: orNull(oneOf(writableKinds, { description: 'Of `content`; left out: note.' })),
  ...said,
  session: orNull(name('Groups turns: what stands around a turn in its session helps to find it.')),
  turns: orNull(Type.Array(Turn, { minItems: 1, maxItems: maxTurns, description: 'A history to bring in, oldest first, in place of `content`.' }))
}, {
  description: 'One memory (`content`), or a history (`turns`). All of it is written or nothing.',
  examples: [
    { user: 'ada', content: 'Is allergic to peanuts.', kind: 'fact' },
    { user: 'ada', session: 'may-8', turns: [{ role: 'user', content: 'My dog is called Biscuit.', at: '2023-05-08T10:00:00Z', external_id: 'm1' }] }
  ]
})
export type MemoryBodyWire = Static<typeof MemoryBody>

export const Remembered = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(Type.Object({ id: Type.String(), external_id: nullable('string') }), { description: 'One for each, in their order; one that was there already has the id that it had.' }),
  pending: Type.Integer({ description: 'Memories of this user that have no vectors yet: until then they are found by their words only.' })
})

const wire = {
  id: Type.String(),
  object: Type.Literal('memory'),
  kind: oneOf(kinds),
  content: Type.String(),
  session: nullable('string'),
  role: Type.Unsafe<typeof roles[number] | null>({ type: ['string', 'null'], enum: [...roles, null] }),
  name: nullable('string'),
  at: Type.String({ description: 'When it was said or happened.' }),
  recorded_at: Type.String(),
  ended_at: nullable('string', 'Until when it held; null: it holds.'),
  superseded_by: nullable('string', 'The memory that holds instead.'),
  external_id: nullable('string'),
  completion_id: nullable('string', 'The answer that it was said in: GET /v1/chat/completions/{id}.'),
  source: nullable('string', 'The memory that it was derived from.')
}
export const Memory = Type.Object(wire)
export type MemoryWire = Static<typeof Memory>
export const MemoryWithHistory = Type.Object({ ...wire, history: Type.Array(Memory, { description: 'What it superseded, the newest first.' }) })

export const MemoryId = Type.Object({ id: PathName })
export const OfUser = Type.Object({ user: Type.Optional(User) })
export const MemoriesQuery = Type.Object({
  user: Type.Optional(User),
  kind: Type.Optional(oneOf(kinds)),
  session: Type.Optional(name('Only those of one session.')),
  external_id: Type.Optional(Type.String({ minLength: 1, maxLength: maxIdLength, pattern: noControls })),
  as_of: Type.Optional(time('Only what held then; left out: all that was ever recorded.')),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: maxIdLength, pattern: noControls, description: '`next_cursor` of the page before.' })),
  limit: Type.Optional(Type.String({ pattern: '^[0-9]{1,9}$', description: `1 to ${maxMemories}; left out: 20.` }))
})
export const MemoryList = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(Memory, { description: 'The newest recorded first.' }),
  next_cursor: nullable('string', 'null: this is the last page.')
})

export const ChangeBody = Type.Object({
  user: orNull(User),
  content: orNull(Content),
  kind: orNull(oneOf(writableKinds)),
  at: orNull(time('From when it holds. Left as it is, the change is a correction: the old wording never held.')),
  ended_at: Type.Optional(Type.Unsafe<string | null>({ ...time('Until when it held; null: it holds again.'), type: ['string', 'null'] }))
}, { description: 'The old wording stays as history.', examples: [{ user: 'ada', content: 'Is allergic to peanuts and cashews.' }] })
export type ChangeBodyWire = Static<typeof ChangeBody>

export const Forgotten = Type.Object({ id: Type.String(), object: Type.Literal('memory.deleted'), deleted: Type.Literal(true) })

export const SearchBody = Type.Object({
  user: orNull(User),
  query: Type.String({ minLength: 1, maxLength: maxQuery, description: 'In plain words; nothing in it is an operator. Dates in it ("last March") favour what is of that time.' }),
  limit: orNull(Type.Integer({ minimum: 1, maximum: maxMemories, description: 'Left out: 10, or as many as fit into `max_tokens`.' })),
  max_tokens: orNull(Type.Integer({ minimum: 1, maximum: maxQuoteTokens, description: 'Most tokens that the quotes of them may take in a prompt, estimated.' })),
  as_of: orNull(time('What was known to hold then; left out: now.')),
  kinds: orNull(Type.Array(oneOf(kinds), { minItems: 1, maxItems: kinds.length })),
  explain: orNull(Type.Boolean({ description: 'Say of each why it came.' }))
}, { examples: [{ user: 'ada', query: 'What is my dog called?', limit: 5, explain: true }] })

const Explained = Type.Object({
  quote: Type.String({ description: 'What a prompt quotes of it.' }),
  words: Type.Array(Type.String(), { description: 'Words of the question that were found, as they are indexed.' }),
  lexical: Type.Number({ description: 'What the words added to the score.' }),
  dense: Type.Number({ description: 'What the whole meaning added.' }),
  late: Type.Number({ description: 'What the meanings of the single words added.' }),
  cosine: Type.Unsafe<number | null>({ type: ['number', 'null'], description: 'Of its vector to the question\'s; null: not compared.' }),
  factors: Type.Record(Type.String(), Type.Number(), { description: 'What the share of the words was multiplied by, and for what.' })
})

export const Found = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(Type.Object({
    id: Type.String(),
    kind: oneOf(kinds),
    content: Type.String(),
    session: nullable('string'),
    at: Type.String(),
    external_id: nullable('string'),
    score: Type.Number({ description: 'Comparable within one search only.' }),
    source: Type.Optional(Type.String()),
    explain: Type.Optional(Explained)
  }), { description: 'The best first.' }),
  relevant: Type.Boolean({ description: 'false: nothing here has to do with the question; a chat would quote nothing.' }),
  lexical_only: Type.Boolean({ description: 'true: no vectors were compared, because there is no embedding model or it is not there yet.' })
})

function nullable (type: 'string', description?: string) {
  return Type.Unsafe<string | null>({ type: [type, 'null'], ...description !== undefined && { description } })
}
