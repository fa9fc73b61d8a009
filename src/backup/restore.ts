import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Database } from '../database/database.ts'
import { type Found, type Open, inspect } from './copies.ts'
import { another, BackupError, codeOf, writingError } from './error.ts'
import { copyFile, exists, syncFolder } from './files.ts'
import { databaseName, type Manifest, readManifest, vaultPath } from './manifest.ts'

export interface RestoreParts {
  /** The folder of the backup. */
  readonly source: string
  /** The data folder; made where it is not there. */
  readonly data: string
  /** The data folder may hold a database, which is then kept beside under another name. */
  readonly replace: boolean
  /** The number of this code's last migration. */
  readonly schema: number
  readonly open: Open
  /** Takes the folder of a database so that no server runs on it, and returns what gives it back. */
  readonly hold: (path: string) => () => void
  /** Puts a database in the place of another, which stays as `kept`. */
  readonly put: (fresh: string, path: string, kept: string) => void
  /** Changes what was restored before anyone can read it: those who were erased after the backup are erased again. */
  readonly reapply: (database: Database) => Promise<void>
}

export interface Restored {
  readonly manifest: Manifest
  /** Where the database that was there before is now; null: there was none. */
  readonly kept: string | null
}

/**
 * Brings a backup into a data folder. Everything is copied to `restoring/` and
 * checked there; then the adapters' files join the vault, where they lie by
 * their digests and disturb nobody, and at last one rename puts the database
 * in place: a crash leaves the old store or the new one. Throws `BackupError`,
 * `DatabaseError`, or the signal's reason; then the old one is as it was.
 */
export async function restoreBackup ({ source, data, replace, schema, open, hold, put, reapply }: RestoreParts, signal: AbortSignal): Promise<Restored> {
  const manifest = await readManifest(source)
  if (manifest.schema > schema) throw new BackupError('newer', `The backup in ${source} holds a database of version ${manifest.schema} (Engraft ${manifest.engraft}), but this Engraft knows only version ${schema}. Restore it with that Engraft or a newer one.`)
  const path = join(data, databaseName)
  const staging = stagingFolder(data)
  try {
    await mkdir(data, { recursive: true, mode: 0o700 })
    const release = hold(path)
    try {
      const occupied = await exists(path) || await exists(`${path}-wal`)
      if (occupied && !replace) throw new BackupError('taken', `${data} holds a database already. Restore into another folder, or say --replace, which keeps the old one beside the new.`)
      await rm(staging, { recursive: true, force: true })
      await mkdir(staging, { mode: 0o700 })
      await copyAll()
      const { adapters } = await checked()
      signal.throwIfAborted()
      await keepAdapters([...adapters.keys()])
      await keepOlder()
      const kept = `${path}.replaced-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`
      put(join(staging, databaseName), path, kept)
      return { manifest, kept: occupied ? kept : null }
    } finally {
      await rm(staging, { recursive: true, force: true })
      release()
    }
  } catch (thrown) {
    throw writingError(thrown, data)
  }

  async function copyAll (): Promise<void> {
    for (const file of manifest.files) {
      const from = join(source, file.path)
      const { size, sha256 } = await copyFile(from, join(staging, file.path), file.size, signal).catch(thrown => {
        throw ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EISDIR', 'EIO'].includes(codeOf(thrown)) ? new BackupError('bad_backup', `${from} is missing, or is no file that can be read (${codeOf(thrown)}). ${another}`, thrown) : thrown
      })
      if (size !== file.size) throw new BackupError('bad_backup', `${from} is ${size < file.size ? 'cut off' : 'longer than it was'}: it should have ${file.size} bytes. ${another}`)
      if (sha256 !== file.sha256) throw new BackupError('bad_backup', `${from} is damaged: its sha256 is not the one in the manifest. ${another}`)
    }
  }

  async function checked (): Promise<Found> {
    const found = await inspect(open, join(staging, databaseName), reapply).catch(thrown => {
      if (['damaged', 'not_a_database', 'empty_file', 'newer_schema', 'changed_migration'].includes(codeOf(thrown))) throw new BackupError('bad_backup', `${join(source, databaseName)} is what its manifest says, but no sound database of this Engraft (${codeOf(thrown)}). ${another}`, thrown)
      throw thrown
    })
    const listed = new Set(manifest.files.map(file => file.path))
    for (const [digest, name] of found.adapters) if (!listed.has(vaultPath(digest))) throw new BackupError('bad_backup', `${source} lacks the file of the adapter ${name} (${vaultPath(digest)}). ${another}`)
    return found
  }

  async function keepAdapters (digests: readonly string[]): Promise<void> {
    for (const digest of digests) {
      const to = join(data, vaultPath(digest))
      await mkdir(dirname(to), { recursive: true, mode: 0o700 })
      await rename(join(staging, vaultPath(digest)), to)
      await syncFolder(dirname(to))
    }
    if (digests.length > 0) for (const folder of [join(data, 'vault'), data]) await syncFolder(folder)
  }

  /** Where the backup was of an older version, its copy from before the migration stays beside, as after any migration. */
  async function keepOlder (): Promise<void> {
    for (const name of await readdir(staging)) if (name.startsWith(`${databaseName}.before-`)) await rename(join(staging, name), join(data, name))
  }
}

/** Where a restore gathers; what is found there is a killed one's. */
export function stagingFolder (data: string): string { return join(data, 'restoring') }
