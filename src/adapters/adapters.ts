import type { AppliedAdapter } from '../inference/engine.ts'
import type { Lease } from './leases.ts'

/** One version of an adapter: a file that was checked once and never changes. */
export interface AdapterVersion {
  readonly name: string
  /** 1, 2, … under its name; a number is never given twice. */
  readonly version: number
  /** sha256 of its file. */
  readonly digest: string
  /** Bytes. */
  readonly size: number
  /** The base's public name. */
  readonly base: string
  /** The file itself says by digest that it was trained for this very base. */
  readonly baseVerified: boolean
  readonly rank: number
  readonly alpha: number
  /** Where it came from: `upload`, or the source's reference. */
  readonly source: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
  /** Answers under way with it. */
  readonly leases: number
}

/** Who asks, as far as a canary goes by it. */
export interface Asker {
  readonly tenant: string
  /** null: nobody was named. */
  readonly user: string | null
  /** As the caller names it. */
  readonly session: string | null
}

/** A version that a share of the people who ask for the name get, until a verdict. */
export interface Canary {
  /** `canary_` and 24 hex digits; the share is drawn by it. */
  readonly id: string
  /** The candidate; all others get the live one. */
  readonly version: number
  /** How many of a hundred people get it, 1 to 99. */
  readonly percent: number
}

export interface NewCanary {
  readonly version: number
  readonly percent: number
  /** By what it is decided. The registry only keeps it. */
  readonly plan: object
}

/** How a canary ended. `ended`: the candidate went off. */
export interface CanaryEnd {
  readonly outcome: 'promoted' | 'ended'
  /** Why, for people. No person's text or name. */
  readonly words: string
}

/** A name, its versions, and which of them answers under it. */
export interface AdapterInfo {
  readonly name: string
  readonly base: string
  /** The version that answers; null: none, and the name answers `adapter_not_live`. */
  readonly live: number | null
  /** The version that `rollback` brings back. */
  readonly previous: number | null
  /** null: none is under way. */
  readonly canary: Canary | null
  /** Pinned: its live version stays in the engine's memory. */
  readonly pinned: boolean
  /** From the newest to the oldest. */
  readonly versions: readonly AdapterVersion[]
}

export interface AddRequest {
  readonly name: string
  /** The base's public name; null: the default base. */
  readonly base: string | null
  /** The bytes as they arrive, or a reference (`file:`, `hf:`, `https:`). */
  readonly content: AsyncIterable<Uint8Array> | string
}

/**
 * Leave to use one version: while it is held, its file and registration stay.
 * Its signal fires with `adapter_drained` when the version went off and the
 * answers under way on it have had their time.
 */
export interface AdapterLease extends Lease {
  readonly name: string
  readonly version: number
  readonly base: string
  /** The canary whose draw chose the version; null: none did. */
  readonly canary: string | null
  /** At scale 1. */
  readonly adapter: AppliedAdapter
  /**
   * Resolves when the file is known to be the one that was registered: await it
   * before an engine is given the path. Cheap unless the file changed or has not
   * been read since the start. Throws `adapter_damaged`.
   */
  ready (): Promise<void>
}

/**
 * The adapters of this server: names, versions, which is live. Every change is
 * durable, with its audit entry, before it is seen. `by` is who asks, for the
 * audit: a key's id, `local` or `cli`.
 */
export interface Adapters {
  /** Stores, checks and registers a file. The same bytes under a name give the version they have. Never changes what is served. */
  add (request: AddRequest, by: string): Promise<{ readonly version: AdapterVersion, readonly created: boolean }>
  list (): readonly AdapterInfo[]
  find (name: string): AdapterInfo | null
  /**
   * Loads the version, then lets it answer under its name. Answers under way
   * end on the version they began with; those that take longer than the drain's
   * deadline end in `adapter_drained`, so that what went off can be removed.
   */
  promote (name: string, version: number, by: string): Promise<AdapterInfo>
  /** The same, to the version that was live before. */
  rollback (name: string, by: string): Promise<AdapterInfo>
  /** Takes the name off: it answers `adapter_not_live` until the next promote. Answers under way are as after a promote. */
  retire (name: string, by: string): Promise<AdapterInfo>
  pin (name: string, pinned: boolean, by: string): Promise<AdapterInfo>
  /**
   * Loads the version, then lets a share of those who ask for the name get it;
   * both versions stay in memory. Every later promote, rollback or retire ends
   * it. Throws `adapter_not_live`, `canary_running`, `invalid_request` for the
   * live version itself.
   */
  startCanary (name: string, wanted: NewCanary, by: string): Promise<AdapterInfo>
  /** Ends this canary, as it says: the candidate goes live, or off as after a promote. Null: it has ended already, and nothing is done. */
  endCanary (name: string, id: string, end: CanaryEnd, by: string): Promise<AdapterInfo | null>
  /** Removes one version, or the name with all of them (null). Throws `adapter_in_use` while it is live, on a canary or leased. */
  remove (name: string, version: number | null, by: string): Promise<void>
  /** Resolves `name` (its live version, or where a canary is under way that of its two which `asker` gets; null: the live one) or `name@7` in one step. Null: no adapter has this name. Throws `adapter_not_found`, `adapter_not_live`, `base_not_served`, `base_changed`. */
  lease (reference: string, asker: Asker | null): AdapterLease | null
}

/** The base an adapter is checked against. */
export interface BaseFile {
  readonly name: string
  readonly path: string
  /** sha256 of its file. */
  readonly digest: string
}
