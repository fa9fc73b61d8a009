import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import Sqlite from 'better-sqlite3'
import { DatabaseError, restore } from './failure.ts'
import { lockFolder } from './lock.ts'
import { type Migration, applyMigration, copyName, pendingMigrations, prepareForMigrations, readMigrations } from './migrate.ts'
import type { Opening } from './protocol.ts'

/** The library's own default: well under a millisecond's work. */
const pagesAStep = 100
/** The largest number that it takes. */
const everyPage = 0x7fffffff

/** An open, checked and migrated file. */
export interface Opened {
  readonly db: Sqlite.Database
  /** Gives the folder back; a command holds none and this does nothing. */
  readonly unlock: () => void
}

/**
 * Opens the file or makes a new one. What cannot be trusted is refused, and
 * nothing is ever made in its place: a new store only arises where there is no
 * file at all, and it is built beside its place and renamed when whole, so that
 * a crash half-way leaves no file rather than an empty one.
 *
 * While SQLite has the file open nothing here opens it otherwise: on POSIX,
 * closing any second handle would drop SQLite's locks.
 */
export async function openFile ({ path, migrationsDir, role }: Opening): Promise<Opened> {
  const migrations = readMigrations(migrationsDir)
  const unlock = role === 'server' ? lockFolder(path) : () => {}
  try {
    // A server that starts in the same moment may have the folder; then it has made the file too.
    if (!exists(path)) await locked(role, path, () => { if (!exists(path)) create(path, migrations) }).catch((thrown: unknown) => { if (!exists(path)) throw thrown })
    const db = connect(path)
    try {
      // Reads the whole file, so a command beside a running server leaves it to the server.
      if (role === 'server') checkPages(db, path, 'quick_check')
      if (pendingMigrations(db, path, migrations).length > 0) await locked(role, path, () => migrate(db, path, migrations))
    } catch (thrown) {
      db.close()
      throw thrown
    }
    return { db, unlock }
  } catch (thrown) {
    unlock()
    throw thrown
  }
}

/** Throws `damaged` with SQLite's first finding. */
export function checkPages (db: Sqlite.Database, path: string, pragma: 'quick_check' | 'integrity_check'): void {
  const [finding] = db.pragma(`${pragma}(1)`) as Record<string, string>[]
  const text = Object.values(finding ?? {})[0]
  if (text !== 'ok') throw new DatabaseError('damaged', `${path} is damaged: ${text}. ${restore(path)}`)
}

/** Throws `damaged` when a row refers to one that does not exist. */
export function checkReferences (db: Sqlite.Database, path: string): void {
  const [finding] = db.pragma('foreign_key_check') as { table: string, parent: string }[]
  if (finding !== undefined) throw new DatabaseError('damaged', `${path} is damaged: a row of ${finding.table} refers to one of ${finding.parent} that does not exist. ${restore(path)}`)
}

/**
 * Copies the open database to `target`, which then is whole and on the disk; on
 * failure nothing is left. SQLite begins a copy again whenever another process
 * has written between two of its steps (of 200 MB, beside a writer without
 * pause: 5,900 times in a minute, and no end), so beside a running server a
 * command takes one step (2.6 s); the server's own commits go into the copy,
 * and its many small steps let them through.
 */
export async function copyTo (db: Sqlite.Database, target: string, role: Opening['role'] = 'server'): Promise<void> {
  if (resolve(target) === resolve(db.name)) throw new DatabaseError('own_file', `${target} is the database itself: name another file for the backup.`)
  const part = `${target}.part`
  rmSync(part, { force: true })
  try {
    // Made first, so that nobody else can read it at any moment.
    closeSync(openSync(part, 'wx', 0o600))
    await db.backup(part, { progress: () => role === 'command' ? everyPage : pagesAStep })
    settle(part, target)
  } catch (thrown) {
    rmSync(part, { force: true })
    throw thrown
  }
}

function create (path: string, migrations: readonly Migration[]): void {
  if (exists(`${path}-wal`)) throw new DatabaseError('missing', `${path} is missing, but its write-ahead log ${path}-wal is there. Put ${path} back; or, to start with a new and empty store, move ${path}-wal away.`)
  const fresh = `${path}.new`
  discard(fresh)
  try {
    closeSync(openSync(fresh, 'wx', 0o600))
    const db = new Sqlite(fresh)
    try {
      configure(db)
      prepareForMigrations(db)
      for (const migration of migrations) applyMigration(db, path, migration)
    } finally {
      db.close()
    }
    settle(fresh, path)
  } catch (thrown) {
    discard(fresh)
    throw thrown
  }
}

async function migrate (db: Sqlite.Database, path: string, migrations: readonly Migration[]): Promise<void> {
  // Read again: whoever held the folder until now may have done it.
  const pending = pendingMigrations(db, path, migrations)
  if (pending.length > 0) await copyTo(db, copyName(path, pending[0]!.version))
  for (const migration of pending) applyMigration(db, path, migration)
}

/** Runs what only one process may do. A server has the folder already. */
async function locked (role: Opening['role'], path: string, work: () => void | Promise<void>): Promise<void> {
  const unlock = role === 'command' ? lockFolder(path) : () => {}
  try {
    await work()
  } finally {
    unlock()
  }
}

function connect (path: string): Sqlite.Database {
  if (statSync(path).size === 0) throw new DatabaseError('empty_file', `${path} is an empty file, where a database was or should be. ${restore(path)}`)
  // Waits for the writer of another process, such as a command; its commits take milliseconds.
  const db = new Sqlite(path, { fileMustExist: true, timeout: 5000 })
  try {
    configure(db)
    return db
  } catch (thrown) {
    db.close()
    throw thrown
  }
}

function configure (db: Sqlite.Database): void {
  db.pragma('journal_mode = wal')
  // In WAL mode SQLite's build defaults to NORMAL, which loses the last commits in a power cut.
  db.pragma('synchronous = full')
  // Forgotten texts are overwritten with zeros, not only unlinked.
  db.pragma('secure_delete = on')
  db.pragma('foreign_keys = on')
  // 64 MiB of pages: recall reads the same ones again and again.
  db.pragma('cache_size = -65536')
  // A burst may leave the log large; 64 MiB is the most that is kept of it.
  db.pragma('journal_size_limit = 67108864')
}

/** Moves a finished file to its place so that it is there, whole, after a power cut. */
export function settle (from: string, to: string): void {
  sync(from)
  renameSync(from, to)
  sync(dirname(to))
}

function sync (path: string): void {
  // Windows neither needs nor allows a folder to be synced.
  if (process.platform === 'win32' && statSync(path).isDirectory()) return
  const handle = openSync(path, process.platform === 'win32' ? 'r+' : 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function discard (path: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true })
}

export function exists (path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}
