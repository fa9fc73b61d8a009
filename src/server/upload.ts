import type { Socket } from 'node:net'
import type { Multipart, MultipartFile } from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'
import { PublicError, problem } from '../errors.ts'
import { shownName } from './invalid.ts'

/** An upload, its fields read and its file still on its way. */
export interface Upload {
  readonly fields: ReadonlyMap<string, string>
  /** Ends only when the whole form has arrived and holds nothing more; throws `upload_cut` when it does not. */
  readonly content: AsyncIterable<Uint8Array>
}

export interface UploadLimits {
  /** Names that fields may have. */
  readonly fields: readonly string[]
  /** Bytes of the file. */
  readonly fileSize: number
  /** Seconds without a byte after which the caller is given up. */
  readonly silence: number
}

/** Ceilings of the form around the file: more than an honest client sends, and bounded memory for others. */
export const formLimits = { fieldNameSize: 100, fieldSize: 1024, fields: 8, files: 2, parts: 10, headerPairs: 16 }

// A refusal is read within this by a caller who sends its file first and listens then; the rest of a large file is not waited for.
const lastWordsMs = 2_000

/**
 * The uploads that are arriving.
 *
 * A large file over a slow line takes longer than any request should, so
 * Node's limit for a whole request does not hold for them (`covers`, asked by
 * whoever handles that limit): here it is silence that ends an upload, and
 * only the caller's, never that of a slow disk. The file is pulled chunk by
 * chunk, so a slow store slows the caller down.
 */
export class Uploads {
  readonly #arriving = new WeakSet<Socket>()

  /** Whether an upload is under way on this socket. */
  covers (socket: Socket): boolean { return this.#arriving.has(socket) }

  /** Reads a form and gives it to `use`; whatever that leaves unread is dropped. Throws what `use` throws, and 400s for forms that are not as they should be. */
  async receive<T> (request: FastifyRequest, limits: UploadLimits, use: (upload: Upload) => Promise<T>): Promise<T> {
    const { socket } = request.raw
    this.#arriving.add(socket)
    try {
      const parts = request.parts()
      const { fields, file } = await head(parts, limits)
      return await use({ fields, content: content(file, parts, limits) })
    } finally {
      // Until the last byte is dropped: what Node says of the rest would follow the reply as a second one.
      drop(request, () => this.#arriving.delete(socket))
    }
  }

  /** Reads a body that is no form, as it comes, and gives it to `use`; given up with `request_timeout` after `silence` seconds without a byte, and with `upload_cut` where it ends too early. */
  async stream<T> ({ raw }: Pick<FastifyRequest, 'raw'>, silence: number, use: (content: AsyncIterable<Uint8Array>) => Promise<T>): Promise<T> {
    const { socket } = raw
    this.#arriving.add(socket)
    try {
      return await use(bytesOf(raw[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>, silence))
    } finally {
      drop({ raw }, () => this.#arriving.delete(socket))
    }
  }
}

async function * bytesOf (chunks: AsyncIterator<Uint8Array>, silence: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const { value: chunk, done } = await heard(chunks.next(), silence)
    if (done === true) return
    yield chunk
  }
}

type Parts = AsyncIterableIterator<Multipart>

/** The fields, up to the file. */
async function head (parts: Parts, { fields: names, silence }: UploadLimits): Promise<{ fields: Map<string, string>, file: MultipartFile }> {
  const fields = new Map<string, string>()
  for (;;) {
    const { value: part, done } = await heard(parts.next(), silence)
    if (done === true) throw invalid('file', 'is missing: send the file as the last part of the form')
    if (part.type === 'file') {
      if (part.fieldname !== 'file') throw invalid(part.fieldname, 'does not belong here: the part with the file is called file')
      return { fields, file: part }
    }
    if (part.fieldname === 'file') throw invalid('file', 'must be a file: send it with a filename')
    if (!names.includes(part.fieldname)) throw invalid(part.fieldname, 'does not belong here')
    if (fields.has(part.fieldname)) throw invalid(part.fieldname, 'is there twice')
    if (typeof part.value !== 'string' || part.valueTruncated) throw invalid(part.fieldname, `must be a text of at most ${formLimits.fieldSize} bytes`)
    fields.set(part.fieldname, part.value)
  }
}

async function * content ({ file }: MultipartFile, parts: Parts, { fileSize, silence }: UploadLimits): AsyncGenerator<Uint8Array, void, undefined> {
  const chunks = file[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
  let size = 0
  try {
    for (;;) {
      const { value: chunk, done } = await heard(chunks.next(), silence)
      if (done === true) break
      size += chunk.byteLength
      if (size > fileSize) throw problem('adapter_too_large', { limit: fileSize }, { param: 'file' })
      yield chunk
    }
    // Not before the form's end is it certain that nothing was cut off, and that this was the only file.
    const { value: next, done } = await heard(parts.next(), silence)
    if (done !== true) throw invalid(next.fieldname, next.type === 'file' ? 'is a second file: send one' : 'comes after the file: send fields before it')
  } finally {
    file.destroy()
  }
}

/** What the parser promises; given up with `request_timeout` after `seconds`. */
async function heard<T> (promise: Promise<T>, seconds: number): Promise<T> {
  const silence = Promise.withResolvers<never>()
  const timer = setTimeout(() => silence.reject(problem('request_timeout', { seconds })), seconds * 1000)
  try {
    return await Promise.race([promise, silence.promise])
  } catch (error) {
    throw error instanceof PublicError ? error : misread(error as Error)
  } finally {
    clearTimeout(timer)
  }
}

/** What the parser's failures mean: that the form is none, breaks a rule of it, or (most often) ended too early. */
function misread (error: Error & { code?: string }): PublicError {
  if (error.message.includes('Boundary not found')) return problem('invalid_request', { detail: "The content-type names no boundary: send the form as 'multipart/form-data; boundary=…'." })
  if (error.code?.startsWith('FST_') === true && error.code !== 'FST_MP_PREMATURE_CLOSE') return problem('invalid_request', { detail: `The form cannot be used: ${error.message}.` })
  return problem('upload_cut', {}, { cause: error })
}

/** Takes what is still on its way and drops it, so that whoever sends before it listens hears the refusal; then cuts the connection. Calls back when that is over. */
export function drop ({ raw }: Pick<FastifyRequest, 'raw'>, over: () => void = () => {}): void {
  if (raw.readableEnded || raw.destroyed) return over()
  const timer = setTimeout(() => raw.destroy(), lastWordsMs)
  const end = (): void => {
    clearTimeout(timer)
    over()
  }
  raw.once('end', end)
  raw.once('close', end)
  raw.unpipe()
  raw.resume()
}

function invalid (param: string, fault: string): PublicError {
  const field = shownName(param)
  return problem('invalid_request', { detail: `'${field}' ${fault}.` }, { param: field })
}
