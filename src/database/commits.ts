import type Sqlite from 'better-sqlite3'
import { type Failure, failureOf, isIoError } from './failure.ts'
import type { Query } from './protocol.ts'
import type { Prepare } from './statements.ts'

/** What became of one caller's commit: rows changed by each of its queries, or why none was run. */
export type Outcome = { readonly changes: number[] } | { readonly failure: Failure }

/**
 * Commits many callers' batches with one sync. Each batch has its own savepoint
 * inside the shared transaction, so one that fails takes back only itself. When
 * the transaction as a whole fails (the disk is full, a deferred reference is
 * broken), every batch is tried again alone, so that only the one at fault
 * fails. After an I/O error nothing is tried again: it throws, and the outcomes
 * are lost with the worker, because nobody knows what reached the disk.
 */
export function groupCommit (db: Sqlite.Database, prepare: Prepare): (batches: readonly (readonly Query[])[]) => Outcome[] {
  const [begin, commit, rollback, savepoint, release, undo] = [
    // IMMEDIATE waits for another process's writer here, and not in the middle of a batch.
    'begin immediate', 'commit', 'rollback', 'savepoint batch', 'release batch', 'rollback to batch'
  ].map(text => db.prepare(text)) as [Statement, Statement, Statement, Statement, Statement, Statement]

  function together (batches: readonly (readonly Query[])[]): Outcome[] {
    try {
      begin.run()
      const outcomes = batches.map(one)
      commit.run()
      return outcomes
    } catch (thrown) {
      if (db.inTransaction) rollback.run()
      if (isIoError(thrown)) throw thrown
      if (batches.length === 1) return [{ failure: failureOf(thrown) }]
      return batches.flatMap(batch => together([batch]))
    }
  }

  function one (batch: readonly Query[]): Outcome {
    savepoint.run()
    try {
      const changes = batch.map(query => prepare(query.sql).run(...query.parameters).changes)
      release.run()
      return { changes }
    } catch (thrown) {
      // SQLite itself rolls the whole transaction back on some errors, a full disk among them.
      if (!db.inTransaction || isIoError(thrown)) throw thrown
      undo.run()
      release.run()
      return { failure: failureOf(thrown) }
    }
  }

  return together
}

type Statement = Sqlite.Statement<[]>
