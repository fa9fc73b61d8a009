import Type, { type Static } from 'typebox'
import { orNull } from './shapes.ts'

export const DatasetBody = Type.Object({
  name: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$', description: 'Versions 1, 2, … count under it.' }),
  tenant: orNull(Type.String({ minLength: 1, maxLength: 256, description: 'Whose answers it is made of; left out: the tenant of the key, or local without one.' })),
  filters: orNull(Type.Record(Type.String(), Type.Record(Type.String(), Type.Unknown()), { description: 'Per filter what differs from its defaults; {"off": true} switches one off.' }))
}, { additionalProperties: false, examples: [{ name: 'house', filters: { cap: { share: 0.02 } } }] })
export type DatasetBodyWire = Static<typeof DatasetBody>

export const DatasetsQuery = Type.Object({ tenant: Type.Optional(Type.String({ maxLength: 256, description: 'Left out: all.' })) })
export const DiffQuery = Type.Object({ against: Type.String({ maxLength: 256, description: 'The id of the version to compare with.' }) })

const text = (description: string) => Type.Unsafe<string | null>({ type: ['string', 'null'], description })
const json = (description: string) => Type.Unsafe<object | null>({ type: ['object', 'null'], description, additionalProperties: true })

export const Dataset = Type.Object({
  id: Type.String(),
  object: Type.Literal('dataset'),
  tenant: Type.String(),
  name: Type.String(),
  version: Type.Integer(),
  created_at: Type.String(),
  state: Type.String({ enum: ['building', 'ready', 'failed'] }),
  failure: json('Code and message of why it was not built.'),
  sha256: text('Of the manifest with its list of rows; the same evidence and settings give the same.'),
  erased: Type.Integer({ description: 'How many of its rows may not be learnt from any more: erased since, or of people who have taken back their leave. What was learnt from it should be learnt anew.' }),
  rows: json('How many rows each part has; null until it is ready.')
})
export const DatasetDetail = Type.Object({
  ...Dataset.properties,
  progress: json('How far its build is.'),
  manifest: json('What it is made of, and what every step dropped and why.'),
  drift: json('What came in since the version before, against what was there.'),
  card: Type.String({ description: 'The same for people, in Markdown.' })
})
export const DatasetList = Type.Object({ object: Type.Literal('list'), data: Type.Array(Dataset, { description: 'The newest first.' }) })
export const DatasetPreview = Type.Object({
  object: Type.Literal('dataset.preview'),
  manifest: Type.Object({}, { additionalProperties: true }),
  examples: Type.Array(Type.Object({ step: Type.String(), reason: Type.String(), completions: Type.Array(Type.String()) }), { description: 'Per step and reason the completions of the first few rows.' })
})
export const DatasetDiff = Type.Object({ object: Type.Literal('dataset.diff'), drift: Type.Object({}, { additionalProperties: true }), text: Type.String({ description: 'The same for people, in Markdown.' }) })
export const LineageQuery = Type.Object({
  row: Type.Optional(Type.String({ maxLength: 256 })),
  completion: Type.Optional(Type.String({ maxLength: 256 })),
  user: Type.Optional(Type.String({ maxLength: 256 })),
  tenant: Type.Optional(Type.String({ maxLength: 256, description: "The user's; left out: the tenant of the key, or local without one." }))
}, { description: 'One of row, completion and user.' })
export const LineageList = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(Type.Object({ row: Type.String(), adapters: Type.Array(Type.String(), { description: 'The versions that learnt from it, as NAME@VERSION.' }) }, { additionalProperties: true })),
  answered: Type.Unsafe<{ model: string, trained: { run: string, datasets: { id: string, name: string, version: number }[], gone: number } | null } | null>({ type: ['object', 'null'], description: 'What gave the answer that was asked after, and what that learnt from.' })
})
