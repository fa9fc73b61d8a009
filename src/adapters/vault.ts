import { createHash, randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { problem, PublicError } from '../errors.ts'

/**
 * Adapter files under their sha256: `<dir>/<first two digits>/<sha256>.gguf`.
 *
 * The same bytes are stored once. A file arrives in `incoming/` and is renamed
 * to its place when it is whole and on the disk, so that a place never holds
 * half a file, and a crash leaves something only in `incoming/`, which is
 * emptied when the vault is opened; one process at a time has the vault.
 *
 * No path is made from anything a caller chose: only from digests.
 */
export interface Vault {
  /**
   * Resolves when the whole stream, of at most `limit` bytes, is on the disk.
   * Throws `adapter_too_large`, `storage_full`, `storage_failed`, or
   * `upload_cut` when the stream fails before its end (a `PublicError` of the
   * stream's own is passed on); then nothing is left of it.
   */
  receive (bytes: AsyncIterable<Uint8Array>, limit: number): Promise<Incoming>
  /** Where a file of this digest is, or would be. */
  pathOf (digest: string): string
  /**
   * Resolves to the file's path when its content is what its name says. Throws
   * `adapter_damaged`, which calls it `label`, when it is not, is missing, or is
   * no regular file in a folder of the vault's own.
   */
  verify (digest: string, label: string): Promise<string>
  /** Resolves when the file is gone; also when it never was there. */
  remove (digest: string): Promise<void>
  /** All kept files together. */
  size (): Promise<{ readonly bytes: number, readonly count: number }>
}

/** A file that arrived whole and may be looked at; it is neither kept nor gone yet. */
export interface Incoming {
  readonly path: string
  /** sha256 of its content. */
  readonly digest: string
  /** Bytes. */
  readonly size: number
  /** Moves it to its place and resolves to that path once it would survive a power cut. Replaces what is there: the same content, or a damaged copy of it. */
  keep (): Promise<string>
  /** Removes it; does nothing after `keep`. */
  discard (): Promise<void>
}

/** Read at a time for hashing: few calls, and about a millisecond of hashing before others get their turn. */
const chunk = 1024 * 1024
/**
 * Milliseconds after its last change before a file's times are believed to
 * show the next one: FAT's clock, the coarsest in use, ticks every two seconds.
 */
const settledAfter = 2000
/** A link is refused rather than followed, and a pipe is not waited for. Windows knows neither. */
const readPlainly = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

/** How opening fails where there is nothing, a link, a socket, or something in place of the folder. */
const notThere = ['ENOENT', 'ELOOP', 'ENXIO', 'ENOTDIR']

/** Opens the vault in `dir`, which is made if it is not there, and removes what a crash left half received. Throws `storage_full`, `storage_failed`. */
export async function openVault (dir: string): Promise<Vault> {
  const incoming = join(dir, 'incoming')
  /** What a file was when it was last hashed and found right. */
  const verified = new Map<string, string>()
  await stored(async () => {
    // Removed as a whole: were it a link, only the link would go.
    await rm(incoming, { recursive: true, force: true })
    await mkdir(incoming, { recursive: true, mode: 0o700 })
    await syncFolder(dir)
    await syncFolder(dirname(dir))
  })

  return {
    async receive (bytes, limit) {
      const path = join(incoming, randomUUID())
      try {
        return arrived(path, await write(path, bytes, limit))
      } catch (thrown) {
        await rm(path, { force: true })
        throw thrown
      }
    },
    pathOf,
    async verify (digest, label) {
      const path = pathOf(digest)
      try {
        await requireFolder(dirname(path))
        await using file = await open(path, readPlainly)
        const found = await file.stat({ bigint: true })
        if (!found.isFile()) throw new Error('it is not a regular file')
        const identity = `${found.size} ${found.mtimeNs} ${found.ctimeNs} ${found.ino}`
        if (verified.get(digest) === identity) return path
        verified.delete(digest)
        if (await hashOf(file) !== digest) throw new Error('its content has another digest')
        if (Date.now() - Number(found.ctimeMs) > settledAfter) verified.set(digest, identity)
        return path
      } catch (thrown) {
        // Too many open files, for one, says nothing about this file.
        if (codeOf(thrown) !== '' && !notThere.includes(codeOf(thrown))) throw problem('storage_failed', {}, { cause: thrown })
        throw problem('adapter_damaged', { adapter: label }, { cause: thrown })
      }
    },
    async remove (digest) {
      const path = pathOf(digest)
      verified.delete(digest)
      await stored(async () => {
        await rm(path, { force: true })
        await syncFolder(dirname(path))
      })
    },
    async size () {
      let bytes = 0
      let count = 0
      for (const entry of await stored(() => readdir(dir, { recursive: true, withFileTypes: true }))) {
        if (!entry.isFile() || !/^[0-9a-f]{64}\.gguf$/.test(entry.name)) continue
        const found = await stored(() => sizeOf(join(entry.parentPath, entry.name)))
        if (found === null) continue
        bytes += found
        count++
      }
      return { bytes, count }
    }
  }

  function pathOf (digest: string): string {
    if (!/^[0-9a-f]{64}$/.test(digest)) throw new TypeError('not a sha256 in lower-case hex')
    return join(dir, digest.slice(0, 2), `${digest}.gguf`)
  }

  function arrived (path: string, { digest, size }: { digest: string, size: number }): Incoming {
    let kept: Promise<string> | null = null
    return {
      path,
      digest,
      size,
      keep: () => (kept ??= stored(() => move(path, pathOf(digest)))),
      discard: async () => { await stored(() => rm(path, { force: true })) }
    }
  }

  async function move (from: string, to: string): Promise<string> {
    const folder = dirname(to)
    if (await mkdir(folder, { recursive: true, mode: 0o700 }) !== undefined) await syncFolder(dir)
    await requireFolder(folder)
    await rename(from, to)
    await syncFolder(folder)
    return to
  }
}

/** Writes the stream to a new file, a chunk at a time: the next one is asked for when this one is written. */
async function write (path: string, bytes: AsyncIterable<Uint8Array>, limit: number): Promise<{ digest: string, size: number }> {
  const hash = createHash('sha256')
  let size = 0
  await using file = await stored(() => open(path, 'wx', 0o600))
  try {
    for await (const part of bytes) {
      size += part.length
      if (size > limit) throw problem('adapter_too_large', { limit })
      hash.update(part)
      await stored(() => file.writeFile(part))
    }
  } catch (thrown) {
    throw thrown instanceof PublicError ? thrown : problem('upload_cut', {}, { cause: thrown })
  }
  await stored(() => file.sync())
  return { digest: hash.digest('hex'), size }
}

async function hashOf (file: FileHandle): Promise<string> {
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(chunk)
  for (let at = 0; ;) {
    const { bytesRead } = await file.read(buffer, 0, chunk, at)
    if (bytesRead === 0) return hash.digest('hex')
    hash.update(buffer.subarray(0, bytesRead))
    at += bytesRead
  }
}

/** A folder of the vault that was replaced by a link would lead out of it. */
async function requireFolder (path: string): Promise<void> {
  if (!(await lstat(path)).isDirectory()) throw new Error(`${path} is not a folder`)
}

/** Makes names that were just given or taken in a folder survive a power cut. */
async function syncFolder (path: string): Promise<void> {
  // Windows neither needs nor allows it.
  if (process.platform === 'win32') return
  try {
    await using folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
    await folder.sync()
  } catch (thrown) {
    // Nothing was ever kept in a folder that is not there.
    if (codeOf(thrown) !== 'ENOENT') throw thrown
  }
}

/** Runs work on the disk; what fails there is the storage's failure, not the caller's. */
async function stored<T> (work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    const full = ['ENOSPC', 'EDQUOT'].includes(codeOf(thrown))
    throw full ? problem('storage_full', {}, { cause: thrown }) : problem('storage_failed', {}, { cause: thrown })
  }
}

function codeOf (thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : ''
}

/** Null: it was removed in the meantime. */
async function sizeOf (path: string): Promise<number | null> {
  try {
    return (await lstat(path)).size
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return null
    throw thrown
  }
}
