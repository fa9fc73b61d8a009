import type { Row } from './row.ts'

/** Which part of a version: rows to learn from, the newest of them kept back, and those of people who are never learnt from. */
export type Split = 'train' | 'valid' | 'test'

/** What is to be built, or tried. */
export interface Wanted {
  readonly tenant: string
  /** Versions 1, 2, … count under it. */
  readonly name: string
  /** Per filter by its name what differs from its defaults; JSON. */
  readonly filters: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** What one step let through; in the order of the steps. */
export interface Step {
  /** The filter's name, or `evidence`: what made no row at all. */
  readonly name: string
  /** One line for people. */
  readonly about: string
  readonly settings: Readonly<Record<string, unknown>>
  /** Rows before it. */
  readonly in: number
  /** How many it dropped, by reason. */
  readonly dropped: Readonly<Record<string, number>>
  /** How many it changed, by what it did. */
  readonly changed: Readonly<Record<string, number>>
  /** What else the filter tells. */
  readonly report: Readonly<Record<string, unknown>> | null
}

/** Rows of one split, or of one slice. */
export interface Counts {
  readonly rows: number
  readonly people: number
  readonly kinds: Readonly<Record<Row['kind'], number>>
}

/** How the rows of a version spread, from the frequent to the rare; shares of a drift report are made of it. */
export interface Slices {
  /** By the number of characters of the answer, in powers of two. */
  readonly length: Readonly<Record<string, number>>
  readonly language: Readonly<Record<string, number>>
  /** By the terms that tell them apart. */
  readonly topic: Readonly<Record<string, number>>
  /** By the month in which the person's first row was. */
  readonly cohort: Readonly<Record<string, number>>
  /** Whether the answer declines. */
  readonly refusal: Readonly<Record<string, number>>
}

/**
 * What a version is made of: the same evidence, settings and code always make
 * the same bytes of it. The rows themselves are listed beside it.
 */
export interface Manifest {
  readonly format: 'engraft-dataset-1'
  readonly tenant: string
  readonly name: string
  /** Engraft's version. */
  readonly code: string
  /** What had been recorded when it was built: the last of each. */
  readonly evidence: { readonly interactions: number, readonly feedback: number, readonly reviews: number }
  /** Under which rule rows could enter. */
  readonly consent: string
  /** `evidence` first, then every filter. */
  readonly steps: readonly Step[]
  readonly split: {
    /** The share of people who are held out. */
    readonly testShare: number
    /** The share of rows, the newest of those to learn from, that is kept back. */
    readonly validShare: number
    /** Rows at or after this time (ms) are kept back; null: none are. */
    readonly validFrom: number | null
    /** That no test person and no near copy of a test row is among the others. */
    readonly leaks: 0
  }
  readonly counts: Readonly<Record<Split, Counts>>
  readonly slices: Slices
}

/** How one way to slice has moved. */
export interface Moved {
  readonly slice: keyof Slices
  /** Population stability index: the sum of (p - q) ln(p / q) over the buckets. */
  readonly psi: number
  /** How often chance alone moves it at least this far (chi-square, by permutation). */
  readonly p: number
  readonly verdict: 'same' | 'moved' | 'moved far'
}

/** What came in since, against what was there before. */
export interface Drift {
  /** `NAME@VERSION` it is compared with. */
  readonly against: string
  /** Rows there, and rows that are new since. */
  readonly before: number
  readonly fresh: number
  /** Rows that are there no more. */
  readonly gone: number
  readonly moved: readonly Moved[]
}

/** A version as it is listed. */
export interface Version {
  /** `NAME@VERSION` is unique within the tenant, `id` everywhere. */
  readonly id: string
  readonly tenant: string
  readonly name: string
  readonly version: number
  /** Milliseconds since 1970 in UTC. */
  readonly created: number
  /** Only a ready one has rows. */
  readonly state: 'building' | 'ready' | 'failed'
  /** Code and message of what made it fail; null: nothing did. */
  readonly failure: { readonly code: string, readonly message: string } | null
  /** sha256 (hex) of the manifest with its list of rows; null until it is ready. */
  readonly sha256: string | null
  /** How many of its rows may not be learnt from any more: erased since with what they were made of, or of people who have taken back their leave. What was learnt from it should be learnt anew. */
  readonly erased: number
  readonly manifest: Manifest | null
  /** Against the version before; null: there was none. */
  readonly drift: Drift | null
}

/** How far a build is. */
export interface Progress {
  readonly step: string
  readonly done: number
  /** null: not known. */
  readonly total: number | null
}

/** What a build would do, with examples by the id of what they were made of and no text. */
export interface Preview {
  readonly manifest: Omit<Manifest, 'split'> & { readonly split: Omit<Manifest['split'], 'leaks'> & { readonly leaks: number } }
  /** Per step and reason the first few rows. */
  readonly examples: readonly { readonly step: string, readonly reason: string, readonly rows: readonly string[] }[]
}

/** What is asked after: a row, all rows of an answer, or all of a person. */
export type Origin =
  | { readonly type: 'row', readonly row: string }
  | { readonly type: 'interaction', readonly interaction: string }
  | { readonly type: 'user', readonly tenant: string, readonly user: string }

/** Where a row comes from and where it went. */
export interface Lineage {
  readonly row: string
  readonly interaction: string
  /** null: the answer is not on record any more. */
  readonly session: string | null
  readonly tenant: string
  readonly user: string
  readonly feedback: readonly string[]
  readonly model: string
  readonly versions: readonly { readonly id: string, readonly name: string, readonly version: number, readonly split: Split }[]
}

/**
 * Versions of data sets: immutable, and nothing of one is seen before all of
 * it is there. Every method throws `dataset_not_found` for what does not exist,
 * and `storage_full` or `storage_failed` where the database does.
 */
export interface Datasets {
  /** Throws `invalid_request` for settings of filters that cannot be used. */
  check (filters: Wanted['filters']): void
  /** Begins the next version of the name and resolves to it, building; one is built at a time, the others wait. `done` resolves when it is ready or failed. */
  build (wanted: Wanted, progress?: (progress: Progress) => void): Promise<{ readonly version: Version, readonly done: Promise<Version> }>
  preview (wanted: Wanted, progress?: (progress: Progress) => void): Promise<Preview>
  /** The newest first; `tenant` null: of all. */
  list (tenant: string | null): Promise<readonly Version[]>
  /** By id. */
  find (id: string): Promise<Version>
  /**
   * The rows of a split in the order of their answers, a few read at a time.
   * Those that `erased` counts are left out. Throws `dataset_not_ready`, and
   * `dataset_damaged` where the list or a row is not what was built.
   */
  rows (id: string, split: Split): AsyncIterable<Row>
  /** How the rows of a version differ from those of another one. */
  diff (id: string, against: string): Promise<Drift>
  /** From a row to its answer and person, and back: every row, with the versions it is in. */
  lineage (of: Origin): Promise<readonly Lineage[]>
}
