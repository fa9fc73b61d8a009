import type { Cursor } from './cursor.ts'
import { shown, told, type GgufValue } from './metadata.ts'
import { GgufError } from './error.ts'
import { tensorTypes } from './types.ts'

export interface GgufTensor {
  readonly name: string
  /** Innermost dimension first, as in the file. */
  readonly shape: readonly number[]
  /** ggml's name of the type, e.g. `Q4_1`. */
  readonly type: string
  /** Bytes after the header's `dataOffset`. */
  readonly offset: number
  readonly bytes: number
}

/** The largest models have about 2,000; an adapter has two for each of their weights. */
const maxTensors = 32_768
/** ggml holds 63; some builds of it 127. */
const maxName = 127
/** What ggml itself holds. */
const maxDimensions = 4
/** The format's own default. */
const usualAlignment = 32
/** No file is known with more than 4096; beyond a page it serves nothing. */
const maxAlignment = 65_536
/** Name length, number of dimensions, one dimension, type, offset. */
const leastTensor = 8 + 4 + 8 + 4 + 8
/** No type packs more elements into a byte (Q1_0: 7.1), so more than this cannot be in the file. */
const elementsPerByte = 8

export async function readTensors (cursor: Cursor, path: string, size: number, count: number, declaredAlignment: GgufValue | undefined): Promise<{ tensors: readonly GgufTensor[], dataOffset: number }> {
  if (count > maxTensors) throw new GgufError(path, `it declares ${told(count)} tensors; the most is ${maxTensors}`)
  cursor.require(count * leastTensor, 'the tensor table')
  const alignment = checkAlignment(path, declaredAlignment)
  const tensors: GgufTensor[] = []
  const names = new Set<string>()
  for (let index = 0; index < count; index++) {
    const tensor = await readTensor(cursor, path, size, index)
    if (names.has(tensor.name)) throw new GgufError(path, `the tensor ${shown(tensor.name)} occurs twice`)
    names.add(tensor.name)
    tensors.push(tensor)
  }
  const dataOffset = Math.ceil(cursor.position / alignment) * alignment
  checkPlaces(path, tensors, size - dataOffset, alignment)
  return { tensors, dataOffset }
}

async function readTensor (cursor: Cursor, path: string, size: number, index: number): Promise<GgufTensor> {
  const entry = `entry ${index + 1} of the tensor table`
  const length = await cursor.uint64(entry)
  if (length === 0 || length > maxName) throw new GgufError(path, `${entry} has a name of ${told(length)} bytes; from 1 to ${maxName} are possible`)
  const name = (await cursor.take(length, entry)).toString('utf8')
  const what = `the tensor ${shown(name)}`
  const dimensions = await cursor.uint32(what)
  if (dimensions === 0 || dimensions > maxDimensions) throw new GgufError(path, `${what} has ${dimensions} dimensions; from 1 to ${maxDimensions} are possible`)
  const shape: number[] = []
  let elements = 1
  for (let axis = 0; axis < dimensions; axis++) {
    const extent = await cursor.uint64(what)
    if (extent === 0) throw new GgufError(path, `${what} has a dimension of 0`)
    elements *= extent
    // Compared after every factor, so that the product never leaves the exact range.
    if (elements > size * elementsPerByte) throw new GgufError(path, `${what} has more elements than a file of ${size} bytes can hold. The file is damaged or incomplete`)
    shape.push(extent)
  }
  const number = await cursor.uint32(what)
  const type = tensorTypes.get(number)
  if (type === undefined) throw new GgufError(path, `${what} has the unknown type ${number}`)
  if (shape[0]! % type.elements !== 0) throw new GgufError(path, `${what} has rows of ${shape[0]} elements, which blocks of ${type.elements} (${type.name}) do not fill`)
  const offset = await cursor.uint64(what)
  return { name, shape, type: type.name, offset, bytes: elements / type.elements * type.bytes }
}

function checkAlignment (path: string, declared: GgufValue | undefined): number {
  if (declared === undefined) return usualAlignment
  const valid = typeof declared === 'number' && declared > 0 && declared <= maxAlignment && Number.isInteger(Math.log2(declared))
  if (!valid) throw new GgufError(path, `general.alignment must be a power of two from 1 to ${maxAlignment}`)
  return declared
}

function checkPlaces (path: string, tensors: readonly GgufTensor[], available: number, alignment: number): void {
  let end = 0
  let before = ''
  for (const { name, offset, bytes } of tensors.toSorted((a, b) => a.offset - b.offset)) {
    if (offset + bytes > available) throw new GgufError(path, `the tensor ${shown(name)} would end ${offset === Infinity ? 'far' : `${offset + bytes - Math.max(0, available)} bytes`} behind the end of the file. The file is damaged or incomplete`)
    if (offset % alignment !== 0) throw new GgufError(path, `the tensor ${shown(name)} begins at offset ${offset}, which is not a multiple of ${alignment}`)
    if (offset < end) throw new GgufError(path, `the tensors ${shown(before)} and ${shown(name)} overlap`)
    end = offset + bytes
    before = name
  }
}
