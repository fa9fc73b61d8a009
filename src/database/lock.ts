import { dirname, join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { DatabaseError } from './failure.ts'

/** A command holds the folder for the moment a migration takes; a server is worth that wait. */
const patience = 3000

/**
 * Takes the folder for this process alone and returns what gives it back.
 * Throws `in_use` when another process has it.
 *
 * The lock is an exclusive transaction on a second SQLite file, so the system
 * frees it however the process ends, kill -9 included, and no stale lock file
 * is ever in the way. (Only SQLite may open that file: on POSIX, closing any
 * other handle to it in this process would drop the lock.)
 */
export function lockFolder (path: string): () => void {
  const lock = new Sqlite(join(dirname(path), 'engraft.lock'), { timeout: patience })
  try {
    lock.exec('begin exclusive')
  } catch (thrown) {
    lock.close()
    if (!(thrown instanceof Sqlite.SqliteError) || thrown.code !== 'SQLITE_BUSY') throw thrown
    throw new DatabaseError('in_use', `The data folder ${dirname(path)} is in use by another Engraft process. Stop that one first, or use another folder with --data.`)
  }
  return () => { lock.close() }
}
