import type { Cursor } from './cursor.ts'
import { GgufError } from './error.ts'
import { valueTypes, type ValueType } from './types.ts'

/** 64-bit integers that a number cannot hold exactly are bigints. */
export type GgufScalar = number | bigint | boolean | string

/** `items` is null when the array was not kept. A text over 1 MiB is not kept either: it is shown as an array of uint8. */
export interface GgufArray { readonly type: ValueType['name'], readonly length: number, readonly items: readonly GgufScalar[] | null }

export type GgufValue = GgufScalar | GgufArray

/** Real files have under 100 pairs; a table of per-layer settings stays far below this. */
const maxPairs = 4096
/** The format allows 65,535; the longest key in use has under 60. */
const maxKey = 1024
/** An embedded tokenizer.json is the longest text in use, about 35 MiB. */
const maxString = 48 * 1024 * 1024
/** Chat templates, the longest texts anyone reads, stay under 100 KiB. */
const maxKeptString = 1024 * 1024
/** Vocabularies have up to 262k items, their merges twice as many. Bounds the time that skipping 8-byte items takes. */
const maxItems = 4 * 1024 * 1024
/** Kept without being asked for: small lists such as tags and rope sections. */
const keptItems = 64
/** What all kept values together may occupy; a 262k vocabulary asked for by `keep` takes about 12 MiB. */
const maxKept = 16 * 1024 * 1024
/** About what V8 spends on an item besides its bytes. */
const itemOverhead = 24
/** Key length, one byte of key, type, the smallest value. */
const leastPair = 8 + 1 + 4 + 1

export async function readMetadata (cursor: Cursor, path: string, count: number, keep: ((key: string) => boolean) | undefined): Promise<ReadonlyMap<string, GgufValue>> {
  if (count > maxPairs) throw new GgufError(path, `it declares ${told(count)} metadata entries; the most is ${maxPairs}`)
  cursor.require(count * leastPair, 'the metadata')
  const metadata = new Map<string, GgufValue>()
  let kept = 0
  for (let index = 0; index < count; index++) {
    const key = await readKey(cursor, path, index)
    if (metadata.has(key)) throw new GgufError(path, `the metadata key ${shown(key)} occurs twice`)
    metadata.set(key, await readValue(key))
  }
  return metadata

  async function readValue (key: string): Promise<GgufValue> {
    const what = `the metadata value ${shown(key)}`
    const type = await readType(cursor, path, what)
    if (type.name === 'string') return await readString(what)
    if (type.name === 'array') return await readArray(key, what)
    return scalar(await cursor.take(type.bytes, what), type, path, what)
  }

  async function readString (what: string): Promise<GgufValue> {
    const length = await stringLength(cursor, path, maxString, what)
    if (length > maxKeptString) {
      cursor.skip(length, what)
      return { type: 'uint8', length, items: null }
    }
    charge(length + itemOverhead)
    return text(await cursor.take(length, what), path, what)
  }

  async function readArray (key: string, what: string): Promise<GgufArray> {
    const type = await readType(cursor, path, what)
    if (type.name === 'array') throw new GgufError(path, `${what} is an array of arrays, which no model uses and llama.cpp does not read`)
    const length = await cursor.uint64(what)
    if (length > maxItems) throw new GgufError(path, `${what} is an array of ${told(length)} items; the most is ${maxItems}`)
    // A string needs at least the 8 bytes of its length.
    cursor.require(length * (type.bytes || 8), what)
    if (!(keep?.(key) ?? false) && length > keptItems) {
      if (type.name === 'string') await cursor.skipStrings(length, maxString, what)
      else cursor.skip(length * type.bytes, what)
      return { type: type.name, length, items: null }
    }
    charge(length * (itemOverhead + type.bytes))
    const items: GgufScalar[] = []
    for (let index = 0; index < length; index++) {
      if (type.name === 'string') {
        const bytes = await stringLength(cursor, path, maxKeptString, what)
        charge(bytes)
        items.push(text(await cursor.take(bytes, what), path, what))
      } else items.push(scalar(await cursor.take(type.bytes, what), type, path, what))
    }
    return { type: type.name, length, items }
  }

  function charge (bytes: number): void {
    kept += bytes
    if (kept > maxKept) throw new GgufError(path, `its metadata fills more than ${maxKept} bytes`)
  }
}

/** A metadata key or tensor name in an error: quoted, and never more of a hostile one than a line holds. */
export function shown (name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name)
}

/** A count in an error. */
export function told (count: number): string {
  return count === Infinity ? 'over 2^53' : String(count)
}

async function readKey (cursor: Cursor, path: string, index: number): Promise<string> {
  const what = `the key of metadata entry ${index + 1}`
  const length = await stringLength(cursor, path, maxKey, what)
  if (length === 0) throw new GgufError(path, `${what} is empty`)
  return text(await cursor.take(length, what), path, what)
}

async function readType (cursor: Cursor, path: string, what: string): Promise<ValueType> {
  const number = await cursor.uint32(what)
  const type = valueTypes[number]
  if (type === undefined) throw new GgufError(path, `${what} has the unknown value type ${number}`)
  return type
}

async function stringLength (cursor: Cursor, path: string, longest: number, what: string): Promise<number> {
  const length = await cursor.uint64(what)
  if (length > longest) throw new GgufError(path, `${what} is a string of ${told(length)} bytes; the most is ${longest}`)
  return length
}

function text (bytes: Buffer, path: string, what: string): string {
  const value = bytes.toString('utf8')
  if (value.includes('\0')) throw new GgufError(path, `${what} contains a zero byte`)
  return value
}

function scalar (bytes: Buffer, type: ValueType, path: string, what: string): GgufScalar {
  switch (type.name) {
    case 'uint8': return bytes.readUInt8()
    case 'int8': return bytes.readInt8()
    case 'uint16': return bytes.readUInt16LE()
    case 'int16': return bytes.readInt16LE()
    case 'uint32': return bytes.readUInt32LE()
    case 'int32': return bytes.readInt32LE()
    case 'float32': return bytes.readFloatLE()
    case 'float64': return bytes.readDoubleLE()
    case 'uint64': return exact(bytes.readBigUInt64LE())
    case 'int64': return exact(bytes.readBigInt64LE())
    case 'bool': {
      const byte = bytes.readUInt8()
      if (byte > 1) throw new GgufError(path, `${what} is a bool with the value ${byte}`)
      return byte === 1
    }
    default: throw new GgufError(path, `${what} is no scalar`)
  }
}

function exact (value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}
