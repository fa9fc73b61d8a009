import { type PublicError, problem } from '../errors.ts'

/** Says what is wrong with the database file, which file, and what to do; or carries SQLite's own code for a failed query. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError'
  /** `in_use`, `damaged`, … for a file that cannot be opened; `SQLITE_CONSTRAINT_UNIQUE`, … for a query. */
  readonly code: string
  constructor (code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}

/** A failure as it crosses from the worker to its parent. */
export interface Failure { readonly code: string, readonly message: string }

export function failureOf (thrown: unknown): Failure {
  return { code: codeOf(thrown), message: thrown instanceof Error ? thrown.message : String(thrown) }
}

/** The error the caller of a query sees. */
export function errorOf (failure: Failure): DatabaseError | PublicError {
  const cause = new DatabaseError(failure.code, failure.message)
  if (isFull(failure.code)) return problem('storage_full', {}, { cause })
  return broken.test(failure.code) ? problem('storage_failed', {}, { cause }) : cause
}

/** The error of a file that could not be opened, in words for the operator. */
export function openingError (thrown: unknown, path: string): DatabaseError {
  if (thrown instanceof DatabaseError) return thrown
  const { code, message } = failureOf(thrown)
  if (isFull(code)) return new DatabaseError('full', `The disk that holds ${path} is full. Free some space and start again.`, thrown)
  if (unwritable.test(code)) return new DatabaseError('unwritable', `${path} cannot be written (${code}). Make the folder and the files in it writable for this user, or choose another folder with --data.`, thrown)
  if (code === 'SQLITE_BUSY') return new DatabaseError('in_use', `${path} is being written by another process. Try again when that one has finished.`, thrown)
  if (code === 'SQLITE_NOTADB') return new DatabaseError('not_a_database', `${path} is not an Engraft database. ${restore(path)}`, thrown)
  if (/^SQLITE_(CORRUPT|ERROR)/.test(code)) return new DatabaseError('damaged', `${path} is damaged: ${message}. ${restore(path)}`, thrown)
  return new DatabaseError('unreadable', `${path} cannot be opened: ${message} (${code}). Check the disk and the permissions, then start again.`, thrown)
}

/** What to do about a file that is beyond use. A write-ahead log left beside a restored file would be replayed into it and damage it too. */
export function restore (path: string): string {
  return `Stop Engraft, move ${path}, ${path}-wal and ${path}-shm away, and put a backup in their place as ${path}; with nothing there a new, empty store is made.`
}

/** After this nobody knows what reached the disk, so the file must be opened afresh. */
export function isIoError (thrown: unknown): boolean {
  const code = codeOf(thrown)
  return code.startsWith('SQLITE_IOERR') && !isFull(code)
}

/** The shared-memory file fails to grow only when the disk is full. */
function isFull (code: string): boolean {
  return code === 'SQLITE_FULL' || code === 'SQLITE_IOERR_SHMSIZE' || code === 'ENOSPC' || code === 'EDQUOT'
}

const broken = /^(SQLITE_(IOERR|READONLY|CORRUPT|NOTADB|CANTOPEN|BUSY|LOCKED|PROTOCOL|NOMEM)|E[A-Z]+$)/
const unwritable = /^(SQLITE_(READONLY|CANTOPEN|PERM)|EACCES|EPERM|EROFS|ENOTDIR|EEXIST)/

function codeOf (thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : 'unknown'
}
