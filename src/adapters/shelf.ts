import { problem } from '../errors.ts'
import type { AdapterInfo, Asker, BaseFile } from './adapters.ts'
import { parseReference } from './names.ts'
import { type Name, type Version, infoOf } from './rows.ts'
import { isDrawn } from './split.ts'

/**
 * The adapters as they are now, in memory: every question is answered at once.
 * Only the registry changes them, and only after the change was committed.
 */
export class Shelf {
  readonly #names: Map<string, Name>
  readonly #bases: ReadonlyMap<string, BaseFile>

  constructor (names: Map<string, Name>, bases: readonly BaseFile[]) {
    this.#names = names
    this.#bases = new Map(bases.map(base => [base.name, base]))
  }

  /** In the order of their names. */
  list (): AdapterInfo[] {
    return [...this.#names.keys()].sort().flatMap(name => this.find(name) ?? []).map(infoOf)
  }

  /** A name without versions is nobody's: only its counter is kept. */
  find (name: string): Name | null {
    const found = this.#names.get(name)
    return found === undefined || found.versions.size === 0 ? null : found
  }

  /** Throws `adapter_not_found`. */
  name (name: string): Name {
    const found = this.find(name)
    if (found === null) throw unknown(name)
    return found
  }

  /** Throws `adapter_not_found`. */
  version ({ name, versions }: Name, number: number): Version {
    const found = versions.get(number)
    if (found === undefined || found.leaving) throw unknown(`${name}@${number}`)
    return found
  }

  /** All versions that are registered. */
  versions (): Version[] {
    return [...this.#names.values()].flatMap(({ versions }) => [...versions.values()])
  }

  /** The name's version with these bytes, checked on this very base. */
  twin (name: string, digest: string, base: BaseFile): Version | null {
    return [...this.#names.get(name)?.versions.values() ?? []].find(version => version.facts.digest === digest && version.baseDigest === base.digest) ?? null
  }

  isRegistered (digest: string): boolean {
    return this.versions().some(({ facts }) => facts.digest === digest)
  }

  /** The name as it is, or as it begins. */
  nameOrNew (name: string, base: string): Name {
    return this.#names.get(name) ?? { name, base, live: null, previous: null, pinned: false, canary: null, next: 1, createdAt: new Date().toISOString(), versions: new Map() }
  }

  put (name: Name): void { this.#names.set(name.name, name) }

  /** Throws unless the name may get a version on this base. */
  refusePlace (name: string, base: string): void {
    if (this.#bases.has(name)) throw problem('name_taken', { name }, { param: 'name' })
    const found = this.find(name)
    if (found !== null && found.base !== base) throw problem('invalid_request', { detail: `'${name}' is an adapter of the base '${found.base}', so it cannot get a version on '${base}': choose another name, or remove '${name}' first.` }, { param: 'name' })
  }

  /** Throws unless the very base that the version was checked on is served. */
  refuseStranded ({ facts: { name, version, base }, baseDigest }: Version): void {
    const served = this.#bases.get(base)
    if (served === undefined) throw problem('base_not_served', { adapter: `${name}@${version}`, base })
    if (served.digest !== baseDigest) throw problem('base_changed', { adapter: `${name}@${version}`, base, expected: baseDigest, found: served.digest })
  }

  /** Digests that the base's engine must not drop: the live versions of pinned names, and both of a canary, so that either can be all there is at once. */
  pinned (base: string): string[] {
    const digests = [...this.#names.values()].flatMap(({ live, pinned, canary, versions }) => [pinned || canary !== null ? live : null, canary?.version ?? null].flatMap(number => {
      const version = number === null ? undefined : versions.get(number)
      return version?.facts.base === base && version.baseDigest === this.#bases.get(base)?.digest ? [version.facts.digest] : []
    }))
    return [...new Set(digests)].sort()
  }

  /** The version that `name` or `name@7` means now to who asks, and the canary whose draw says so; null: no adapter has this name. Throws as `Adapters.lease`. */
  resolve (reference: string, asker: Asker | null): { readonly version: Version, readonly canary: string | null } | null {
    const { name, version: wanted } = parseReference(reference)
    const found = this.find(name)
    if (found === null) return null
    if (wanted === 'unknown') throw unknown(reference)
    const drawn = wanted !== null || found.canary === null ? null : isDrawn(found.canary.id, asker, found.canary.percent)
    const number = wanted ?? (drawn === true ? found.canary!.version : found.live)
    if (number === null) throw problem('adapter_not_live', { adapter: name })
    const version = this.version(found, number)
    this.refuseStranded(version)
    return { version, canary: drawn === null ? null : found.canary!.id }
  }
}

/** Whoever sends 10 kB as a name need not get them back. */
function unknown (adapter: string) { return problem('adapter_not_found', { adapter: adapter.slice(0, 120) }) }
