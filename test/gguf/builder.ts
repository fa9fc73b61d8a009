/** Builds GGUF files byte by byte, right ones and wrong ones. */
export interface FakeTensor { readonly name: string, readonly shape: readonly (number | bigint)[], readonly type?: number, readonly offset?: number | bigint, readonly dimensions?: number }

export type Pair = readonly [key: string, type: keyof typeof types, value: unknown]

const types = { uint8: 0, int8: 1, uint16: 2, int16: 3, uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9, uint64: 10, int64: 11, float64: 12, strings: 9, uint32s: 9, int64s: 9, raw: -1 } as const

export function u32 (value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

export function u64 (value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

export function string (text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([u64(bytes.length), bytes])
}

/** A metadata entry; `raw` writes its value's bytes, type included, as they are. */
export function pair ([key, type, value]: Pair): Buffer {
  if (type === 'raw') return Buffer.concat([string(key), value as Buffer])
  return Buffer.concat([string(key), u32(types[type]), content(type, value)])
}

function content (type: keyof typeof types, value: unknown): Buffer {
  switch (type) {
    case 'string': return string(value as string)
    case 'strings': return Buffer.concat([u32(types.string), u64((value as string[]).length), ...(value as string[]).map(string)])
    case 'uint32s': return Buffer.concat([u32(types.uint32), u64((value as number[]).length), ...(value as number[]).map(u32)])
    case 'int64s': return Buffer.concat([u32(types.int64), u64((value as bigint[]).length), ...(value as bigint[]).map(item => u64(BigInt.asUintN(64, item)))])
    case 'bool': case 'uint8': case 'int8': return Buffer.from([Number(value) & 255])
    case 'uint64': case 'int64': return u64(BigInt.asUintN(64, BigInt(value as number)))
    case 'float32': { const bytes = Buffer.alloc(4); bytes.writeFloatLE(value as number); return bytes }
    case 'float64': { const bytes = Buffer.alloc(8); bytes.writeDoubleLE(value as number); return bytes }
    case 'uint16': case 'int16': return u32(Number(value) & 0xffff).subarray(0, 2)
    default: return u32(Number(value) >>> 0)
  }
}

export function tensorInfo ({ name, shape, type = 0, offset = 0, dimensions = shape.length }: FakeTensor): Buffer {
  return Buffer.concat([string(name), u32(dimensions), ...shape.map(u64), u32(type), u64(offset)])
}

export interface Parts {
  readonly magic?: string
  readonly version?: number
  readonly tensorCount?: number | bigint
  readonly pairCount?: number | bigint
  readonly pairs?: readonly Pair[]
  readonly tensors?: readonly FakeTensor[]
  readonly alignment?: number
  readonly data?: number
}

/** The file of these parts: header, padding, `data` zero bytes. */
export function gguf ({ magic = 'GGUF', version = 3, pairs = [], tensors = [], tensorCount = tensors.length, pairCount = pairs.length, alignment = 32, data = 0 }: Parts = {}): Buffer {
  const header = Buffer.concat([Buffer.from(magic), u32(version), u64(tensorCount), u64(pairCount), ...pairs.map(pair), ...tensors.map(tensorInfo)])
  const padding = data === 0 ? 0 : (alignment - header.length % alignment) % alignment
  return Buffer.concat([header, Buffer.alloc(padding + data)])
}

/** The smallest base model that every check accepts. `filler` bytes of weights make it as large as a test needs. */
export function smallBase (extra: readonly Pair[] = [], filler = 64): Buffer {
  return gguf({
    pairs: [
      ['general.architecture', 'string', 'llama'],
      ['general.license', 'string', 'mit'],
      ['llama.context_length', 'uint32', 512],
      ['tokenizer.ggml.tokens', 'strings', ['<s>', '</s>', 'a', 'b']],
      ['llama.rope.freq_base', 'float32', 10000],
      ...extra
    ],
    tensors: [{ name: 'token_embd.weight', shape: [4, 4] }, { name: 'filler', shape: [filler], type: 24, offset: 64 }],
    data: 64 + filler
  })
}

/** A loaded die that always falls the same way: mulberry32. */
export function seeded (seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (state + 0x6D2B79F5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}
