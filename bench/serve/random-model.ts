import { randomFillSync } from 'node:crypto'
import { open, readFile, type FileHandle } from 'node:fs/promises'
import { toHalf } from '../../test/adapters/builder.ts'
import { pair, tensorInfo, u32, u64, type Pair } from '../../test/gguf/builder.ts'
import { linears, type Shape } from './adapters.ts'

const q8 = { type: 8, elements: 32, bytes: 34 } as const
const f32 = { type: 0, elements: 1, bytes: 4 } as const
const alignment = 32
/** A head of llama's kind. */
const headWidth = 64

interface Planned { readonly name: string, readonly shape: readonly number[], readonly kind: typeof q8 | typeof f32 }

/**
 * Writes a model of that shape with random Q8_0 weights and the tokenizer of
 * another model file: it says nothing, but costs what a model of its size does.
 */
export async function writeRandomModel (tokenizerFrom: string, path: string, shape: Shape): Promise<void> {
  const kept = metadata(await readFile(tokenizerFrom)).filter(([key]) => key.startsWith('tokenizer.'))
  const words = vocabulary(kept)
  const pairs: Pair[] = [
    ['general.architecture', 'string', 'llama'],
    ['general.name', 'string', 'random'],
    ['general.alignment', 'uint32', alignment],
    ['llama.block_count', 'uint32', shape.layers],
    ['llama.context_length', 'uint32', 8192],
    ['llama.embedding_length', 'uint32', shape.width],
    ['llama.feed_forward_length', 'uint32', shape.inner],
    ['llama.attention.head_count', 'uint32', shape.width / headWidth],
    ['llama.attention.head_count_kv', 'uint32', shape.keys / headWidth],
    ['llama.attention.layer_norm_rms_epsilon', 'float32', 1e-5],
    ['llama.rope.dimension_count', 'uint32', headWidth],
    ['llama.rope.freq_base', 'float32', 500_000],
    ['llama.vocab_size', 'uint32', words],
    ...kept.map(([key, value]): Pair => [key, 'raw', value])
  ]
  const tensors: Planned[] = [
    { name: 'token_embd.weight', shape: [shape.width, words], kind: q8 },
    { name: 'output_norm.weight', shape: [shape.width], kind: f32 },
    ...Array.from({ length: shape.layers }, (_, layer): Planned[] => [
      ...['attn_norm', 'ffn_norm'].map((name): Planned => ({ name: `blk.${layer}.${name}.weight`, shape: [shape.width], kind: f32 })),
      ...Object.entries(linears(shape, layer)).map(([name, extents]): Planned => ({ name, shape: extents, kind: q8 }))
    ]).flat()
  ]
  let end = 0
  const infos = tensors.map(tensor => {
    const offset = end
    end += padded(size(tensor))
    return tensorInfo({ name: tensor.name, shape: tensor.shape, type: tensor.kind.type, offset })
  })
  const header = Buffer.concat([Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(pairs.length), ...pairs.map(pair), ...infos])
  await using file = await open(path, 'w')
  await file.write(Buffer.concat([header, Buffer.alloc(padded(header.length) - header.length)]))
  const random = randomBlocks()
  for (const tensor of tensors) await writeTensor(file, tensor, random)
}

async function writeTensor (file: FileHandle, tensor: Planned, random: Buffer): Promise<void> {
  const bytes = size(tensor)
  if (tensor.kind === f32) await file.write(Buffer.from(new Float32Array(padded(bytes) / 4).fill(1).buffer))
  else for (let at = 0; at < padded(bytes); at += random.length) await file.write(random, 0, Math.min(random.length, padded(bytes) - at))
}

/** Q8_0 blocks that every tensor is tiled with, of a deviation of about 0.02, as models begin their training with. */
function randomBlocks (): Buffer {
  const blocks = randomFillSync(Buffer.alloc(q8.bytes * 2 ** 18))
  const scale = toHalf(0.02 / 74)
  for (let at = 0; at < blocks.length; at += q8.bytes) blocks.writeUInt16LE(scale, at)
  return blocks
}

/** Each key with the bytes of its value, type included. Trusts the file. */
function metadata (file: Buffer): [key: string, value: Buffer][] {
  let at = 16
  const count = (): number => Number(file.readBigUInt64LE((at += 8) - 8))
  const type = (): number => file.readUInt32LE((at += 4) - 4)
  const pass = (bytes: number): void => { at += bytes }
  const skip = (kind: number): void => {
    if (kind === 8) pass(count())
    else if (kind !== 9) pass([1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8][kind] ?? 0)
    else for (let item = type(), left = count(); left > 0; left--) skip(item)
  }
  return Array.from({ length: count() }, () => {
    const length = count()
    const key = file.toString('utf8', at, at += length)
    const from = at
    skip(type())
    return [key, file.subarray(from, at)]
  })
}

/** How many tokens: the length that stands behind the two types of an array. */
function vocabulary (pairs: readonly [key: string, value: Buffer][]): number {
  return Number(pairs.find(([key]) => key === 'tokenizer.ggml.tokens')?.[1].readBigUInt64LE(8))
}

function size ({ shape, kind }: Planned): number { return shape.reduce((product, extent) => product * extent, 1) / kind.elements * kind.bytes }
function padded (bytes: number): number { return Math.ceil(bytes / alignment) * alignment }
