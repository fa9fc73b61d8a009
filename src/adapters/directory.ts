import { PublicError, problem } from '../errors.ts'
import type { Bases, Lease } from '../inference/bases.ts'
import type { AppliedAdapter, Target } from '../inference/engine.ts'
import { weightsDigest } from '../inference/target.ts'
import type { AdapterLease, Adapters, Asker } from './adapters.ts'

/** An adapter that a request puts on, and how strongly. */
export interface MixedAdapter { readonly name: string, readonly scale: number }

/** Leave to use what a request named: a base and the adapters on it. */
export interface ModelLease extends Lease {
  /** The public names it was named by, without versions: what a caller must be allowed to use. */
  readonly names: readonly string[]
  /** The version that answers, where an adapter was named as the model. */
  readonly version: number | null
  /** The canary whose draw chose that version, where nothing else is put on beside it; null: none did. */
  readonly canary: string | null
  /** Fires, with the reason to tell, when the answer has to end because one of its adapters went off. */
  readonly signal: AbortSignal
  /** Await it before the engine is given the target. Throws `adapter_damaged`. */
  ready (): Promise<void>
}

/** What callers send as `model`: bases and adapters share one name space. */
export interface Directory {
  /**
   * Resolves a model's name (null: the default base) and the adapters to be put
   * on beside it, and leases all of them, in one step: no change comes between.
   * `asker` is who a canary goes by; null: nobody, so what is live answers.
   * Throws `model_not_found`, `invalid_request` for a mix that cannot be, and
   * what `Adapters.lease` throws.
   */
  lease (model: string | null, mix: readonly MixedAdapter[], asker: Asker | null): ModelLease
}

export interface DirectoryParts {
  readonly bases: Pick<Bases, 'lease'>
  readonly adapters: Pick<Adapters, 'lease'>
}

/**
 * All adapters of an answer must be in the engine's memory together, where only
 * a few have room (eight by default), and each adds its products to every
 * token. Two such answers can still run beside each other.
 */
const mostAdapters = 4

/** Beyond this many times what it was trained for, an adapter drowns the base and answers are noise; below zero it is taken away. */
const largestScale = 4

const mixParam = 'engraft.adapters'

export function createDirectory ({ bases, adapters }: DirectoryParts): Directory {
  function leaseMixed (name: string, asker: Asker | null): AdapterLease {
    const lease = asking(mixParam, () => adapters.lease(name, asker))
    if (lease === null) throw problem('adapter_not_found', { adapter: name.slice(0, 120) }, { param: mixParam })
    return lease
  }

  return {
    lease (model, mix, asker) {
      refuseScales(mix)
      const held: { release (): void }[] = []
      const hold = <T extends { release (): void } | null>(lease: T): T => {
        if (lease !== null) held.push(lease)
        return lease
      }
      try {
        const named = hold(model === null ? null : asking('model', () => adapters.lease(model, asker)))
        const base = hold(bases.lease(named === null ? model : named.base))
        const used = named === null ? [] : [{ lease: named, scale: 1 }]
        const count = used.length + mix.length
        if (count > mostAdapters) throw refusal(`it names ${count} adapters; an answer can have at most ${mostAdapters}`)
        for (const { name, scale } of mix) used.push({ lease: hold(leaseMixed(name, asker)), scale })
        refuseStrangers(used, named?.base ?? base.target.model)
        const put = used.filter(({ scale }) => scale !== 0)
        const applied = merge(put)
        return {
          target: { model: modelOf(base.target, named, put), digest: weightsDigest(base.target.digest, applied), adapters: applied },
          engine: base.engine,
          contextSize: base.contextSize,
          admission: base.admission,
          counting: base.counting,
          names: namesOf(base.target, named, used),
          version: named?.version ?? null,
          canary: mix.length === 0 ? named?.canary ?? null : null,
          signal: AbortSignal.any(used.map(({ lease }) => lease.signal)),
          ready: async () => { await Promise.all(put.map(({ lease }) => lease.ready())) },
          release: () => releaseAll(held)
        }
      } catch (thrown) {
        releaseAll(held)
        throw thrown
      }
    }
  }
}

interface Used { readonly lease: AdapterLease, readonly scale: number }

function refuseScales (mix: readonly MixedAdapter[]): void {
  for (const { name, scale } of mix) {
    if (!(Math.abs(scale) <= largestScale)) throw refusal(`the scale of '${name.slice(0, 120)}' must be a number from -${largestScale} to ${largestScale}`)
  }
}

function refuseStrangers (used: readonly Used[], base: string): void {
  const stranger = used.find(({ lease }) => lease.base !== base)
  if (stranger !== undefined) throw refusal(`'${stranger.lease.name}' is an adapter of the base '${stranger.lease.base}', and this answer is by '${base}'`)
}

/** Equal files are one adapter, as strong as they are together. In the order of their digests, so that equal mixes are equal. */
function merge (put: readonly Used[]): AppliedAdapter[] {
  const merged = new Map<string, AppliedAdapter>()
  for (const { lease: { adapter }, scale } of put) {
    merged.set(adapter.digest, { ...adapter, scale: adapter.scale * scale + (merged.get(adapter.digest)?.scale ?? 0) })
  }
  const over = [...merged.values()].find(({ scale }) => Math.abs(scale) > largestScale)
  if (over !== undefined) throw refusal(`the same adapter is named more than once, and its scales add up to ${over.scale}; the most is ${largestScale}`)
  return [...merged.values()].filter(({ scale }) => scale !== 0).sort((a, b) => a.digest < b.digest ? -1 : 1)
}

/** `house@7` as OpenAI returns snapshots; a mix is told in full. */
function modelOf (base: Target, named: AdapterLease | null, put: readonly Used[]): string {
  const snapshots = put.map(({ lease: { name, version } }) => `${name}@${version}`)
  return named !== null && snapshots.length === 1 ? snapshots[0]! : [base.model, ...new Set(snapshots)].join('+')
}

/** Adapters at scale 0 count too: who may not use a name must not learn whether it exists. */
function namesOf (base: Target, named: AdapterLease | null, used: readonly Used[]): string[] {
  return [...new Set([...named === null ? [base.model] : [], ...used.map(({ lease }) => lease.name)])]
}

/** Every one is released, also when one of them throws; only then is its error thrown. */
function releaseAll (held: readonly { release (): void }[]): void {
  const [first, ...others] = held
  if (first === undefined) return
  try {
    first.release()
  } finally {
    releaseAll(others)
  }
}

function refusal (detail: string): PublicError {
  return problem('invalid_request', { detail: `'${mixParam}' cannot be used: ${detail}.` }, { param: mixParam })
}

/** What the registry refuses is the fault of this field of the request. */
function asking<T> (param: string, lease: () => T): T {
  try {
    return lease()
  } catch (thrown) {
    throw thrown instanceof PublicError && thrown.param === null ? PublicError.revive(thrown.code, thrown.message, { param, cause: thrown.cause }) : thrown
  }
}
