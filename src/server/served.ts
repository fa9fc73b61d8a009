import type { Static } from 'typebox'
import type { AdapterInfo } from '../adapters/adapters.ts'
import { type Caller, mayUse } from '../access/caller.ts'
import { problem } from '../errors.ts'
import type { Embedder } from '../memory/embedder.ts'
import type { Adapters, Bases } from './ports.ts'
import type { Model } from './schemas/models.ts'

type ModelWire = Static<typeof Model>

/** Whatever a caller may name as `model`: bases and live adapters, in the one name space they share. */
export interface Served {
  readonly bases: Pick<Bases, 'list' | 'find'>
  readonly adapters: Pick<Adapters, 'list' | 'find'>
  /** The model that makes vectors only; null: it is not here. */
  readonly embedder: () => EmbedderInfo | null
}

export type EmbedderInfo = Pick<Embedder, 'name' | 'maxTokens'>

/** What this caller may use: the default base, the other bases, the adapters that are live, the embedding model. */
export function servedTo (caller: Caller, { bases, adapters, embedder }: Served): ModelWire[] {
  return [
    ...bases.list().map(baseModel),
    ...adapters.list().flatMap(info => info.live === null ? [] : adapterModel(info, info.name, info.live, bases)),
    ...embedderModel(embedder(), bases)
  ].filter(model => mayUse(caller, model.id))
}

/** One model by its name, or a version of an adapter (`house@7`). An allow-list names adapters without a version. Throws `model_not_found`, `adapter_not_live`. */
export function findServed (caller: Caller, { bases, adapters, embedder }: Served, id: string): ModelWire {
  // Names of bases may hold an @ themselves.
  const base = bases.find(id)
  if (base !== null && mayUse(caller, id)) return baseModel(base)
  const [own] = embedderModel(embedder(), bases)
  if (base === null && own?.id === id && mayUse(caller, id)) return own
  const { name, version } = reference(id)
  const info = base === null && mayUse(caller, name) ? adapters.find(name) : null
  if (info !== null) {
    const shown = version ?? info.live
    if (shown === null) throw problem('adapter_not_live', { adapter: name }, { param: 'model' })
    const [model] = adapterModel(info, id, shown, bases)
    if (model !== undefined) return model
  }
  throw problem('model_not_found', { model: id }, { param: 'model' })
}

function reference (id: string): { readonly name: string, readonly version: number | null } {
  const [, name, version] = /^(.+)@([1-9]\d{0,14})$/.exec(id) ?? []
  return name === undefined ? { name: id, version: null } : { name, version: Number(version) }
}

function baseModel ({ name, created, contextSize }: ReturnType<Bases['list']>[number]): ModelWire {
  return { id: name, object: 'model', created, owned_by: 'engraft', root: name, parent: null, max_model_len: contextSize }
}

/** As old as the server: it is fetched when it starts. */
function embedderModel (embedder: EmbedderInfo | null, bases: Served['bases']): ModelWire[] {
  return embedder === null ? [] : [{ id: embedder.name, object: 'model', created: bases.list()[0]?.created ?? 0, owned_by: 'engraft', root: embedder.name, parent: null, max_model_len: embedder.maxTokens }]
}

/** None where the version is unknown, or its base is not served by this server. */
function adapterModel ({ name, versions }: AdapterInfo, id: string, version: number, bases: Served['bases']): ModelWire[] {
  const found = versions.find(other => other.version === version)
  const base = found === undefined ? null : bases.find(found.base)
  if (found === undefined || base === null) return []
  return [{ id, object: 'model', created: Math.floor(Date.parse(found.createdAt) / 1000), owned_by: 'engraft', root: `${name}@${version}`, parent: base.name, max_model_len: base.contextSize }]
}
