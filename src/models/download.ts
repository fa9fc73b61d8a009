import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readFile, rename, rm, stat, statfs, writeFile, type FileHandle } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CutError, ModelError, SourceError } from './errors.ts'
import type { Opening, Source, Start } from './sources/source.ts'

/**
 * Brings one file into the models folder.
 *
 * Bytes go to `FILE.part` and are hashed on the way; only a complete, right
 * and synced file is renamed to its place, so what stands there is whole. A
 * transfer that was cut goes on where it stopped, in this call and in the
 * next. `FILE.part.json` says which version of which source the part is of: a
 * part is continued from another source only if a pinned digest will tell
 * whether the two fit together. The caller holds the file's lock.
 */

export interface Wanted {
  readonly path: string
  /** Null: whatever the source says. */
  readonly size: number | null
  readonly sha256: string | null
  readonly sources: readonly Source[]
  /** Looks at the complete file before it takes its place; what it throws counts against the source. */
  readonly inspect: (path: string) => Promise<void>
  /** What else the operator can do than bring the file to its place, after "or". */
  readonly instead: string
}

export interface Progress {
  readonly file: string
  /** Which source, or who else is at work on it. */
  readonly source: string
  /** Bytes so far, those of earlier runs included. */
  readonly received: number
  /** Null: not known yet. */
  readonly total: number | null
}

export interface Received { readonly sha256: string, readonly size: number, readonly source: string }

/** Left free on the disk: the database beside the models must be able to go on. */
const reserve = 256 * 1024 * 1024
/** Cuts survived in one call; a line worse than this needs the operator. */
const maxResumes = 20
/** Of those, in a row and without a new byte. */
const maxBarren = 2
/** So that a server that cuts at once is not hammered. */
const resumeAfter = 300
/** Progress is told at most this often, in milliseconds. */
const tellEvery = 100

interface Mark { readonly source: string, readonly tag: string | null, readonly sha256: string | null }

/** Tries the sources in order. Throws `ModelError` when none delivers or the disk cannot hold it; the signal's reason when it fires, leaving the part for later. */
export async function download (wanted: Wanted, signal: AbortSignal, progress: (event: Progress) => void): Promise<Received> {
  await mkdir(dirname(wanted.path), { recursive: true })
  const failures: string[] = []
  for (const source of wanted.sources) {
    try {
      return await from(source, wanted, signal, progress)
    } catch (thrown) {
      signal.throwIfAborted()
      if (!(thrown instanceof SourceError)) throw thrown
      failures.push(`  - ${source.name}: ${thrown.message}`)
    }
  }
  const name = basename(wanted.path)
  throw new ModelError(`${name} could not be fetched:\n${failures.join('\n')}\nTo bring it by hand, copy ${name} to ${dirname(wanted.path)}/ or ${wanted.instead}.`)
}

async function from (source: Source, wanted: Wanted, signal: AbortSignal, progress: (event: Progress) => void): Promise<Received> {
  let barren = 0
  for (let resumes = 0; ; resumes++) {
    const before = await sizeOf(part(wanted.path))
    try {
      return await attempt(source, wanted, signal, progress)
    } catch (thrown) {
      if (!(thrown instanceof SourceError) || signal.aborted) throw thrown
      barren = await sizeOf(part(wanted.path)) > before ? 0 : barren + 1
      const hopeless = barren > 0 && !(thrown instanceof CutError || thrown instanceof StaleError)
      if (hopeless || barren > maxBarren || resumes === maxResumes) throw thrown
      await sleep(resumeAfter, undefined, { signal }).catch(() => signal.throwIfAborted())
    }
  }
}

/** The part that was continued does not fit what came after it; it is gone, and starting over may help. */
class StaleError extends SourceError {}

async function attempt (source: Source, wanted: Wanted, signal: AbortSignal, progress: (event: Progress) => void): Promise<Received> {
  const { path } = wanted
  const scratch = `${path}.unpack`
  const start = await resumable(source, wanted)
  const tell = (received: number, total: number | null) => progress({ file: path, source: source.name, received, total })
  try {
    await checkSpace(path, (wanted.size ?? 0) * source.room - start.offset)
    if (start.offset > 0 && start.offset === wanted.size) return await settle(source, wanted, await hashOf(part(path), signal), wanted.size, null, true)
    const opening = await source.open(start, { signal, scratch, report: tell })
    return await receive(source, wanted, opening, signal, tell)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function receive (source: Source, wanted: Wanted, opening: Opening, signal: AbortSignal, tell: (received: number, total: number | null) => void): Promise<Received> {
  const { path } = wanted
  const { offset, total } = opening
  const expected = wanted.sha256 ?? opening.sha256
  const bytes = opening.bytes[Symbol.asyncIterator]()
  try {
    if (wanted.size !== null && total !== wanted.size) throw new SourceError(`it has a file of ${total} bytes there, and ${wanted.size} were expected`)
    if (wanted.sha256 !== null && opening.sha256 !== null && opening.sha256 !== wanted.sha256) throw new SourceError(`it has a file with sha256 ${opening.sha256} there, and ${wanted.sha256} was expected`)
    if (offset > total) throw new SourceError(`it has only ${total} bytes, fewer than were received before`)
    await checkSpace(path, total - offset)
    await writeFile(marker(path), JSON.stringify({ source: source.name, tag: opening.tag, sha256: expected } satisfies Mark))
    const hash = offset > 0 ? await hashOf(part(path), signal) : createHash('sha256')
    await using file = await open(part(path), offset > 0 ? 'r+' : 'w')
    let received = offset
    let told = 0
    for (let next = await bytes.next(); next.done !== true; next = await bytes.next()) {
      signal.throwIfAborted()
      if (received + next.value.length > total) throw new SourceError(`it sent more than the ${total} bytes it announced`)
      await writeAll(file, next.value, received)
      hash.update(next.value)
      received += next.value.length
      if (performance.now() - told > tellEvery) {
        tell(received, total)
        told = performance.now()
      }
    }
    if (received !== total) throw new SourceError(`it ended after ${received} of ${total} bytes`)
    tell(received, total)
    await file.sync()
    return await settle(source, wanted, hash, total, expected, offset > 0)
  } finally {
    await bytes.return?.()
  }
}

/** Checks the complete part and gives it its name. */
async function settle (source: Source, wanted: Wanted, hash: Hash, size: number, promised: string | null, resumed: boolean): Promise<Received> {
  const { path } = wanted
  const sha256 = hash.digest('hex')
  const expected = wanted.sha256 ?? promised
  try {
    if (expected !== null && sha256 !== expected) {
      const Failure = resumed ? StaleError : SourceError
      throw new Failure(`the bytes have sha256 ${sha256}, and ${expected} was expected; they were deleted`)
    }
    await wanted.inspect(part(path))
  } catch (thrown) {
    await discard(path)
    throw thrown
  }
  await rename(part(path), path)
  await syncFolder(dirname(path))
  await rm(marker(path), { force: true })
  return { sha256, size, source: source.name }
}

/** Where to go on; a part that cannot be continued is ignored, and overwritten when bytes come. */
async function resumable (source: Source, { path, size, sha256 }: Wanted): Promise<Start> {
  const none = { offset: 0, tag: null }
  const offset = await sizeOf(part(path))
  if (offset === 0) return none
  if (size !== null && offset > size) return none
  const mark = await readMark(path)
  const same = mark?.source === source.name
  if (sha256 !== null) return { offset, tag: same ? mark.tag : null }
  return same && mark.tag !== null ? { offset, tag: mark.tag } : none
}

async function readMark (path: string): Promise<Mark | null> {
  try {
    return JSON.parse(await readFile(marker(path), 'utf8')) as Mark
  } catch {
    return null
  }
}

async function checkSpace (path: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(path))
  const free = bavail * bsize
  if (bytes + reserve <= free) return
  throw new ModelError(`The disk of ${dirname(path)} has ${megabytes(free)} free, and ${megabytes(bytes)} are needed besides a reserve of ${megabytes(reserve)}. Free some space, or choose another folder with --models-dir.`)
}

/** A failure of the disk in words for its owner; anything else as it is. */
export function diskError (thrown: unknown, folder: string): unknown {
  const code = (thrown as NodeJS.ErrnoException)?.code
  if (code === 'ENOSPC' || code === 'EDQUOT') return new ModelError(`The disk of ${folder} is full. Free some space and run it again: it goes on where it stopped.`, { cause: thrown })
  // EEXIST, ENOTDIR: a file stands where a folder must be.
  if (code !== undefined && ['EACCES', 'EPERM', 'EROFS', 'EEXIST', 'ENOTDIR'].includes(code)) return new ModelError(`${folder} cannot be written (${code}). Correct that, or choose another folder with --models-dir.`, { cause: thrown })
  return thrown
}

async function writeAll (file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += (await file.write(bytes, written, bytes.length - written, position + written)).bytesWritten
  }
}

/** The running sha256 of a file. */
export async function hashOf (path: string, signal: AbortSignal): Promise<Hash> {
  const hash = createHash('sha256')
  // 1 MiB reads hash multi-GB files at disk speed.
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024, signal })) hash.update(chunk as Buffer)
  return hash
}

async function discard (path: string): Promise<void> {
  await rm(part(path), { force: true })
  await rm(marker(path), { force: true })
}

async function syncFolder (folder: string): Promise<void> {
  // Windows cannot open folders, and syncs renames by itself.
  if (process.platform === 'win32') return
  await using handle = await open(folder, 'r')
  await handle.sync()
}

async function sizeOf (path: string): Promise<number> {
  return (await stat(path).catch(() => null))?.size ?? 0
}

/** Where the bytes of an unfinished download are. */
export function part (path: string): string { return `${path}.part` }
function marker (path: string): string { return `${path}.part.json` }
function megabytes (bytes: number): string { return `${Math.ceil(bytes / 1e6)} MB` }
