import Type from 'typebox'
import { nullable, oneOf } from './shapes.ts'

export const CanaryBody = Type.Object({
  version: Type.Integer({ minimum: 1, description: 'The candidate.' }),
  percent: Type.Integer({ minimum: 1, maximum: 99, description: 'How many of a hundred people get it.' }),
  smallest: Type.Optional(Type.Number({ minimum: 0.02, maximum: 0.5, default: 0.1, description: 'The smallest difference of the share of good answers that is worth seeing. How many judged answers the canary needs follows from it.' }))
}, { additionalProperties: false, examples: [{ version: 2, percent: 20 }] })

const number = (description: string) => nullable(Type.Number({ description }))
const both = <T extends ReturnType<typeof Type.Object>>(of: T) => Type.Object({ candidate: of, live: of })

const Judged = Type.Object({ answers: Type.Integer({ description: 'Judged by a thumb, a rating or a correction.' }), people: Type.Integer(), rate: number('Share of good answers, from 0 to 1.') })
const difference = Type.Unsafe<{ mean: number, low: number, high: number } | null>({ type: ['object', 'null'], description: "The candidate's share of good answers minus the live one's, with its interval.", properties: { mean: { type: 'number' }, low: { type: 'number' }, high: { type: 'number' } } })

export const Canary = Type.Object({
  id: Type.String(),
  object: Type.Literal('canary'),
  adapter: Type.String(),
  candidate: Type.Integer(),
  live: Type.Integer({ description: 'What all others get.' }),
  percent: Type.Integer(),
  began_at: Type.String(),
  ended_at: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'null: it is under way.' }),
  outcome: nullable(oneOf(['promoted', 'ended'])),
  words: Type.String({ description: 'How it stands, or why it ended.' }),
  waits: Type.Boolean({ description: 'It has all it was to have, and only a person can decide: promote a version, DELETE it, or extend it.' }),
  plan: Type.Object({ smallest: Type.Number(), rate: Type.Number(), judged: Type.Integer(), design: Type.Number(), needed: Type.Object({ candidate: Type.Integer(), live: Type.Integer() }) }, { description: 'Fixed before it began: the judged answers each arm needs, from the smallest difference, the rate of the live version so far (of so many judged answers) and the design effect of people who judge several.' }),
  extensions: Type.Integer(),
  judged: Type.Object({ candidate: Judged, live: Judged, difference }, { description: 'By now.' }),
  tried: both(Type.Object({ answers: Type.Integer(), failed: Type.Integer({ description: 'That the engine could not give.' }) })),
  manner: both(Type.Object({ first_ms: number('To the first token; the median.'), tokens: number('Of an answer; the median.') })),
  looks: Type.Array(Type.Object({ at: Type.String(), tenths: Type.Integer({ description: 'Of what was needed at first.' }), words: Type.String(), candidate: Judged, live: Judged, difference }))
})
