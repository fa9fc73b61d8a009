import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { base, type BaseFacts } from './base.ts'
import { catalogue } from './catalogue.ts'
import { diskError, download, type Progress } from './download.ts'
import { inFolder, tokenizer, weights } from './embedder.ts'
import { meansEmbedder, parseEmbedder } from './embedder-reference.ts'
import { ModelError } from './errors.ts'
import { openFiles, sizeOf, type Found, type LocalFile } from './files.ts'
import { parseReference, type Reference } from './reference.ts'
import type { SourceSettings } from './sources/source.ts'

export { defaultModel } from './catalogue.ts'
export type { Progress } from './download.ts'
export { defaultEmbedder } from './embedders.ts'
export { ModelError } from './errors.ts'
export type { LocalFile } from './files.ts'
export { sourceSettings, type SourceSettings } from './sources/source.ts'

/** A base model that is on this machine, whole and checked. */
export interface ModelFile extends LocalFile {
  /** What callers send as `model`. */
  readonly name: string
  /** Tokens it was trained for. */
  readonly contextLength: number
  readonly licence: string | null
}

/** An embedding model that is on this machine; only its runtime can tell whether it can be used. */
export interface EmbedderFiles {
  /** What callers send as `model`. */
  readonly name: string
  /** What it is called where it comes from, which tells how it wants to be asked. */
  readonly original: string
  readonly licence: string | null
  /** Its weights. */
  readonly model: LocalFile
  readonly tokenizer: LocalFile
}

/** A base model that can be named, and where it is when it is here. */
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
  /** An embedding model, fetched first if it is not here: a name of its catalogue, `hf:OWNER/REPO[@REVISION]` or a folder. Throws as `resolve` does. */
  resolveEmbedder (reference: string, options?: Resolving): Promise<EmbedderFiles>
  /** The embedding model if it is here, without asking any network. Throws as `find` does. */
  findEmbedder (reference: string, signal?: AbortSignal): Promise<EmbedderFiles | null>
  /** The files of whichever kind of model a reference names, fetched first. Throws as `resolve` does. */
  pull (reference: string, options?: Resolving): Promise<readonly (LocalFile & { readonly name: string })[]>
  /** Any file that a reference names, as it is: in place, or fetched into `folder`, which whoever asked removes. Throws `ModelError`. */
  fetch (reference: string, folder: string, options?: Resolving): Promise<{ readonly path: string }>
  /** The catalogue of base models. */
  list (): Promise<readonly Listed[]>
}

export interface ModelsOptions {
  /** Where fetched models are kept; made when first needed. */
  readonly dir: string
  readonly settings: SourceSettings
}

export function openModels ({ dir, settings }: ModelsOptions): Models {
  const home = resolve(dir)
  const files = openFiles(home)
  const idle = new AbortController().signal

  const models: Models = {
    async resolve (text, { signal = idle, progress = () => {} } = {}) {
      const reference = parseReference(text, settings)
      return described(reference, await files.bring(reference.name, reference.place, base, signal, progress))
    },

    async find (text, signal = idle) {
      const reference = parseReference(text, settings)
      const found = await files.find(reference.name, reference.place, base, signal)
      return found === null ? null : described(reference, found)
    },

    async resolveEmbedder (text, { signal = idle, progress = () => {} } = {}) {
      const { name, original, licence, place } = parseEmbedder(text, settings)
      const places = place.kind === 'own' ? await inFolder(place.path) : place
      const model = await files.bring(name, places.model, weights, signal, progress)
      const words = await files.bring(name, places.tokenizer, tokenizer, signal, progress)
      return { name, original, licence, model: model.file, tokenizer: words.file }
    },

    async findEmbedder (text, signal = idle) {
      const { name, original, licence, place } = parseEmbedder(text, settings)
      const places = place.kind === 'own' ? await inFolder(place.path) : place
      const model = await files.find(name, places.model, weights, signal)
      const words = await files.find(name, places.tokenizer, tokenizer, signal)
      return model === null || words === null ? null : { name, original, licence, model: model.file, tokenizer: words.file }
    },

    async pull (text, options) {
      if (!meansEmbedder(text)) return [await models.resolve(text, options)]
      const { name, model, tokenizer } = await models.resolveEmbedder(text, options)
      return [{ name, ...model }, { name, ...tokenizer }]
    },

    async fetch (text, folder, { signal = idle, progress = () => {} } = {}) {
      const { place } = parseReference(text, settings)
      if (place.kind === 'own') {
        if (!(await stat(place.path).catch(() => null))?.isFile()) throw new ModelError(`There is no file ${place.path}: correct the path.`)
        return { path: place.path }
      }
      const path = join(folder, 'fetched.gguf')
      await download({ path, size: place.size, sha256: place.sha256, sources: place.sources, inspect: async () => {}, instead: base.naming('/path/to/fetched.gguf') }, signal, progress).catch(thrown => { throw diskError(thrown, folder) })
      return { path }
    },

    async list () {
      return await Promise.all([...catalogue].map(async ([name, { description, parameters, licence, contextLength, files }]) => {
        const path = join(home, files[0]!.name)
        const size = await sizeOf(path)
        return { name, description, parameters, licence, contextLength, size: size ?? files[0]!.size, path: size === null ? null : path }
      }))
    }
  }
  return models
}

function described ({ name, entry }: Reference, { file, facts }: Found<BaseFacts>): ModelFile {
  return { name, ...file, contextLength: facts.contextLength, licence: entry?.licence ?? facts.licence }
}
