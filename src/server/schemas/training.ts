import Type, { type Static } from 'typebox'
import type { ReportFile } from '../../training/training.ts'
import { maxIdLength, noControls, nullable, oneOf, orNull } from './shapes.ts'

const methods = ['sft', 'kto', 'dpo'] as const
const name = (description: string) => Type.String({ minLength: 1, maxLength: maxIdLength, pattern: noControls, description })
const whole = (minimum: number, maximum: number, description: string) => orNull(Type.Integer({ minimum, maximum, description }))
/** One shape with a type, not a union of three: a fault then has one plain reason. */
const Check = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 100, pattern: noControls, description: 'It is measured under this name.' }),
  type: oneOf(['pattern', 'absent', 'words']),
  pattern: orNull(Type.String({ minLength: 1, maxLength: 1000, description: '`pattern`: is found in the answer, and a group of it holds what it holds in the approved answer. `absent`: is not found.' })),
  least: whole(0, 100_000, '`words`: so many at least.'),
  most: whole(0, 100_000, '`words`: so many at most.')
}, { additionalProperties: false })
export type CheckWire = Static<typeof Check>

export const TrainingBody = Type.Object({
  tenant: orNull(Type.String({ minLength: 1, maxLength: 256, description: 'Whose data set it is; left out: the tenant of the key, or local without one.' })),
  name: orNull(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$', description: 'What passes becomes the next version under it; left out: the name of the data set, or of the candidate.' })),
  dataset: name('A version of a data set: its id, its NAME@VERSION, or a NAME for the newest ready one.'),
  base: orNull(name('The base model; left out: the default one.')),
  method: orNull(oneOf(methods, { description: 'Left out: `sft` where the rows show answers, `kto` where they are thumbs.' })),
  parent: orNull(name('`dpo`: the run whose adapter it goes on from.')),
  candidate: orNull(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}@[1-9][0-9]{0,8}$', description: 'NAME@VERSION of an adapter that is measured; nothing is trained.' })),
  hyper: orNull(Type.Record(Type.String(), Type.Unknown(), { maxProperties: 32, description: 'What differs from the defaults of rank, alpha, targets, lr, epochs, batch, seed, max_len, amp, kl, replay_batch, patience, beta and sft_weight.' })),
  checks: orNull(Type.Array(Check, { maxItems: 20, description: 'What a generated answer must keep to.' })),
  examples: whole(0, 20, 'How many rows are put in the prompt of the rival that needs no training; 0: it does not compete. Left out: 3.'),
  judge: orNull(name('A base that compares answers; left out: nobody does.')),
  curve: orNull(Type.Boolean({ description: 'Train on a quarter and a half of the rows too, to say whether more data would help.' })),
  dry_run: orNull(Type.Boolean({ description: 'Say how long it would take and how much memory, and do nothing.' }))
}, {
  additionalProperties: false,
  examples: [{ dataset: 'house', checks: [{ name: 'signed', type: 'pattern', pattern: '-- Northwind Support$' }, { name: 'short', type: 'words', least: 5, most: 80 }], dry_run: true }]
})
export type TrainingBodyWire = Static<typeof TrainingBody>

export const TrainingQuery = Type.Object({ tenant: Type.Optional(Type.String({ maxLength: 256, description: 'Left out: all.' })) })

export const reportFiles = ['report.md', 'report.json', 'card.md', 'loss.svg', 'gain.svg', 'slices.svg', 'arena.svg', 'curve.svg'] as const satisfies readonly ReportFile[]
export const ReportQuery = Type.Object({ file: Type.Optional(oneOf(reportFiles, { description: 'Left out: report.md. Which plots there are depends on what was measured.' })) })

const Estimate = Type.Object({
  seconds: Type.Number(),
  bytes: Type.Number({ description: 'Memory.' }),
  runs: Type.Integer({ description: 'How many runs on this base it was learnt from; 0: from a short test.' })
})
export const TrainingEstimate = Type.Object({ object: Type.Literal('training.estimate'), ...Estimate.properties })

const Progress = Type.Object({
  what: Type.String({ description: 'In a few words.' }),
  done: Type.Number(),
  total: nullable(Type.Number()),
  loss: nullable(Type.Number({ description: 'Of the last step.' })),
  tokens_per_second: nullable(Type.Number()),
  eta: nullable(Type.Number({ description: 'Seconds until this stage ends; null: not known yet.' }))
})

const Verdict = Type.Object({
  decision: oneOf(['promote', 'person', 'prompt', 'refuse'], { description: '`promote`: it may go live. `person`: it shows a gain and no harm, but by too few people for a rule to decide. `prompt`: examples in the prompt do as well. `refuse`: a step failed.' }),
  words: Type.String(),
  steps: Type.Array(Type.Object({
    name: Type.String(),
    passed: nullable(Type.Boolean({ description: 'null: it could not be judged.' })),
    words: Type.String(),
    figures: Type.Record(Type.String(), Type.Number())
  }))
})

export const TrainingRun = Type.Object({
  id: Type.String(),
  object: Type.Literal('training.run'),
  tenant: Type.String(),
  name: Type.String(),
  dataset: Type.String({ description: 'The id of the version.' }),
  base: nullable(Type.String({ description: 'null: the default one.' })),
  method: nullable(oneOf(methods, { description: 'null: not chosen yet, or nothing is trained.' })),
  parent: nullable(Type.String()),
  candidate: nullable(Type.String()),
  hyper: Type.Record(Type.String(), Type.Unknown()),
  checks: Type.Array(Type.Record(Type.String(), Type.Unknown())),
  examples: Type.Integer(),
  judge: nullable(Type.String()),
  curve: Type.Boolean(),
  created_at: Type.String(),
  ended_at: nullable(Type.String()),
  stage: oneOf(['waiting', 'preparing', 'training', 'evaluating', 'done', 'failed', 'cancelled']),
  progress: nullable(Progress),
  estimate: nullable(Estimate),
  took: Type.Record(Type.String(), Type.Number(), { description: 'Milliseconds that each stage took, those that are over.' }),
  failure: nullable(Type.Object({ code: Type.String(), message: Type.String() })),
  verdict: nullable(Verdict),
  adapter: nullable(Type.Object({ name: Type.String(), version: Type.Integer() }, { description: 'The version it became, where the verdict let it in.' })),
  digest: nullable(Type.String({ description: 'sha256 of the adapter file.' })),
  erased: Type.Integer({ description: 'How many rows of its data set have been erased since: above 0 it should be trained anew.' })
})
export type TrainingRunWire = Static<typeof TrainingRun>

export const TrainingDetail = Type.Object({
  ...TrainingRun.properties,
  losses: Type.Array(Type.Object({ step: Type.Integer(), loss: Type.Number(), valid: nullable(Type.Number({ description: 'Of the validation rows, where it was taken.' })) }))
})
export const TrainingList = Type.Object({ object: Type.Literal('list'), data: Type.Array(TrainingRun, { description: 'The newest first.' }) })
