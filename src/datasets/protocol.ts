import type { Query } from '../database/database.ts'
import type { Progress, Version, Wanted } from './datasets.ts'

/** What a thread is given to do, and ends with. */
export type Job =
  | { readonly type: 'build', readonly version: Version, readonly wanted: Wanted }
  | { readonly type: 'preview', readonly wanted: Wanted }
  /** How the rows of `version` differ from those of `against`. */
  | { readonly type: 'diff', readonly version: Version, readonly against: Version }

export interface JobOptions {
  /** The database's file, which is read here beside the database's worker. */
  readonly path: string
  /** For rows between two passes; whoever starts the thread removes it. */
  readonly folder: string
  /** Engraft's version. */
  readonly code: string
  readonly job: Job
}

/** What the thread may ask of its parent. */
export type Parent = {
  commit (queries: readonly Query[]): Promise<number[]>
  /** Resolves when the machine has a thread to spare. */
  gate (_: undefined): Promise<void>
  progress (progress: Progress): void
}
