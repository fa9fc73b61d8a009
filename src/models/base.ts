import { GgufError, readGguf } from '../gguf/reader.ts'
import { UnfitError } from './errors.ts'
import type { Purpose } from './files.ts'

/** What a base model's own header says. */
export interface BaseFacts { readonly contextLength: number, readonly licence: string | null }

export const base: Purpose<BaseFacts> = {
  inspect: path => inspectBase(path).catch(thrown => { throw thrown instanceof GgufError ? new UnfitError(path, thrown.reason, { cause: thrown }) : thrown }),
  naming: path => `start with --model ${path}`,
  remedy: 'Name a whole base model in GGUF form with --model; if this should be one, fetch it again.'
}

/** Reads the header and makes sure that it is a whole base model. Throws `GgufError`. */
async function inspectBase (path: string): Promise<BaseFacts> {
  const { metadata, tensors } = await readGguf(path)
  const architecture = metadata.get('general.architecture')
  if (typeof architecture !== 'string') throw new GgufError(path, 'it names no architecture (general.architecture)')
  const type = metadata.get('general.type')
  if (type === 'adapter') throw new GgufError(path, 'it is a LoRA adapter, not a base model: name the base as the model, and this file as an adapter on it')
  const shards = metadata.get('split.count')
  if (typeof shards === 'number' && shards > 1) throw new GgufError(path, `it is one of ${shards} shards of a split model: join them with 'llama-gguf-split --merge FIRST-SHARD.gguf WHOLE.gguf', or choose a model that comes as one file`)
  if (type !== undefined && type !== 'model') throw new GgufError(path, `it is of the type ${JSON.stringify(type)}, not a model`)
  if (tensors.length === 0) throw new GgufError(path, 'it has no tensors, so no weights')
  const tokens = metadata.get('tokenizer.ggml.tokens')
  if (typeof tokens !== 'object' || tokens.type !== 'string' || tokens.length === 0) throw new GgufError(path, 'it has no tokenizer (tokenizer.ggml.tokens)')
  const contextLength = metadata.get(`${architecture}.context_length`)
  if (typeof contextLength !== 'number' || contextLength < 1) throw new GgufError(path, `it does not say how much context it was trained for (${architecture}.context_length)`)
  const licence = metadata.get('general.license')
  return { contextLength, licence: typeof licence === 'string' ? licence : null }
}
