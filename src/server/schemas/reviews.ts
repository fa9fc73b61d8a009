import Type, { type Static } from 'typebox'
import { Feedback, longestText } from './feedback.ts'
import { PathName, maxIdLength, maxUserLength, noControls, oneOf, orNull } from './shapes.ts'
import { StoredMessage } from './stored.ts'

const nullable = <T> (type: string, description: string) => Type.Unsafe<T | null>({ type: [type, 'null'], description })
const verdicts = ['approved', 'edited', 'rejected'] as const
/** As beside feedback. */
const longestReason = 8192

export const ReviewsQuery = Type.Object({
  tenant: Type.Optional(Type.String({ minLength: 1, maxLength: maxIdLength })),
  evidence: Type.Optional(oneOf(['correction', 'verdict', 'none'], { description: 'Only answers that were corrected, judged, or neither.' })),
  state: Type.Optional(oneOf(['waiting', 'reviewed'], { description: 'Left out: waiting.' })),
  after: Type.Optional(Type.String({ minLength: 1, maxLength: maxIdLength, description: 'The last id of the page before.' })),
  limit: Type.Optional(Type.String({ pattern: '^[0-9]{1,9}$', description: '1 to 100; left out: 20.' }))
})

export const InteractionId = Type.Object({ interaction: PathName })

export const ReviewBody = Type.Object({
  verdict: oneOf(verdicts, { description: '`approved`: it is taught as it is. `edited`: `answer` is taught in its place. `rejected`: nothing is made of it, whatever else was said of it.' }),
  answer: orNull(Type.String({ maxLength: longestText, description: 'With `edited`: the better answer.' })),
  reviewer: Type.String({ minLength: 1, maxLength: maxUserLength, pattern: noControls, description: 'Who says so.' }),
  reason: orNull(Type.String({ maxLength: longestReason }))
}, { additionalProperties: false })
export type ReviewBodyWire = Static<typeof ReviewBody>

export const Review = Type.Object({
  id: Type.String(),
  object: Type.Literal('review'),
  completion_id: Type.String(),
  verdict: oneOf(verdicts),
  answer: nullable<string>('string', 'What it was edited to.'),
  reviewer: Type.String(),
  reason: nullable<string>('string', 'null: none was given.'),
  created_at: Type.String()
})
export type ReviewWire = Static<typeof Review>

export const Candidate = Type.Object({
  id: Type.String({ description: 'The completion\'s.' }),
  object: Type.Literal('review.candidate'),
  tenant: Type.String(),
  user: Type.String(),
  model: Type.String(),
  created_at: Type.String(),
  messages: Type.Array(StoredMessage, { description: 'What was sent.' }),
  answer: nullable<string>('string', 'null: there are only calls of tools.'),
  feedback: Type.Array(Feedback),
  review: Type.Unsafe<ReviewWire | null>({ ...Review, type: ['object', 'null'], description: 'The latest one.' })
})
export type CandidateWire = Static<typeof Candidate>

export const CandidateList = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(Candidate, { description: 'The newest first.' }),
  first_id: nullable<string>('string', 'null: there are none.'),
  last_id: nullable<string>('string', 'null: there are none.'),
  has_more: Type.Boolean()
})
