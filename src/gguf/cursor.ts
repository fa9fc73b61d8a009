import type { FileHandle } from 'node:fs/promises'
import { GgufError } from './error.ts'

/** Large enough that a header of tens of MiB takes few reads, small enough to forget. */
const chunk = 256 * 1024

/**
 * Reads a file forwards through one small buffer. Every length is compared
 * with what is left below `limit` before anything is read or allocated, so a
 * declared length costs nothing until its bytes are known to exist.
 */
export class Cursor {
  readonly #file: FileHandle
  readonly #path: string
  readonly #size: number
  readonly #limit: number
  #buffer: Buffer = Buffer.alloc(0)
  /** Position in the file of the buffer's first byte. */
  #base = 0
  #at = 0

  /** `limit`: bytes from the start of the file that may be read at all. */
  constructor (file: FileHandle, path: string, size: number, limit: number) {
    this.#file = file
    this.#path = path
    this.#size = size
    this.#limit = limit
  }

  get position (): number { return this.#base + this.#at }
  /** Bytes that exist and may still be read. */
  get left (): number { return Math.min(this.#size, this.#limit) - this.position }

  /** Throws unless `bytes` more can be read; `what` names them in the error. */
  require (bytes: number, what: string): void {
    if (bytes <= this.left) return
    if (this.position + bytes <= this.#size) throw new GgufError(this.#path, `its header is longer than ${this.#limit} bytes, more than any known model has`)
    throw new GgufError(this.#path, `it ends in the middle of ${what}: at byte ${this.position} ${bytes} more were announced and ${this.#size - this.position} are there. The file is damaged or incomplete`)
  }

  /** The next `bytes` bytes, valid until the next call. Synchronous while they are buffered. */
  take (bytes: number, what: string): Buffer | Promise<Buffer> {
    if (this.#at + bytes > this.#buffer.length) return this.#fill(bytes, what)
    this.#at += bytes
    return this.#buffer.subarray(this.#at - bytes, this.#at)
  }

  skip (bytes: number, what: string): void {
    this.require(bytes, what)
    this.#at += bytes
    if (this.#at > this.#buffer.length) this.#drop()
  }

  async uint32 (what: string): Promise<number> {
    return (await this.take(4, what)).readUInt32LE()
  }

  /** A 64-bit count, length or offset. One beyond 2^53 cannot be true of any file, so it becomes Infinity, which every check refuses. */
  async uint64 (what: string): Promise<number> {
    return count(await this.take(8, what))
  }

  /** Skips `items` length-prefixed strings without decoding them; `longest` is the ceiling of each. */
  async skipStrings (items: number, longest: number, what: string): Promise<void> {
    for (let index = 0; index < items; index++) {
      const head = this.take(8, what)
      const length = count(head instanceof Buffer ? head : await head)
      if (length > longest) throw new GgufError(this.#path, `${what} has a string of ${length === Infinity ? 'over 2^53' : length} bytes; the most is ${longest}`)
      this.skip(length, what)
    }
  }

  async #fill (bytes: number, what: string): Promise<Buffer> {
    this.require(bytes, what)
    this.#drop()
    const fresh = Buffer.allocUnsafe(Math.max(bytes, Math.min(chunk, this.left)))
    let filled = 0
    while (filled < fresh.length) {
      const { bytesRead } = await this.#file.read(fresh, filled, fresh.length - filled, this.#base + filled)
      if (bytesRead === 0) throw new GgufError(this.#path, 'it became shorter while it was read')
      filled += bytesRead
    }
    this.#buffer = fresh
    this.#at = bytes
    return fresh.subarray(0, bytes)
  }

  #drop (): void {
    this.#base += this.#at
    this.#at = 0
    this.#buffer = Buffer.alloc(0)
  }
}

function count (bytes: Buffer): number {
  const high = bytes.readUInt32LE(4)
  return high >= 0x20_0000 ? Infinity : high * 0x1_0000_0000 + bytes.readUInt32LE(0)
}
