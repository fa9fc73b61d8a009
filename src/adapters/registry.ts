import { randomBytes } from 'node:crypto'
import { access } from 'node:fs/promises'
import type { CompiledQuery } from 'kysely'
import { record } from '../access/audit.ts'
import type { Database } from '../database/database.ts'
import { problem } from '../errors.ts'
import type { AppliedAdapter, ProbeAdapter } from '../inference/engine.ts'
import type { AdapterInfo, Adapters, BaseFile, CanaryEnd } from './adapters.ts'
import { endCanary, insertCanary } from './canary-rows.ts'
import { Lanes } from './lanes.ts'
import { Leases } from './leases.ts'
import { refuseName, shownSource } from './names.ts'
import { type Name, type Pointers, type Version, infoOf, insertVersion, readNames, readRemoved, saveName, setRemoved, shown } from './rows.ts'
import { Shelf } from './shelf.ts'
import { openTrials } from './trial.ts'
import type { Incoming, Vault } from './vault.ts'

export interface RegistryOptions {
  readonly database: Database
  readonly vault: Vault
  /** The bases that are served; the first is the default. */
  readonly bases: readonly BaseFile[]
  readonly engines: EnginesPort
  readonly probe: ProbeAdapter
  /** Opens what a reference (`file:`, `hf:`, `https:`) names. Throws `source_failed`. */
  readonly fetch: (reference: string) => Promise<{ readonly bytes: AsyncIterable<Uint8Array> }>
  /** Largest file taken, in bytes. */
  readonly adapterLimit: number
  /** Seconds that answers under way on a version have to end once it is no longer live. */
  readonly drainTimeout: number
  /** Told what an operator should look at: constant message and fields. */
  readonly log: (message: string, fields: Record<string, unknown>) => void
}

/** The engines of the bases, by the bases' public names. */
export interface EnginesPort {
  /** Resolves when the adapters are in that engine's memory. Throws `adapter_load_failed`. */
  load (base: string, adapters: readonly AppliedAdapter[]): Promise<void>
  /** From now on exactly these stay there. */
  pin (base: string, digests: readonly string[]): void
}

/**
 * The registry. Its state is held in memory, so that leasing never waits. A
 * change is decided, committed with its audit entry, and then shown in one
 * synchronous step: nobody sees a state that a power cut could take back.
 *
 * Two kinds of lanes keep changes apart. Those of one name run one after the
 * other. Below them, keeping and deleting a file of the vault run one after
 * the other by digest, because names share files. A lane of a name may wait
 * for one of a digest, never the other way round. Receiving and checking a
 * file takes long and runs outside both.
 *
 * Throws when a base and an adapter have the same name.
 */
export async function openRegistry ({ database, vault, bases, engines, probe, fetch, adapterLimit, drainTimeout, log }: RegistryOptions): Promise<Adapters> {
  const shelf = new Shelf(await readNames(database), bases)
  const trials = await openTrials(bases, probe)
  const byName = new Lanes()
  const byDigest = new Lanes()

  const twin = bases.find(({ name }) => shelf.find(name) !== null)
  if (twin !== undefined) throw new Error(`'${twin.name}' is the name of a base and of an adapter, and both share one name space. Serve the base under another name (--model OTHER=REFERENCE), or start without it and remove the adapter.`)
  await tidy()
  for (const { name } of bases) engines.pin(name, shelf.pinned(name))

  return {
    async add ({ name, base: wanted, content }, by) {
      refuseName(name)
      const base = wanted === null ? bases[0] : bases.find(({ name }) => name === wanted)
      if (base === undefined) throw problem('model_not_found', { model: wanted ?? '' }, { param: 'base' })
      shelf.refusePlace(name, base.name)
      const [source, bytes] = typeof content === 'string' ? [shownSource(content), (await fetch(content)).bytes] : ['upload', content]
      const incoming = await vault.receive(bytes, adapterLimit)
      try {
        const { digest, size, path } = incoming
        const known = shelf.twin(name, digest, base) !== null
        const found = known ? null : await trials.examine(path, base.name)
        return await byName.run(name, () => byDigest.run(digest, async () => {
          shelf.refusePlace(name, base.name)
          const twin = shelf.twin(name, digest, base)
          if (twin !== null) {
            // "Upload it again" is what a damaged file's error advises.
            await intact(twin).catch(() => incoming.keep())
            return { version: shown(twin), created: false }
          }
          // What was known may have been removed while this one waited.
          const { rank, alpha, baseVerified } = found ?? await trials.examine(path, base.name)
          const place = shelf.nameOrNew(name, base.name)
          const facts = { name, version: place.next, digest, size, base: base.name, baseVerified, rank, alpha, source, createdAt: new Date().toISOString() }
          const version = { facts, baseDigest: base.digest, leases: new Leases(), leaving: false }
          await register(place, version, incoming, by)
          return { version: shown(version), created: true }
        }))
      } finally {
        await incoming.discard()
      }
    },

    list: () => shelf.list(),

    find (name) {
      const found = shelf.find(name)
      return found === null ? null : infoOf(found)
    },

    promote: async (name, number, by) => await move(name, 'adapter.promote', by, async found => {
      const version = shelf.version(found, number)
      if (found.live === number) return found.canary === null ? null : { ...found, canary: null }
      await warm(version)
      return promoted(found, number)
    }),

    rollback: async (name, by) => await move(name, 'adapter.rollback', by, async ({ name, live, previous, pinned, versions }) => {
      const version = previous === null ? undefined : versions.get(previous)
      if (version === undefined) throw problem('no_previous_version', { adapter: name })
      await warm(version)
      return { live: previous, previous: live, pinned, canary: null }
    }),

    retire: async (name, by) => await move(name, 'adapter.retire', by, ({ live, pinned }) => live === null ? null : { live: null, previous: live, pinned, canary: null }),

    pin: async (name, pinned, by) => await move(name, pinned ? 'adapter.pin' : 'adapter.unpin', by, found => found.pinned === pinned ? null : { ...found, pinned }),

    async startCanary (name, { version: number, percent, plan }, by) {
      const canary = { id: `canary_${randomBytes(12).toString('hex')}`, version: number, percent }
      return await move(name, 'canary.start', by, async found => {
        const version = shelf.version(found, number)
        if (found.live === null) throw problem('adapter_not_live', { adapter: name })
        if (found.live === number) throw problem('invalid_request', { detail: `'${name}@${number}' is live already: name the version that is to be compared with it.` }, { param: 'version' })
        if (found.canary !== null) throw problem('canary_running', { adapter: name })
        await warm(version)
        return { ...found, canary }
      }, { also: ({ live }) => [insertCanary(name, canary, live!, plan)] })
    },

    async endCanary (name, id, end, by) {
      let mine = false
      const info = await move(name, end.outcome === 'promoted' ? 'canary.promote' : 'canary.end', by, async found => {
        mine = found.canary?.id === id
        if (!mine) return null
        if (end.outcome === 'ended') return { ...found, canary: null }
        const { version } = found.canary!
        await warm(shelf.version(found, version))
        return promoted(found, version)
      }, { end })
      return mine ? info : null
    },

    async remove (name, number, by) {
      await byName.run(name, async () => {
        const found = shelf.name(name)
        const going = number === null ? [...found.versions.values()] : [shelf.version(found, number)]
        await takeOff(found, going, by)
        for (const { facts: { digest } } of going) await byDigest.run(digest, () => forget(digest))
      })
    },

    lease (reference, asker) {
      const found = shelf.resolve(reference, asker)
      if (found === null) return null
      const { version, canary } = found
      const { name, version: number, base } = version.facts
      return {
        ...version.leases.take(),
        name,
        version: number,
        base,
        canary,
        adapter: applied(version),
        ready: () => intact(version)
      }
    }
  }

  /**
   * Moves a name's pointers as `decide` says; null: they are there already, and
   * nothing is written. A canary that is not among them any more has ended: as
   * `end` says, or because of this very move. `also` is committed with it.
   */
  async function move (name: string, action: string, by: string, decide: (found: Name) => Promise<Pointers | null> | Pointers | null, { end, also = () => [] }: { readonly end?: CanaryEnd, readonly also?: (found: Name) => CompiledQuery[] } = {}): Promise<AdapterInfo> {
    return await byName.run(name, async () => {
      const found = shelf.name(name)
      const decided = await decide(found)
      if (decided === null) return infoOf(found)
      const { live, previous, pinned, canary } = decided
      const next: Pointers = { live, previous, pinned, canary }
      const over = canary === null ? found.canary : null
      const ending = over === null ? null : end ?? { outcome: live === over.version ? 'promoted' : 'ended', words: `${action} by ${by}` }
      await database.commit([
        saveName({ ...found, ...next }),
        ...over === null || ending === null ? [] : [endCanary(over, ending)],
        ...also(found),
        record(by, action, name, { live, previous, pinned, ...ending !== null && { words: ending.words }, ...(canary ?? over) !== null && { canary: canary ?? over } })
      ])
      const off = new Set([found.live, over?.version ?? null])
      Object.assign(found, next)
      engines.pin(found.base, shelf.pinned(found.base))
      for (const number of off) {
        const version = number === null || number === live ? undefined : found.versions.get(number)
        if (version !== undefined) drain(version)
      }
      return infoOf(found)
    })
  }

  /** Sets the answers on a version that went off their deadline. It is moot if the version is on again by then. */
  function drain ({ facts: { name, version }, leases }: Version): void {
    leases.drain(drainTimeout, () => isOn(shelf.find(name), version) ? null : problem('adapter_drained', { adapter: `${name}@${version}`, seconds: drainTimeout }))
  }

  /**
   * Keeps the file and registers the version, or leaves neither. The row is
   * written as removed first: if the process dies once the file is kept, the
   * next start knows the file and deletes it.
   */
  async function register (place: Name, version: Version, incoming: Incoming, by: string): Promise<void> {
    const { name, version: number, digest, base, baseVerified } = version.facts
    const next = { ...place, base, next: number + 1 }
    await database.commit([saveName(next), insertVersion(version)])
    shelf.put(next)
    await incoming.keep()
    try {
      await database.commit([setRemoved(name, [number], null), record(by, 'adapter.add', name, { version: number, digest, base, baseVerified })])
    } catch (thrown) {
      await forget(digest)
      throw thrown
    }
    next.versions.set(number, version)
  }

  /** Takes versions out of the register; while that is being written nobody may begin with them. */
  async function takeOff (found: Name, going: readonly Version[], by: string): Promise<void> {
    for (const version of going) refuseInUse(found, version)
    const numbers = going.map(({ facts }) => facts.version)
    const empty = found.versions.size === going.length
    const next = { previous: found.previous !== null && numbers.includes(found.previous) ? null : found.previous, pinned: found.pinned && !empty }
    for (const version of going) version.leaving = true
    try {
      await database.commit([saveName({ ...found, ...next }), setRemoved(found.name, numbers, new Date().toISOString()), record(by, 'adapter.remove', found.name, { versions: numbers })])
    } catch (thrown) {
      for (const version of going) version.leaving = false
      throw thrown
    }
    Object.assign(found, next)
    for (const number of numbers) found.versions.delete(number)
  }

  /** Says which files are missing, and deletes those that a crash left behind. */
  async function tidy (): Promise<void> {
    const here = async (digest: string): Promise<boolean> => await access(vault.pathOf(digest)).then(() => true, () => false)
    for (const { facts: { name, version, digest } } of shelf.versions()) {
      if (!await here(digest)) log('the file of an adapter is missing: upload it again', { adapter: `${name}@${version}`, digest })
    }
    for (const digest of await readRemoved(database)) if (await here(digest)) await forget(digest)
  }

  /** Deletes a file that no version of any name has any more. */
  async function forget (digest: string): Promise<void> {
    if (!shelf.isRegistered(digest)) await vault.remove(digest)
  }

  /** Brings a version to where it can answer at once. */
  async function warm (version: Version): Promise<void> {
    shelf.refuseStranded(version)
    await intact(version)
    await engines.load(version.facts.base, [applied(version)])
  }

  async function intact ({ facts: { name, version, digest } }: Version): Promise<void> { await vault.verify(digest, `${name}@${version}`) }

  function applied ({ facts: { digest } }: Version): AppliedAdapter {
    return { digest, path: vault.pathOf(digest), scale: 1 }
  }
}

/** Where the version goes live, and what was live becomes what a rollback brings back. */
function promoted ({ live, previous, pinned }: Pointers, version: number): Pointers {
  const before = live ?? previous
  return { live: version, previous: before === version ? null : before, pinned, canary: null }
}

/** Whether the name may still answer with the version. */
function isOn (found: Name | null, version: number): boolean { return found !== null && (found.live === version || found.canary?.version === version) }

function refuseInUse ({ name, live, canary }: Name, { facts: { version }, leases: { size } }: Version): void {
  const adapter = `${name}@${version}`
  if (version === live) throw problem('adapter_in_use', { adapter, detail: 'live (retire it, or promote another version, first)' })
  if (version === canary?.version) throw problem('adapter_in_use', { adapter, detail: 'on a canary (end it first)' })
  if (size > 0) throw problem('adapter_in_use', { adapter, detail: `answering ${size} request${size === 1 ? '' : 's'}` })
}
