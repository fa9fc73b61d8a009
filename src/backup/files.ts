import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Read at a time: few calls, and an interruption is heeded soon. */
const chunk = 1024 * 1024
/** A link is refused rather than followed, and a pipe is not waited for. Windows knows neither. */
const readPlainly = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

/** A file's length in bytes and sha256 in hex. */
export interface Content { readonly size: number, readonly sha256: string }

/**
 * Copies a regular file of at most `limit` bytes to a new one, for this
 * account only, and resolves once it would survive a power cut. What is longer
 * is cut off one byte after the limit, so that its size tells.
 */
export async function copyFile (from: string, to: string, limit: number, signal: AbortSignal): Promise<Content> {
  await mkdir(dirname(to), { recursive: true, mode: 0o700 })
  await using source = await openPlain(from)
  await using target = await open(to, 'wx', 0o600)
  const content = await read(source, limit, signal, async part => { await target.writeFile(part) })
  await target.sync()
  return content
}

/** What a file holds. */
export async function contentOf (path: string, signal: AbortSignal): Promise<Content> {
  await using file = await openPlain(path)
  return await read(file, Infinity, signal, async () => {})
}

/** Makes names that were just given or taken in a folder survive a power cut. */
export async function syncFolder (path: string): Promise<void> {
  // Windows neither needs nor allows it.
  if (process.platform === 'win32') return
  await using folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  await folder.sync()
}

export async function exists (path: string): Promise<boolean> {
  return await stat(path).then(() => true, () => false)
}

async function openPlain (path: string): Promise<FileHandle> {
  const file = await open(path, readPlainly)
  if ((await file.stat()).isFile()) return file
  await file.close()
  throw Object.assign(new Error(`${path} is not a regular file`), { code: 'ELOOP' })
}

async function read (file: FileHandle, limit: number, signal: AbortSignal, use: (part: Uint8Array) => Promise<void>): Promise<Content> {
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(chunk)
  let size = 0
  while (size <= limit) {
    signal.throwIfAborted()
    const { bytesRead } = await file.read(buffer, 0, Math.min(chunk, limit + 1 - size), size)
    if (bytesRead === 0) break
    const part = buffer.subarray(0, bytesRead)
    hash.update(part)
    await use(part)
    size += bytesRead
  }
  return { size, sha256: hash.digest('hex') }
}
