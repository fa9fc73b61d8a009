import { mkdir, readdir, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path'
import type { Database } from '../database/database.ts'
import { type Found, type Open, inspect } from './copies.ts'
import { BackupError, codeOf, writingError } from './error.ts'
import { contentOf, copyFile, exists, syncFolder } from './files.ts'
import { databaseName, format, type Manifest, manifestName, vaultPath } from './manifest.ts'

export interface BackupParts {
  /** The open database of `data`; others may write to it meanwhile. */
  readonly database: Pick<Database, 'backup'>
  readonly open: Open
  /** The data folder. */
  readonly data: string
  /** The folder to be made. */
  readonly target: string
  /** This Engraft's version. */
  readonly engraft: string
}

/**
 * Writes the database and the adapters' files it names to a new folder, which
 * appears whole or not at all. Models are left out: they can be fetched again.
 * Throws `BackupError`, or the signal's reason; then nothing is left of it.
 */
export async function createBackup ({ database, open, data, target, engraft }: BackupParts, signal: AbortSignal): Promise<Manifest> {
  if (await exists(target)) throw new BackupError('taken', `${target} is there already. Name a folder that is not there yet.`)
  try {
    if (!outside(await realpath(data), join(await realpath(dirname(resolve(target))), basename(target)))) throw new BackupError('taken', `${target} is in the data folder, and would be lost with it. Name a folder elsewhere, best on another disk.`)
    await discardAbandoned(target)
    const part = partOf(target, process.pid)
    try {
      await mkdir(part, { mode: 0o700 })
      const manifest = await fill(part)
      await rename(part, target)
      await syncFolder(dirname(resolve(target)))
      return manifest
    } catch (thrown) {
      await rm(part, { recursive: true, force: true })
      throw thrown
    }
  } catch (thrown) {
    throw writingError(thrown, target)
  }

  async function fill (part: string): Promise<Manifest> {
    const found = await copyBoth(part)
    const paths = [databaseName, ...[...found.adapters.keys()].sort().map(vaultPath)]
    const files = []
    // Read again from the disk: what is promised is what lies there.
    for (const path of paths) files.push({ path, ...await contentOf(join(part, path), signal) })
    const manifest: Manifest = { format, engraft, made: new Date().toISOString(), schema: found.schema, files }
    await writeFile(join(part, manifestName), `${JSON.stringify(manifest, null, 2)}\n`, { flag: 'wx', mode: 0o600, flush: true })
    for (const folder of new Set(paths.flatMap(path => [dirname(path), dirname(dirname(path))]))) await syncFolder(join(part, folder))
    return manifest
  }

  /** Copies the database, then the files it names. Where one has gone since, the version was removed meanwhile and the database is copied again. */
  async function copyBoth (part: string, missed: ReadonlyMap<string, string> = new Map()): Promise<Found> {
    signal.throwIfAborted()
    await database.backup(join(part, databaseName))
    const found = await inspect(open, join(part, databaseName))
    const missing = new Map<string, string>()
    for (const [digest, name] of found.adapters) if (!await keep(digest)) missing.set(digest, name)
    for (const [digest, name] of missing) if (missed.has(digest)) throw new BackupError('adapter_damaged', `The file of the adapter ${name} is missing or damaged (${join(data, vaultPath(digest))}). Upload it again, or remove it with 'engraft adapters remove ${name}', and then back up.`)
    return missing.size === 0 ? found : await copyBoth(part, missing)

    /** False: it is not there, or is not what its name says. */
    async function keep (digest: string): Promise<boolean> {
      const path = join(part, vaultPath(digest))
      if (await exists(path)) return true
      try {
        if ((await copyFile(join(data, vaultPath(digest)), path, Infinity, signal)).sha256 === digest) return true
        await rm(path)
        return false
      } catch (thrown) {
        if (!['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(codeOf(thrown))) throw thrown
        return false
      }
    }
  }
}

/** Where a backup is written until it is whole. */
function partOf (target: string, pid: number): string { return `${target}.part-${pid}` }

/** Removes what killed backups to this target left, which is full of what users said. */
async function discardAbandoned (target: string): Promise<void> {
  const folder = dirname(resolve(target))
  for (const name of await readdir(folder)) {
    const pid = Number(/\.part-(\d+)$/.exec(name)?.[1])
    if (name !== basename(partOf(target, pid)) || (pid !== process.pid && isAlive(pid))) continue
    await rm(join(folder, name), { recursive: true, force: true })
  }
}

function isAlive (pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (thrown) {
    // EPERM: it lives and is another user's.
    return codeOf(thrown) === 'EPERM'
  }
}

function outside (folder: string, path: string): boolean {
  const way = relative(folder, path)
  return way.startsWith('..') || isAbsolute(way)
}
