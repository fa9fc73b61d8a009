import { stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { diskError, download, part, type Progress } from './download.ts'
import { ModelError, SourceError, UnfitError } from './errors.ts'
import { holding } from './lock.ts'
import type { Fetched, Place } from './places.ts'
import { openRecords } from './records.ts'

/** A file that is on this machine, whole and checked. */
export interface LocalFile {
  readonly path: string
  readonly sha256: string
  /** Bytes. */
  readonly size: number
}

export interface Found<Facts> { readonly file: LocalFile, readonly facts: Facts }

/** What a file is for, and so what must be in it. */
export interface Purpose<Facts> {
  /** What the file says of itself. Throws `UnfitError`. */
  readonly inspect: (path: string) => Promise<Facts>
  /** How the operator has another file used, at `path`: what follows "or". */
  readonly naming: (path: string) => string
  /** What to do when a file of the operator's own cannot be used. */
  readonly remedy: string
}

/** The files of the models folder and the operator's own. `name` is whose file it is, for people. */
export interface Files {
  /** The file, wherever it came from; null: it can be fetched and is not here. Throws `ModelError`. */
  find<Facts>(name: string, place: Place, purpose: Purpose<Facts>, signal: AbortSignal): Promise<Found<Facts> | null>
  /** The file, fetched first if it is not here. Throws `ModelError`; when the signal fires, its reason, and what arrived is kept for the next time. */
  bring<Facts>(name: string, place: Place, purpose: Purpose<Facts>, signal: AbortSignal, progress: (event: Progress) => void): Promise<Found<Facts>>
}

const fetchAgain = 'Delete it to have it fetched again.'

export function openFiles (home: string): Files {
  const records = openRecords(home)

  return {
    find,
    async bring (name, place, purpose, signal, progress) {
      return await find(name, place, purpose, signal) ?? await fetched(name, place as Fetched, purpose, signal, progress).catch(thrown => { throw diskError(thrown, home) })
    }
  }

  async function find<Facts> (name: string, place: Place, purpose: Purpose<Facts>, signal: AbortSignal): Promise<Found<Facts> | null> {
    if (place.kind === 'fetched') return await accept(name, place, purpose, signal)
    if (await sizeOf(place.path) === null) throw new ModelError(`There is no file ${place.path}: correct the path given for the model.`)
    return await describe(place.path, purpose, purpose.remedy, signal)
  }

  /** The file at its place in the models folder, whether it was fetched or brought by hand. */
  async function accept<Facts> (name: string, place: Fetched, purpose: Purpose<Facts>, signal: AbortSignal): Promise<Found<Facts> | null> {
    const path = join(home, place.file)
    const size = await sizeOf(path)
    if (size === null) return null
    const remedy = `Delete it to have it fetched again, or ${purpose.naming(path)} if it is meant.`
    if (place.size !== null && size !== place.size) throw new ModelError(`${path} has ${size} bytes, but '${name}' has ${place.size}. ${remedy}`)
    const found = await describe(path, purpose, fetchAgain, signal)
    const expected = place.sha256 ?? (await records.origin(path))?.sha256 ?? null
    if (expected !== null && found.file.sha256 !== expected) throw new ModelError(`${path} has sha256 ${found.file.sha256}, but '${name}' has ${expected}: it is another file, or damaged. ${remedy}`)
    return found
  }

  async function fetched<Facts> (name: string, place: Fetched, purpose: Purpose<Facts>, signal: AbortSignal, progress: (event: Progress) => void): Promise<Found<Facts>> {
    const path = join(home, place.file)
    return await holding(`${path}.lock`, signal, async () => {
      const received = await sizeOf(part(path)) ?? 0
      progress({ file: path, source: 'another process', received, total: place.size })
    }, async () => {
      const meanwhile = await accept(name, place, purpose, signal)
      if (meanwhile !== null) return meanwhile
      const wanted = { path, size: place.size, sha256: place.sha256, sources: place.sources, inspect: (received: string) => inspectReceived(received, purpose), instead: purpose.naming(`/path/to/${basename(path)}`) }
      const { sha256, source } = await download(wanted, signal, progress)
      await records.record(path, sha256, source)
      return await describe(path, purpose, fetchAgain, signal)
    })
  }

  async function describe<Facts> (path: string, purpose: Purpose<Facts>, remedy: string, signal: AbortSignal): Promise<Found<Facts>> {
    const facts = await usable(path, purpose, remedy)
    return { file: { path, sha256: await records.digest(path, signal), size: await sizeOf(path) ?? 0 }, facts }
  }
}

/** What the file says; `remedy` is what to do when it cannot be used. */
async function usable<Facts> (path: string, { inspect }: Purpose<Facts>, remedy: string): Promise<Facts> {
  try {
    return await inspect(path)
  } catch (thrown) {
    if (thrown instanceof UnfitError) throw new ModelError(`${thrown.message} ${remedy}`, { cause: thrown })
    if (thrown instanceof Error && 'code' in thrown) throw new ModelError(`${path} cannot be read (${String(thrown.code)}): give this account the right to read it, or name another file.`, { cause: thrown })
    throw thrown
  }
}

async function inspectReceived (path: string, { inspect }: Purpose<unknown>): Promise<void> {
  try {
    await inspect(path)
  } catch (thrown) {
    if (thrown instanceof UnfitError) throw new SourceError(`what it sent was deleted, because ${thrown.reason}`, { cause: thrown })
    throw thrown
  }
}

/** Bytes of what is at a path; null: nothing is. */
export async function sizeOf (path: string): Promise<number | null> {
  return (await stat(path).catch(() => null))?.size ?? null
}
