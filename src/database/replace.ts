import { linkSync, renameSync } from 'node:fs'
import { dirname } from 'node:path'
import Sqlite from 'better-sqlite3'
import { openingError } from './failure.ts'
import { exists, settle } from './file.ts'
import { lockFolder } from './lock.ts'

/** Takes the folder of the database at `path`, as a server does, and returns what gives it back. Throws a `DatabaseError`, `in_use` where a server runs. */
export function holdFolder (path: string): () => void {
  try {
    return lockFolder(path)
  } catch (thrown) {
    throw openingError(thrown, dirname(path))
  }
}

/**
 * Puts the closed database `fresh`, of the same disk, in the place of the one
 * at `path`, which stays as `kept`. A crash leaves the old one or the new one
 * there. The caller holds the folder. Throws a `DatabaseError`
 * `in_use` when a command has the old one open; then nothing was changed.
 */
export function replaceFile (fresh: string, path: string, kept: string): void {
  try {
    if (exists(path)) {
      const sound = foldLog(path)
      linkSync(path, kept)
      // A log left beside the new file would be replayed into it.
      if (!sound) for (const suffix of ['-wal', '-shm']) if (exists(path + suffix)) renameSync(path + suffix, kept + suffix)
    } else if (exists(`${path}-wal`)) renameSync(`${path}-wal`, `${kept}-wal`)
    settle(fresh, path)
  } catch (thrown) {
    throw openingError(thrown, path)
  }
}

/** Brings the write-ahead log into the file and removes it; false where the file is too damaged for that. */
function foldLog (path: string): boolean {
  try {
    const db = new Sqlite(path, { fileMustExist: true })
    try {
      // Leaving WAL mode is what SQLite does only for a connection that is alone.
      return db.pragma('journal_mode = delete', { simple: true }) === 'delete'
    } finally {
      db.close()
    }
  } catch (thrown) {
    if (thrown instanceof Sqlite.SqliteError && /^SQLITE_(NOTADB|CORRUPT|IOERR)/.test(thrown.code)) return false
    throw thrown
  }
}
