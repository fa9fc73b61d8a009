import type { CompiledQuery } from 'kysely'
import type { Query } from './protocol.ts'

export type { Query }

/**
 * What the rooms need from the one SQLite file. Queries are built with Kysely
 * (`sql` in sql.ts) and compiled where they are used; only the worker runs them.
 *
 * A full disk rejects with `storage_full`, a disk or file that fails with
 * `storage_failed`; both are `PublicError`s, and nothing of the call was done.
 * Anything else (a broken constraint, a mistake in the SQL) rejects with a
 * `DatabaseError` whose `code` is SQLite's. No call hangs: when the worker dies,
 * all that wait and all that come later reject with `storage_failed`.
 */
export interface Database {
  /** Rows of one read, from the last committed state. Blobs arrive as `Uint8Array`. */
  all<Row> (query: CompiledQuery<Row>): Promise<Row[]>
  /**
   * Runs the queries as one transaction, in order, and resolves once they
   * would survive a power cut. Commits of callers that arrive together share
   * one sync; one caller's failure never undoes another's. Resolves to the
   * number of rows each query changed.
   */
  commit (queries: readonly Query[]): Promise<number[]>
  /** Moves all commits into the file and empties the log beside it, so that nothing overwritten is left there. Resolves to false where a reader is in the way. */
  checkpoint (): Promise<boolean>
  /**
   * Writes the file anew from the rows that are there. SQLite overwrites what is
   * deleted with zeros, but not what was left behind when it moved rows between
   * pages. All others wait meanwhile: about a second for 100 MB.
   */
  rewrite (): Promise<void>
  /** Writes a consistent copy to `path` while everything goes on; the copy appears there whole or not at all. */
  backup (path: string): Promise<void>
  /** Throws a `DatabaseError` with the path and the remedy if any page, index or reference is damaged. */
  check (): Promise<void>
  /** Finishes what was asked before, checkpoints, closes, ends the worker. A second call waits for the first. */
  close (): Promise<void>
}
