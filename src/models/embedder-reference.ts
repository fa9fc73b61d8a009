import { basename, resolve } from 'node:path'
import { embedders } from './embedders.ts'
import { ModelError } from './errors.ts'
import { catalogued, hubPlace, onHubAt, publicName, split, type Fetched, type Own } from './places.ts'
import type { SourceSettings } from './sources/source.ts'

/** An embedding model as an operator writes it, understood. */
export interface EmbedderReference {
  readonly name: string
  /** What it is called where it comes from, which tells how it wants to be asked. */
  readonly original: string
  readonly licence: string | null
  /** Two fetched files, or a folder of the operator's own. */
  readonly place: Own | { readonly kind: 'fetched', readonly model: Fetched, readonly tokenizer: Fetched }
}

/** Where repositories on the hub keep the weights, the smallest first. */
export const weightsOnHub = ['onnx/model_quantized.onnx', 'onnx/model.onnx'] as const

/**
 * Understands `[NAME=]REFERENCE`: a name of the catalogue of embedding models,
 * `hf:OWNER/REPO[@REVISION]`, or a folder, as `file:PATH` or a path with a
 * slash in it. Throws `ModelError`.
 */
export function parseEmbedder (text: string, settings: SourceSettings): EmbedderReference {
  const { given, target } = split(text)
  const entry = embedders.get(target)
  if (entry !== undefined) {
    const model = catalogued(entry.model, '.onnx', settings)
    const tokenizer = catalogued(entry.tokenizer, 'tokenizer.json', settings)
    return { name: given ?? target, original: target, licence: entry.licence, place: { kind: 'fetched', model, tokenizer } }
  }
  const found = onHubAt(target)
  if (found?.file === '') {
    const model = hubPlace(found, 'model.onnx', weightsOnHub, settings)
    const tokenizer = hubPlace(found, 'tokenizer.json', ['tokenizer.json'], settings)
    return { name: given ?? publicName(found.repo.split('/')[1]!), original: found.repo, licence: null, place: { kind: 'fetched', model, tokenizer } }
  }
  const [, file, path] = /^(file:(?:\/\/)?)?(.+)$/s.exec(target) ?? []
  if (path === undefined || (file === undefined && (/^\w{2,}:/.test(path) || !/[/\\]/.test(path)))) throw new ModelError(`'${target}' is no embedding model of the catalogue (${[...embedders.keys()].join(', ')}), nor hf:OWNER/REPO or the path of a folder with a slash in it.`)
  const folder = resolve(path)
  return { name: given ?? publicName(basename(folder)), original: basename(folder), licence: null, place: { kind: 'own', path: folder } }
}

/** Whether a reference can only mean an embedding model. */
export function meansEmbedder (text: string): boolean {
  const { target } = split(text)
  return embedders.has(target) || onHubAt(target)?.file === ''
}
