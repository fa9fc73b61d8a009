import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, rename } from 'node:fs/promises'
import { problem } from '../../errors.ts'
import type { TokenRow } from '../trainer.ts'

/** Bytes that are written at once: large enough for the disk, small beside all else. */
const chunk = 1 << 20

/** Writes a file that is whole or not there, also when the power fails. Throws `storage_full`, `storage_failed`. */
export async function writeWhole (path: string, text: string): Promise<void> {
  await stored(async () => {
    const part = `${path}.part`
    {
      await using file = await open(part, 'w', 0o600)
      await file.writeFile(text)
      await file.sync()
    }
    await rename(part, path)
  })
}

/** A file that is written line by line. */
export class Lines {
  readonly #file: FileHandle
  readonly #hash: Hash = createHash('sha256')
  #waiting: string[] = []
  #size = 0

  private constructor (file: FileHandle) { this.#file = file }

  static async into (path: string): Promise<Lines> { return new Lines(await stored(async () => await open(path, 'w', 0o600))) }

  async add (value: unknown): Promise<void> {
    const line = `${JSON.stringify(value)}\n`
    this.#waiting.push(line)
    this.#size += line.length
    if (this.#size >= chunk) await this.#flush()
  }

  /** Resolves to its sha256 when all of it is on the disk. */
  async end (): Promise<string> {
    await this.#flush()
    await stored(async () => await this.#file.sync())
    return this.#hash.digest('hex')
  }

  async [Symbol.asyncDispose] (): Promise<void> { await this.#file.close() }

  async #flush (): Promise<void> {
    const content = Buffer.from(this.#waiting.join(''))
    this.#waiting = []
    this.#size = 0
    this.#hash.update(content)
    await stored(async () => await this.#file.writeFile(content))
  }
}

/** Writes rows as the trainer reads them and resolves to the file's sha256. */
export async function writeRows (path: string, rows: readonly TokenRow[]): Promise<string> {
  await using lines = await Lines.into(path)
  for (const row of rows) await lines.add(row)
  return await lines.end()
}

export async function sha256Of (path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const bytes of createReadStream(path)) hash.update(bytes as Buffer)
  return hash.digest('hex')
}

/** Runs work on the disk; what fails there is the storage's failure. */
export async function stored<T> (work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw code === 'ENOSPC' || code === 'EDQUOT' ? problem('storage_full', {}, { cause }) : problem('storage_failed', {}, { cause })
  }
}
