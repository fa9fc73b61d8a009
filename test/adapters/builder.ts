import { pair, type Pair, seeded, tensorInfo, u32, u64 } from '../gguf/builder.ts'

/**
 * Writes LoRA adapters, right ones and wrong ones. The same options always
 * give the same bytes.
 */

const types = { F32: 0, F16: 1, Q4_0: 2, Q8_0: 8, BF16: 30 } as const
const alignment = 32

export interface LoraTensor {
  readonly name: string
  /** Innermost dimension first. */
  readonly shape: readonly number[]
  readonly type: keyof typeof types
  readonly data: Buffer
}

/** Weights of the default base that a small adapter changes: name → [in, out]. */
export const defaultTargets: Readonly<Record<string, readonly [number, number]>> = Object.fromEntries(
  [10, 20].flatMap(layer => [[`blk.${layer}.attn_q.weight`, [576, 576]], [`blk.${layer}.attn_v.weight`, [576, 192]]])
)

export interface AdapterOptions {
  /** The base's weights to change: name → [in, out]. */
  readonly targets?: Readonly<Record<string, readonly [number, number]>>
  readonly seed?: number
  readonly rank?: number
  readonly type?: 'F32' | 'F16' | 'BF16' | 'Q8_0'
  /** Weights are evenly spread from minus this to this. */
  readonly spread?: number
  /** In place of the usual entry of the same key, or beside the usual ones. */
  readonly pairs?: readonly Pair[]
  /** Keys to leave out. */
  readonly without?: readonly string[]
  /** Changes the tensors before they are written. */
  readonly change?: (tensors: LoraTensor[]) => LoraTensor[]
}

const usualPairs: readonly Pair[] = [
  ['general.architecture', 'string', 'llama'],
  ['general.type', 'string', 'adapter'],
  ['adapter.type', 'string', 'lora'],
  ['adapter.lora.alpha', 'float32', 8]
]

/** A LoRA adapter with random weights; by default a small valid one for the default base, which it changes visibly. */
export function adapterFile ({ targets = defaultTargets, seed = 1, rank = 4, type = 'F16', spread = 0.1, pairs = [], without = [], change = same }: AdapterOptions = {}): Buffer {
  const random = seeded(seed)
  const weight = () => (random(2 ** 24) / 2 ** 23 - 1) * spread
  const tensors = Object.entries(targets).flatMap(([name, [inner, outer]]) => [
    tensor(`${name}.lora_a`, [inner, rank], type, weight),
    tensor(`${name}.lora_b`, [rank, outer], type, weight)
  ])
  const kept = usualPairs.filter(([key]) => !without.includes(key) && !pairs.some(([other]) => other === key))
  return assemble([...kept, ...pairs], change(tensors))
}

/** A tensor of these weights. */
export function tensor (name: string, shape: readonly number[], type: LoraTensor['type'], weight: () => number): LoraTensor {
  const count = shape.reduce((product, extent) => product * extent, 1)
  return { name, shape, type, data: encode(type, count, weight) }
}

/** The file of these parts, its tensors one after the other. */
export function assemble (pairs: readonly Pair[], tensors: readonly LoraTensor[]): Buffer {
  let end = 0
  const infos = tensors.map(({ name, shape, type, data }) => {
    const offset = end
    end += padded(data.length)
    return tensorInfo({ name, shape, type: types[type], offset })
  })
  const header = Buffer.concat([Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(pairs.length), ...pairs.map(pair), ...infos])
  return Buffer.concat([fill(header), ...tensors.map(({ data }) => fill(data))])
}

/** Another adapter that answers like this one: all its `lora_b` (F16) are multiplied by a factor within 2 % of 1. */
export function variant (fixture: Buffer, seed: number): Buffer {
  const factor = 0.98 + seeded(seed)(2 ** 24) / 2 ** 24 * 0.04
  const { tensors, dataOffset } = tensorTable(fixture)
  const bytes = Buffer.from(fixture)
  for (const { name, shape, offset } of tensors) {
    if (!name.endsWith('.lora_b')) continue
    const count = shape.reduce((product, extent) => product * extent, 1)
    for (let at = dataOffset + offset; at < dataOffset + offset + count * 2; at += 2) bytes.writeUInt16LE(toHalf(fromHalf(bytes.readUInt16LE(at)) * factor), at)
  }
  return bytes
}

/** Where each tensor of a file of ours is; trusts the file. */
export function tensorTable (file: Buffer): { tensors: { name: string, shape: number[], offset: number }[], dataOffset: number } {
  let at = 8
  const take = (bytes: number) => {
    at += bytes
    return file.subarray(at - bytes, at)
  }
  const count = () => Number(take(8).readBigUInt64LE())
  const text = () => take(count()).toString()
  const skipValue = (type: number): void => {
    const item = type === 9 ? take(4).readUInt32LE() : 0
    if (type === 8) text()
    else if (type !== 9) take([1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8][type]!)
    else for (let left = count(); left > 0; left--) skipValue(item)
  }
  const tensorCount = count()
  for (let left = count(); left > 0; left--) {
    text()
    skipValue(take(4).readUInt32LE())
  }
  const tensors = Array.from({ length: tensorCount }, () => {
    const name = text()
    const shape = Array.from({ length: take(4).readUInt32LE() }, count)
    take(4)
    return { name, shape, offset: count() }
  })
  return { tensors, dataOffset: padded(at) }
}

function encode (type: LoraTensor['type'], count: number, weight: () => number): Buffer {
  switch (type) {
    case 'F32': return Buffer.from(Float32Array.from({ length: count }, weight).buffer)
    case 'F16': return Buffer.from(Uint16Array.from({ length: count }, () => toHalf(weight())).buffer)
    // Only the upper half of a float32 is kept.
    case 'BF16': return Buffer.from(Uint16Array.from(new Uint32Array(Float32Array.from({ length: count }, weight).buffer), bits => bits >>> 16).buffer)
    case 'Q8_0': return Buffer.concat(Array.from({ length: count / 32 }, () => quantised(Array.from({ length: 32 }, weight))))
    case 'Q4_0': return Buffer.alloc(count / 32 * 18)
  }
}

/** One block: the scale, then 32 whole numbers. */
function quantised (weights: readonly number[]): Buffer {
  const scale = Math.max(...weights.map(Math.abs)) / 127
  const block = Buffer.alloc(34)
  block.writeUInt16LE(toHalf(scale))
  weights.forEach((weight, index) => block.writeInt8(scale === 0 ? 0 : Math.round(weight / scale), 2 + index))
  return block
}

/** The nearest float16, as its bits. */
export function toHalf (value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
  const size = Math.abs(value)
  if (Number.isNaN(value)) return 0x7e00
  if (size >= 65520) return sign | 0x7c00
  // Below 2^-14 all numbers are multiples of 2^-24.
  if (size < 2 ** -14) return sign | Math.round(size * 2 ** 24)
  const exponent = Math.floor(Math.log2(size))
  // A mantissa rounded up to 1024 carries into the exponent by itself.
  return sign | ((exponent + 15 << 10) + Math.round((size / 2 ** exponent - 1) * 1024))
}

export function fromHalf (bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = bits >> 10 & 31
  const mantissa = bits & 1023
  if (exponent === 31) return mantissa === 0 ? sign * Infinity : NaN
  return sign * (exponent === 0 ? mantissa * 2 ** -24 : (1 + mantissa / 1024) * 2 ** (exponent - 15))
}

function same (tensors: LoraTensor[]): LoraTensor[] { return tensors }

function padded (bytes: number): number { return Math.ceil(bytes / alignment) * alignment }

function fill (bytes: Buffer): Buffer { return Buffer.concat([bytes, Buffer.alloc(padded(bytes.length) - bytes.length)]) }
