import type { Split } from './datasets.ts'
import type { FormatName } from './exports/format.ts'

/** When a data set is exported again: at the times of a cron expression (in the server's time zone), or when that much new evidence has come. */
export type When = { readonly cron: string, readonly rows: null } | { readonly cron: null, readonly rows: number }

/** What is to be exported, into which folder. */
export type NewSchedule = When & {
  readonly tenant: string
  /** The data set's name. Every export is of its newest version; one is built where there is new evidence. */
  readonly dataset: string
  /** What versions are built with, as in `Wanted`. */
  readonly filters: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly format: FormatName
  readonly split: Split
  /** Absolute; null: one of its own in the data folder, where the files lose what is erased, forgotten, removed or taken back. */
  readonly folder: string | null
}

export type Schedule = NewSchedule & {
  readonly id: string
  /** Milliseconds since 1970 in UTC, as all times here. */
  readonly created: number
  /** When it is due; null: when enough has come. */
  readonly next: number | null
  /** Code and message of what the last run ended with; null: it went well. */
  readonly failure: { readonly code: string, readonly message: string } | null
}

/** A file that was written. */
export interface Exported {
  readonly id: string
  /** null: the schedule is gone. */
  readonly schedule: string | null
  /** The version. */
  readonly dataset: string
  readonly format: FormatName
  readonly split: Split
  readonly path: string
  /** Whether it is in the data folder, where an erasure reaches it. */
  readonly inside: boolean
  readonly created: number
  readonly rows: number
  readonly bytes: number
  /** Hex. */
  readonly sha256: string
  /** When nothing was left of it that its reader would take, and it was deleted; null: it was not. */
  readonly removed: number | null
}

/**
 * Exports that happen by themselves. What was missed while the server was off
 * happens once when it is back; the same rows are never written twice.
 */
export interface Schedules {
  /** Throws `schedule_invalid`, `name_invalid`, and `export_failed` where the folder cannot be written. */
  create (schedule: NewSchedule): Promise<Schedule>
  list (): Promise<readonly Schedule[]>
  /** Its files stay. Throws `schedule_not_found`. */
  remove (id: string): Promise<void>
  /** The newest first. */
  exported (limit: number): Promise<readonly Exported[]>
}
