import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { another, BackupError, codeOf } from './error.ts'

/**
 * What a backup's folder holds: `manifest.json`, written last, beside
 * `engraft.db` and the adapters' files at `vault/<2 digits>/<sha256>.gguf`, as
 * in the data folder. Nothing else in it is looked at.
 */
export interface Manifest {
  readonly format: typeof format
  /** The Engraft that wrote it. */
  readonly engraft: string
  /** ISO 8601, UTC. */
  readonly made: string
  /** The number of the database's last migration. */
  readonly schema: number
  /** The database first. */
  readonly files: readonly ManifestFile[]
}

export interface ManifestFile {
  /** Below the backup's folder, with `/`. */
  readonly path: string
  /** Bytes. */
  readonly size: number
  /** In hex. */
  readonly sha256: string
}

/** Counts up when older code could no longer read what is written. */
export const format = 1
export const manifestName = 'manifest.json'
export const databaseName = 'engraft.db'

/** Where an adapter's file lies, in a backup as in a data folder. */
export function vaultPath (digest: string): string { return `vault/${digest.slice(0, 2)}/${digest}.gguf` }

/** Reads and checks the manifest of the backup in `source`. No other name than those above is let through, so no path leads out of the folder. Throws `BackupError`. */
export async function readManifest (source: string): Promise<Manifest> {
  const path = join(source, manifestName)
  const text = await readFile(path, 'utf8').catch(thrown => {
    throw new BackupError('bad_backup', ['ENOENT', 'ENOTDIR'].includes(codeOf(thrown)) ? `${source} is no backup: there is no ${manifestName} in it. Name the folder that 'engraft backup' made.` : `${path} cannot be read (${codeOf(thrown)}). Check the disk and the permissions.`, thrown)
  })
  let given: unknown
  try {
    given = JSON.parse(text)
  } catch (cause) {
    throw new BackupError('bad_backup', `${path} is cut off or damaged. ${another}`, cause)
  }
  if (isRecord(given) && Number.isSafeInteger(given.format) && Number(given.format) > format) throw new BackupError('newer', `${path} is of a newer Engraft (${String(given.engraft)}). Restore it with that one.`)
  const fault = faultOf(given)
  if (fault !== null) throw new BackupError('bad_backup', `${path} is damaged: ${fault}. ${another}`)
  return given as Manifest
}

function faultOf (given: unknown): string | null {
  if (!isRecord(given) || given.format !== format) return `its format is not ${format}`
  if (typeof given.engraft !== 'string' || typeof given.made !== 'string' || !isCount(given.schema)) return 'it does not say what wrote it'
  if (!Array.isArray(given.files)) return 'it lists no files'
  const seen = new Set<string>()
  for (const file of given.files) {
    if (!isRecord(file) || typeof file.path !== 'string' || !isCount(file.size) || typeof file.sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(file.sha256)) return 'a file in its list has no path, size or sha256'
    if (file.path !== databaseName && file.path !== vaultPath(file.sha256)) return `it lists '${file.path}', which is no file of a backup`
    if (seen.has(file.path)) return `it lists '${file.path}' twice`
    seen.add(file.path)
  }
  return seen.has(databaseName) ? null : `it does not list ${databaseName}`
}

function isRecord (given: unknown): given is Record<string, unknown> { return typeof given === 'object' && given !== null }

function isCount (given: unknown): boolean { return Number.isSafeInteger(given) && Number(given) >= 0 }
