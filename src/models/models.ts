import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { GgufError } from '../gguf/reader.ts'
import { inspectBase, type BaseFacts } from './base.ts'
import { catalogue } from './catalogue.ts'
import { diskError, download, part, type Progress } from './download.ts'
import { ModelError, SourceError } from './errors.ts'
import { holding } from './lock.ts'
import { openRecords } from './records.ts'
import { parseReference, type Reference } from './reference.ts'
import type { SourceSettings } from './sources/source.ts'

export { defaultModel } from './catalogue.ts'
export type { Progress } from './download.ts'
export { ModelError } from './errors.ts'
export { sourceSettings, type SourceSettings } from './sources/source.ts'

/** A base model that is on this machine, whole and checked. */
export interface ModelFile {
  /** What callers send as `model`. */
  readonly name: string
  readonly path: string
  readonly sha256: string
  /** Bytes. */
  readonly size: number
  /** Tokens it was trained for. */
  readonly contextLength: number
  readonly licence: string | null
}

/** A model that can be named, and where it is when it is here. */
export interface Listed {
  readonly name: string
  readonly description: string
  readonly parameters: string
  readonly licence: string
  readonly contextLength: number
  /** Bytes. */
  readonly size: number
  readonly path: string | null
}

export interface Resolving {
  readonly signal?: AbortSignal
  readonly progress?: (event: Progress) => void
}

export interface Models {
  /** The model, fetched first if it is not here. Throws `ModelError`; when the signal fires, its reason, and what arrived is kept for the next time. */
  resolve (reference: string, options?: Resolving): Promise<ModelFile>
  /** The model if it is here, without asking any network. Throws `ModelError` when what is here cannot be used. */
  find (reference: string, signal?: AbortSignal): Promise<ModelFile | null>
  /** Any file that a reference names, as it is: in place, or fetched into `folder`, which whoever asked removes. Throws `ModelError`. */
  fetch (reference: string, folder: string, options?: Resolving): Promise<{ readonly path: string }>
  /** The catalogue. */
  list (): Promise<readonly Listed[]>
}

export interface ModelsOptions {
  /** Where fetched models are kept; made when first needed. */
  readonly dir: string
  readonly settings: SourceSettings
}

type Fetched = Extract<Reference['place'], { kind: 'fetched' }>

const fetchAgain = 'Delete it to have it fetched again.'

export function openModels ({ dir, settings }: ModelsOptions): Models {
  const home = resolve(dir)
  const records = openRecords(home)
  const idle = new AbortController().signal

  return {
    async resolve (text, { signal = idle, progress = () => {} } = {}) {
      const reference = parseReference(text, settings)
      return await here(reference, signal) ?? await bring(reference, reference.place as Fetched, signal, progress).catch(thrown => { throw diskError(thrown, home) })
    },

    async fetch (text, folder, { signal = idle, progress = () => {} } = {}) {
      const { place } = parseReference(text, settings)
      if (place.kind === 'own') {
        if (!(await stat(place.path).catch(() => null))?.isFile()) throw new ModelError(`There is no file ${place.path}: correct the path.`)
        return { path: place.path }
      }
      const path = join(folder, 'fetched.gguf')
      await download({ path, size: place.size, sha256: place.sha256, sources: place.sources, inspect: async () => {} }, signal, progress).catch(thrown => { throw diskError(thrown, folder) })
      return { path }
    },

    async find (text, signal = idle) {
      return await here(parseReference(text, settings), signal)
    },

    async list () {
      return await Promise.all([...catalogue].map(async ([name, { description, parameters, licence, contextLength, files }]) => {
        const path = join(home, files[0]!.name)
        const size = await sizeOf(path)
        return { name, description, parameters, licence, contextLength, size: size ?? files[0]!.size, path: size === null ? null : path }
      }))
    }
  }

  async function here (reference: Reference, signal: AbortSignal): Promise<ModelFile | null> {
    const { place } = reference
    if (place.kind === 'fetched') return await accept(reference, place, signal)
    if (await sizeOf(place.path) === null) throw new ModelError(`There is no file ${place.path}: correct the path given for the model.`)
    return await describe(reference, place.path, await usable(place.path, 'Name a whole base model in GGUF form with --model; if this should be one, fetch it again.'), signal)
  }

  /** The file at its place in the models folder, whether it was fetched or brought by hand. */
  async function accept (reference: Reference, place: Fetched, signal: AbortSignal): Promise<ModelFile | null> {
    const path = join(home, place.file)
    const size = await sizeOf(path)
    if (size === null) return null
    const remedy = `Delete it to have it fetched again, or name it by its path (--model ${path}) if it is meant.`
    if (place.size !== null && size !== place.size) throw new ModelError(`${path} has ${size} bytes, but '${reference.name}' has ${place.size}. ${remedy}`)
    const facts = await usable(path, fetchAgain)
    const file = await describe(reference, path, facts, signal)
    const expected = place.sha256 ?? (await records.origin(path))?.sha256 ?? null
    if (expected !== null && file.sha256 !== expected) throw new ModelError(`${path} has sha256 ${file.sha256}, but '${reference.name}' has ${expected}: it is another file, or damaged. ${remedy}`)
    return file
  }

  async function bring (reference: Reference, place: Fetched, signal: AbortSignal, progress: (event: Progress) => void): Promise<ModelFile> {
    const path = join(home, place.file)
    return await holding(`${path}.lock`, signal, async () => {
      const received = await sizeOf(part(path)) ?? 0
      progress({ file: path, source: 'another process', received, total: place.size })
    }, async () => {
      const meanwhile = await accept(reference, place, signal)
      if (meanwhile !== null) return meanwhile
      const { sha256, source } = await download({ path, size: place.size, sha256: place.sha256, sources: place.sources, inspect: inspectReceived }, signal, progress)
      await records.record(path, sha256, source)
      return await describe(reference, path, await usable(path, fetchAgain), signal)
    })
  }

  async function describe ({ name, entry }: Reference, path: string, facts: BaseFacts, signal: AbortSignal): Promise<ModelFile> {
    const size = await sizeOf(path) ?? 0
    return { name, path, sha256: await records.digest(path, signal), size, contextLength: facts.contextLength, licence: entry?.licence ?? facts.licence }
  }
}

/** What the header says; `remedy` is what to do when it cannot be used. */
async function usable (path: string, remedy: string): Promise<BaseFacts> {
  try {
    return await inspectBase(path)
  } catch (thrown) {
    if (thrown instanceof GgufError) throw new ModelError(`${thrown.message} ${remedy}`, { cause: thrown })
    if (thrown instanceof Error && 'code' in thrown) throw new ModelError(`${path} cannot be read (${String(thrown.code)}): give this account the right to read it, or name another file.`, { cause: thrown })
    throw thrown
  }
}

async function inspectReceived (path: string): Promise<void> {
  try {
    await inspectBase(path)
  } catch (thrown) {
    if (thrown instanceof GgufError) throw new SourceError(`what it sent was deleted, because ${thrown.reason}`, { cause: thrown })
    throw thrown
  }
}

async function sizeOf (path: string): Promise<number | null> {
  return (await stat(path).catch(() => null))?.size ?? null
}
