import type { CompiledQuery } from 'kysely'

/**
 * What the rooms need from the one SQLite file. Queries are built with Kysely
 * (`sql` in sql.ts) and compiled where they are used; only the worker runs them.
 */
export interface Database {
  /** Rows of one read, from the last committed state. */
  all<Row> (query: CompiledQuery<Row>): Promise<Row[]>
  /**
   * Runs the queries as one transaction, in order, and resolves once they
   * would survive a power cut. Commits of callers that arrive together share
   * one sync; one caller's failure never undoes another's. Resolves to the
   * number of rows each query changed.
   */
  commit (queries: readonly CompiledQuery[]): Promise<number[]>
  /** Writes a consistent copy to `path` while everything goes on. */
  backup (path: string): Promise<void>
  /** Throws with the path and the remedy if any page or index is damaged. */
  check (): Promise<void>
  /** Checkpoints, closes, ends the worker. */
  close (): Promise<void>
}
