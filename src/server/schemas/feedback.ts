import Type, { type Static } from 'typebox'
import { maxIdLength, maxUserLength, noControls, oneOf, orNull } from './shapes.ts'

export const kinds = ['thumb', 'rating', 'correction', 'preference', 'comment', 'outcome', 'edited'] as const

/** As long as a memory may be; more than any small model answers. */
export const longestText = 131_072
/** Some pages. */
export const longestComment = 8192
/** OpenAI gives at most 128 answers to one request. */
export const lastChoice = 127

const nullable = (description: string) => Type.Unsafe<string | null>({ type: ['string', 'null'], description })
const name = (maxLength: number, description: string) => Type.String({ minLength: 1, maxLength, pattern: noControls, description })
const User = name(maxUserLength, 'The end user; the header x-engraft-user and a key that is bound to a user come before it.')
const CompletionId = name(maxIdLength, 'The id of an answer.')
const Choice = Type.Integer({ minimum: 0, maximum: lastChoice, description: 'Which of the answers that were asked for at once (`n`), counted from 0.' })
const Session = name(maxUserLength, 'A whole session, as the answers\' engraft.session names it.')

export const FeedbackBody = Type.Object({
  user: orNull(User),
  completion_id: orNull(CompletionId),
  choice: orNull(Choice),
  session: orNull(Session),
  kind: oneOf(kinds),
  value: Type.Optional(Type.Unsafe<unknown>({ description: `\`thumb\`: true or false. \`rating\`: 0 to 1. \`correction\`: the better answer. \`preference\`: {"chosen", "rejected"}, ids of two answers of one session, and where \`n\` was above 1 "choices": which of each, [0, 0] where it is left out. \`outcome\`: {"metric", "number"}. \`edited\`: to what a copy of the answer was edited. \`comment\`: nothing; the words are in \`comment\`. Texts have at most ${longestText} characters.` })),
  comment: orNull(Type.String({ maxLength: longestComment, description: 'Words beside it.' })),
  author: orNull(name(maxUserLength, 'Who says so. The last word of each author counts.'))
}, {
  description: 'On an answer (`completion_id`) or on a whole session; a preference names its answers itself. On an answer that was not stored, numbers count and words are refused (409 `not_stored`).',
  examples: [
    { completion_id: 'chatcmpl-6f0b…', kind: 'thumb', value: false, comment: 'Too long.' },
    { completion_id: 'chatcmpl-6f0b…', kind: 'correction', value: 'It closes at six.' },
    { kind: 'preference', value: { chosen: 'chatcmpl-6f0b…', rejected: 'chatcmpl-91ce…' } },
    { kind: 'preference', value: { chosen: 'chatcmpl-6f0b…', rejected: 'chatcmpl-6f0b…', choices: [1, 0] } },
    { session: 'tour', kind: 'outcome', value: { metric: 'booked', number: 1 } }
  ]
})
export type FeedbackBodyWire = Static<typeof FeedbackBody>

export const FeedbackHeaders = Type.Object({
  'idempotency-key': Type.Optional(Type.String({ description: 'Makes it safe to send again: what comes under the same key is recorded once. At most 256 characters.' }))
})

export const Feedback = Type.Object({
  id: Type.String(),
  object: Type.Literal('feedback'),
  completion_id: nullable('null: it is on the whole session.'),
  choice: Type.Integer({ description: 'Which of its answers, counted from 0; of a preference, the better one.' }),
  session: nullable('null: the answer was not stored.'),
  kind: oneOf(kinds),
  value: Type.Unsafe<unknown>({}),
  comment: nullable('Without what opens something: keys, passwords and the like are left out.'),
  author: nullable('Who said so.'),
  said: Type.Boolean({ description: 'false: the client told of it (`edited`).' }),
  created_at: Type.String()
})
export type FeedbackWire = Static<typeof Feedback>

export const FeedbackQuery = Type.Object({
  user: Type.Optional(User),
  completion_id: Type.Optional(CompletionId),
  session: Type.Optional(Session),
  kind: Type.Optional(oneOf(kinds)),
  after: Type.Optional(name(maxIdLength, 'The last id of the page before.')),
  limit: Type.Optional(Type.String({ pattern: '^[0-9]{1,9}$', description: '1 to 100; left out: 20.' }))
})

const Signal = Type.Object({
  kind: oneOf(['regenerated', 'rephrased', 'abandoned']),
  completion_id: Type.String(),
  session: Type.String()
})

export const FeedbackList = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(Feedback, { description: 'In the order in which it came.' }),
  first_id: nullable('null: there is none.'),
  last_id: nullable('null: there is none.'),
  has_more: Type.Boolean(),
  implied: Type.Optional(Type.Array(Signal, { description: 'Where one answer or a session is asked for: what the way the conversation went tells of it. Nobody said it.' }))
})
