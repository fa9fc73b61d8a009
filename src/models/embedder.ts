import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { weightsOnHub } from './embedder-reference.ts'
import { UnfitError } from './errors.ts'
import { sizeOf, type Purpose } from './files.ts'
import type { Own } from './places.ts'

/** An embedding model is named by the folder that has both of its files. */
const common = {
  naming: () => 'name a folder of your own that has it',
  remedy: 'Name a folder with an embedding model in ONNX form and its tokenizer.json.'
}

/** Where people keep the weights: alone beside the tokenizer, or as in a clone of a repository of the hub. */
const weightsInFolder = ['model.onnx', ...weightsOnHub]

/** Weights in the ONNX format. Only the runtime that loads them can tell more than how they begin. */
export const weights: Purpose<void> = {
  ...common,
  async inspect (path) {
    await using file = await open(path)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1))
    // onnx.proto: field 1 of ModelProto is ir_version, a varint, and writers put the fields in order.
    if (bytesRead === 0 || buffer[0] !== 0x08) throw new UnfitError(path, 'it is not an ONNX file')
  }
}

export const tokenizer: Purpose<void> = {
  ...common,
  async inspect (path) {
    const text = await readFile(path, 'utf8')
    try {
      if (typeof JSON.parse(text).model !== 'object') throw new TypeError('no model')
    } catch (thrown) {
      throw new UnfitError(path, 'it is not the tokenizer.json of a model', { cause: thrown })
    }
  }
}

/** The two files of a folder. */
export async function inFolder (folder: string): Promise<{ readonly model: Own, readonly tokenizer: Own }> {
  const places = weightsInFolder.map(file => join(folder, file))
  const sizes = await Promise.all(places.map(sizeOf))
  const model = places[Math.max(0, sizes.findIndex(size => size !== null))]!
  return { model: { kind: 'own', path: model }, tokenizer: { kind: 'own', path: join(folder, 'tokenizer.json') } }
}
