import Type, { type Static } from 'typebox'
import { formatNames } from '../../datasets/exports/format.ts'
import { PathName, maxIdLength, oneOf, orNull } from './shapes.ts'

const splits = ['train', 'valid', 'test'] as const
const Format = oneOf(formatNames, { description: 'What the file is for.' })
const name = (description: string) => Type.String({ minLength: 1, maxLength: maxIdLength, description })
const nullable = <T> (type: string, description: string) => Type.Unsafe<T | null>({ type: [type, 'null'], description })

export const ExportId = Type.Object({ id: PathName })

export const ExportQuery = Type.Object({
  format: Format,
  split: Type.Optional(oneOf(splits, { description: 'Left out: train.' }))
})

export const ExportHeaders = Type.Object({
  range: Type.Optional(Type.String({ description: '`bytes=N-`: goes on there, where an earlier download ended.' })),
  'if-range': Type.Optional(Type.String({ description: 'The `etag` of the earlier download: where rows were erased since, the whole file comes again.' }))
})

export const ScheduleBody = Type.Object({
  tenant: orNull(name('Whose data set it is; left out: the one of the key.')),
  dataset: name('Its name; every export is of its newest version, and one is built where there is new evidence.'),
  filters: Type.Optional(Type.Unsafe<Record<string, Record<string, unknown>>>({ type: 'object', additionalProperties: { type: 'object' }, description: 'What versions are built with.' })),
  format: Format,
  split: Type.Optional(oneOf(splits)),
  folder: orNull(Type.String({ minLength: 1, maxLength: 4096, description: 'An absolute path on the server\'s machine; left out: one in the data folder, where erasures reach the files.' })),
  cron: orNull(Type.String({ minLength: 1, maxLength: 100, description: 'When, as five parts: `0 3 * * 1` is Mondays at three by the server\'s clock.' })),
  rows: orNull(Type.Integer({ minimum: 1, description: 'In place of `cron`: how much new evidence (corrections, verdicts, approvals) makes it due.' }))
}, { additionalProperties: false })
export type ScheduleBodyWire = Static<typeof ScheduleBody>

export const Schedule = Type.Object({
  id: Type.String(),
  object: Type.Literal('schedule'),
  tenant: Type.String(),
  dataset: Type.String(),
  filters: Type.Unsafe<object>({ type: 'object' }),
  format: Format,
  split: oneOf(splits),
  folder: nullable<string>('string', 'null: its own in the data folder.'),
  cron: nullable<string>('string', 'null: by rows.'),
  rows: nullable<number>('integer', 'null: by time.'),
  created_at: Type.String(),
  next_at: nullable<string>('string', 'null: when enough has come.'),
  failure: Type.Unsafe<{ code: string, message: string } | null>({ type: ['object', 'null'], description: 'What the last run ended with; null: it went well.' })
})
export type ScheduleWire = Static<typeof Schedule>

export const Exported = Type.Object({
  id: Type.String(),
  object: Type.Literal('export'),
  schedule: nullable<string>('string', 'null: it is gone.'),
  dataset: Type.String({ description: 'The id of the version.' }),
  format: Format,
  split: oneOf(splits),
  path: Type.String(),
  created_at: Type.String(),
  rows: Type.Integer(),
  bytes: Type.Integer(),
  sha256: Type.String(),
  removed_at: nullable<string>('string', 'When too little of it was left, and it was deleted; null: it was not.')
})
export type ExportedWire = Static<typeof Exported>

export const ScheduleList = Type.Object({ object: Type.Literal('list'), data: Type.Array(Schedule) })
export const ExportedList = Type.Object({ object: Type.Literal('list'), data: Type.Array(Exported, { description: 'The newest first.' }) })
