import Type, { type Static } from 'typebox'
import { maxIdLength, oneOf, orNull } from './shapes.ts'

const nullableVersion = (description: string) => Type.Unsafe<number | null>({ type: ['integer', 'null'], description })
// The registry has the narrower rule and the better words; this only keeps a long name out of an error message.
const Name = Type.String({ minLength: 1, maxLength: maxIdLength })

export const AdapterVersion = Type.Object({
  name: Type.String(),
  version: Type.Integer(),
  digest: Type.String({ description: 'sha256 of the file.' }),
  size_bytes: Type.Integer(),
  base: Type.String(),
  base_verified: Type.Boolean({ description: 'The file says by digest that it was trained for this very base.' }),
  rank: Type.Integer(),
  alpha: Type.Number(),
  source: Type.String(),
  created_at: Type.String(),
  state: oneOf(['live', 'canary', 'previous', 'ready']),
  live: Type.Boolean(),
  resident: Type.Boolean({ description: 'In the memory of the base\'s engine.' }),
  leases: Type.Integer({ description: 'Answers under way with it.' }),
  trained: Type.Unsafe<{ run: string, dataset: string } | null>({ type: ['object', 'null'], description: 'The run and the data set that it comes from; null: it was not trained here.', properties: { run: { type: 'string' }, dataset: { type: 'string' } } }),
  tainted: Type.Unsafe<{ rows: number } | null>({ type: ['object', 'null'], description: 'So many rows that it learnt from were erased or withdrawn since: train it anew. null: none was.', properties: { rows: { type: 'integer' } } })
})
export type AdapterVersionWire = Static<typeof AdapterVersion>

export const AdapterVersionList = Type.Object({ object: Type.Literal('list'), data: Type.Array(AdapterVersion) })

export const Adapter = Type.Object({
  name: Type.String(),
  base: Type.String(),
  live: nullableVersion('The version that answers under the name.'),
  previous: nullableVersion('The version that rollback brings back.'),
  pinned: Type.Boolean(),
  canary: Type.Unsafe<{ id: string, version: number, percent: number } | null>({ type: ['object', 'null'], description: 'The version that so many of a hundred people get in place of the live one; null: none.', properties: { id: { type: 'string' }, version: { type: 'integer' }, percent: { type: 'integer' } } }),
  versions: Type.Array(AdapterVersion, { description: 'The newest first.' })
})
export type AdapterWire = Static<typeof Adapter>

export const AdapterList = Type.Object({ object: Type.Literal('list'), data: Type.Array(Adapter) })

export const AdapterBody = Type.Object({
  name: Name,
  base: orNull(Type.String({ minLength: 1, maxLength: maxIdLength, description: 'Left out: the default base.' })),
  source: Type.String({ pattern: '^(?:file|hf|https):.', maxLength: 4096, description: 'file:PATH on the server\'s machine, hf:OWNER/REPO/FILE or https:URL.' })
}, { additionalProperties: false })

/** For the document: what arrives is read part by part in `../upload.ts`. A body that is not parsed validates as null. */
export const AdapterForm = Type.Unsafe<null>({
  type: ['object', 'null'],
  required: ['name', 'file'],
  properties: {
    name: { type: 'string' },
    base: { type: 'string', description: 'Left out: the default base.' },
    file: { type: 'string', format: 'binary', description: 'The GGUF file; the last part.' }
  }
})

export const AdapterLineageQuery = Type.Object({
  version: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,14}$', description: 'Left out: the live version, or else the newest.' })),
  after: Type.Optional(Type.String({ maxLength: maxIdLength, description: 'The last row of the page before.' })),
  limit: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,3}$', description: 'How many rows at most, up to 1000; left out: 100.' }))
})
export const AdapterLineage = Type.Object({
  object: Type.Literal('adapter.lineage'),
  adapter: Type.String({ description: 'NAME@VERSION.' }),
  digest: Type.String(),
  run: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'null: it was not trained here.' }),
  datasets: Type.Array(Type.Object({ id: Type.String(), name: Type.String(), version: Type.Integer() }), { description: 'What it learnt from; more than one where it went on from another adapter.' }),
  gone: Type.Integer({ description: 'Rows that were erased or withdrawn since.' }),
  people: Type.Integer({ description: 'Whose rows are still there.' }),
  rows: Type.Integer({ description: 'That are still there.' }),
  data: Type.Array(Type.Object({ row: Type.String(), completion: Type.String(), dataset: Type.String(), split: oneOf(['train', 'valid']) })),
  has_more: Type.Boolean()
})

export const PromoteBody = Type.Object({ version: Type.Integer({ minimum: 1 }) }, { additionalProperties: false })
export const PinBody = Type.Object({ pinned: Type.Boolean() }, { additionalProperties: false })
export const RemoveQuery = Type.Object({ version: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,14}$', description: 'Left out: the name and all its versions.' })) })

export const LoadLoraBody = Type.Object({ lora_name: Name, lora_path: Type.String({ minLength: 1, maxLength: 4096, description: 'A GGUF file on the server\'s machine.' }) })
export const UnloadLoraBody = Type.Object({ lora_name: Name })
