import { constants } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { Cursor } from './cursor.ts'
import { GgufError } from './error.ts'
import { readMetadata, type GgufValue } from './metadata.ts'
import { readTensors, type GgufTensor } from './tensors.ts'

export { GgufError } from './error.ts'
export type { GgufArray, GgufScalar, GgufValue } from './metadata.ts'
export type { GgufTensor } from './tensors.ts'

/**
 * Reads the header of a GGUF file that may have been made by anyone.
 *
 * Native readers trust the lengths a file declares; 51 bytes are enough to
 * kill a process that way. Here nothing is allocated, looped over or skipped
 * before the declared amount was compared with a named ceiling and with the
 * bytes that are really left. The weights themselves are never read.
 */

/** The largest vocabularies in use (262k tokens and their merges) fill 20 MiB, an embedded tokenizer.json 30 more. */
const maxHeader = 64 * 1024 * 1024

export interface GgufHeader {
  readonly version: number
  readonly metadata: ReadonlyMap<string, GgufValue>
  readonly tensors: readonly GgufTensor[]
  /** Byte of the file that tensor offsets count from. */
  readonly dataOffset: number
}

export interface GgufOptions {
  /** Which arrays' items to keep, by key. Without it only arrays of at most 64 items are kept; the others give their type and length. */
  readonly keep?: (key: string) => boolean
}

/** Reads version, metadata and tensor table. Throws `GgufError`, or the file system's own error when the file cannot be opened. */
export async function readGguf (path: string, options: GgufOptions = {}): Promise<GgufHeader> {
  // Asked before opening: opening a pipe would wait for its writer.
  if (!(await stat(path)).isFile()) throw new GgufError(path, 'it is not a regular file')
  await using file = await open(path, constants.O_RDONLY)
  const { size } = await file.stat()
  const cursor = new Cursor(file, path, size, maxHeader)

  if (size === 0) throw new GgufError(path, 'it is empty')
  if (size < 4 || (await cursor.take(4, 'the magic')).toString('latin1') !== 'GGUF') throw new GgufError(path, 'it is not a GGUF file (it does not begin with "GGUF")')
  const version = await cursor.uint32('the version')
  if (version >= 0x10000 && version % 0x10000 === 0) throw new GgufError(path, 'it is big-endian; convert it to little-endian')
  if (version !== 2 && version !== 3) throw new GgufError(path, `it has GGUF version ${version}, and only versions 2 and 3 are known`)
  const tensorCount = await cursor.uint64('the tensor count')
  const pairCount = await cursor.uint64('the metadata count')

  const metadata = await readMetadata(cursor, path, pairCount, options.keep)
  const { tensors, dataOffset } = await readTensors(cursor, path, size, tensorCount, metadata.get('general.alignment'))
  return { version, metadata, tensors, dataOffset }
}
