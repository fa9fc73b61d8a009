import Type, { type Static } from 'typebox'
import { PathName, noControls, nullable, oneOf, orNull } from './shapes.ts'
import { TrainingBody } from './training.ts'

const { tenant, base, method, hyper, checks, examples, judge } = TrainingBody.properties
const name = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$', description: 'Of its data set and of its adapter.' })
const approvals = ['gate', 'person'] as const
const steps = ['idle', 'collecting', 'building', 'training', 'evaluating', 'waiting', 'canary'] as const
const filters = Type.Unsafe<Record<string, Record<string, unknown>>>({ type: 'object', additionalProperties: { type: 'object' }, description: 'What its data sets are built with.' })
const cron = Type.String({ minLength: 1, maxLength: 100, pattern: noControls, description: 'When a round begins if anything new was said, as five parts: `0 3 * * 1` is Mondays at three by the server\'s clock.' })
const rows = Type.Integer({ minimum: 1, maximum: 1_000_000_000, description: 'In place of `cron`: how much new evidence (corrections, verdicts, approvals) makes a round begin.' })
const hours = Type.Number({ minimum: 0, maximum: 87_600, description: 'Hours from the begin of a round until another may begin by itself.' })
const minutes = Type.Number({ exclusiveMinimum: 0, maximum: 525_600, description: 'Minutes that training and evaluating may take.' })
const budgetRows = Type.Integer({ minimum: 1, maximum: 1_000_000_000, description: 'Rows to learn from.' })
const percent = Type.Integer({ minimum: 1, maximum: 99, description: 'How many of a hundred people get the candidate.' })
const smallest = Type.Number({ minimum: 0.02, maximum: 0.5, description: 'Smallest difference of the share of good answers that is worth seeing.' })

export const LoopName = Type.Object({ name }, { additionalProperties: false })
export const LoopQuery = Type.Object({ name: Type.Optional(PathName) })
export const LoopPause = Type.Object({ name, paused: Type.Boolean() }, { additionalProperties: false })
export const LoopDecision = Type.Object({
  name,
  decision: oneOf(['canary', 'live', 'refuse'], { description: '`canary`: try it on a share of people. `live`: let it answer all at once. `refuse`: neither, and the round is over; also where it waits for nobody.' })
}, { additionalProperties: false })

export const LoopBody = Type.Object({
  name,
  tenant,
  filters: Type.Optional(filters),
  base,
  method,
  hyper,
  checks,
  examples,
  judge,
  cron: orNull(cron),
  rows: orNull(rows),
  cooldown_hours: orNull(hours),
  budget: Type.Optional(Type.Object({ minutes: orNull(minutes), rows: orNull(budgetRows) }, { additionalProperties: false, description: 'A round that would cost more is refused.' })),
  canary: Type.Optional(Type.Object({ percent: orNull(percent), smallest: orNull(smallest) }, { additionalProperties: false })),
  approval: orNull(oneOf(approvals, { description: 'Who says that what passed the gate may be tried on people. Left out: the gate, and a person where it cannot judge.' })),
  retrain: orNull(Type.Boolean({ description: 'Train anew when rows that the live version learnt from are erased. Left out: yes.' })),
  paused: orNull(Type.Boolean({ description: 'Left out: as it was; a new loop goes on.' }))
}, {
  additionalProperties: false,
  examples: [{ name: 'house', rows: 200, cooldown_hours: 24, checks: [{ name: 'signed', type: 'pattern', pattern: '-- Northwind Support$' }], budget: { minutes: 60 }, canary: { percent: 20, smallest: 0.1 } }]
})
export type LoopBodyWire = Static<typeof LoopBody>

const Round = Type.Object({
  id: Type.String(),
  number: Type.Integer({ description: '1, 2, … of its loop.' }),
  reason: oneOf(['rows', 'schedule', 'asked', 'erased'], { description: 'Why it began: enough new evidence, its time, somebody asked for it, or rows of the live version were erased.' }),
  began_at: Type.String(),
  ended_at: nullable(Type.String()),
  dataset: nullable(Type.String({ description: 'The id of the version of the data set.' })),
  run: nullable(Type.String({ description: 'The run of training.' })),
  version: nullable(Type.Integer({ description: 'Of the adapter, once the gate let it in.' })),
  canary: nullable(Type.String()),
  outcome: nullable(oneOf(['live', 'refused', 'failed', 'stopped'])),
  words: nullable(Type.String({ description: 'How it ended; null: it is under way.' }))
})
export type RoundWire = Static<typeof Round>

export const Loop = Type.Object({
  object: Type.Literal('loop'),
  name,
  tenant: Type.String(),
  filters,
  base: nullable(Type.String()),
  method: nullable(Type.String()),
  hyper: Type.Record(Type.String(), Type.Unknown()),
  checks: Type.Array(Type.Record(Type.String(), Type.Unknown())),
  examples: Type.Integer(),
  judge: nullable(Type.String()),
  cron: nullable(cron),
  rows: nullable(rows),
  cooldown_hours: hours,
  budget: Type.Object({ minutes: nullable(minutes), rows: nullable(budgetRows) }),
  canary: Type.Object({ percent, smallest }),
  approval: oneOf(approvals),
  retrain: Type.Boolean(),
  paused: Type.Boolean(),
  step: oneOf(steps),
  words: Type.String({ description: 'What it waits for.' }),
  fresh: Type.Integer({ description: 'New evidence since the last round.' }),
  next_at: nullable(Type.String({ description: 'When `cron` is due next.' })),
  round: Type.Unsafe<RoundWire | null>({ ...Round, type: ['object', 'null'], description: 'The one under way.' }),
  rounds: Type.Array(Round, { description: 'Those that ended, the newest first.' })
})
export type LoopWire = Static<typeof Loop>
export const LoopList = Type.Object({ object: Type.Literal('list'), data: Type.Array(Loop) })
