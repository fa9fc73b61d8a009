/** A backup that cannot be made or used. The message is for the operator and ends in what to do. */
export class BackupError extends Error {
  override readonly name = 'BackupError'
  readonly code: BackupCode
  constructor (code: BackupCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}

export type BackupCode =
  /** There is no database to copy. */
  | 'nothing_here'
  /** The target of a backup, or the data folder of a restore, is taken. */
  | 'taken'
  /** An adapter's file that the database names is missing or not what it was. */
  | 'adapter_damaged'
  /** The source of a restore is no backup, or not what its manifest says. */
  | 'bad_backup'
  /** The backup was written by a newer Engraft. */
  | 'newer'
  | 'full'
  | 'unwritable'

/** What a failed read or write means here; the other errors as they are. `place` is what was being written. */
export function writingError (thrown: unknown, place: string): unknown {
  const code = codeOf(thrown)
  if (['ENOSPC', 'EDQUOT', 'SQLITE_FULL', 'storage_full', 'full'].includes(code)) return new BackupError('full', `The disk that holds ${place} is full. Nothing was left there: free some space and try again.`, thrown)
  if (['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENOTDIR'].includes(code)) return new BackupError('unwritable', `${place} cannot be written (${code}). Make its folder, writable for this user, or name another.`, thrown)
  return thrown
}

export function codeOf (thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : ''
}

/** What to do about a backup that cannot be trusted. */
export const another = 'Nothing was changed: restore another backup.'
