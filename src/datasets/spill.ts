import { closeSync, mkdirSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { problem } from '../errors.ts'
import type { Row } from './row.ts'

/** Bytes that are written and read at once: large enough for the disk, small beside all else. */
const chunk = 1 << 20

/** Rows that are handed on together: some tenths of a second of work. */
export const together = 100

/** Rows put aside between two passes, in order. */
export interface Pile {
  /** How many there are. */
  readonly count: number
  push (row: Row): void
  /** From the first to the last, some at a time; not while rows are still pushed. */
  rows (): Generator<Row[]>
  /** Nothing of it is left afterwards. */
  remove (): void
}

/**
 * Files for rows that are too many to be held, in a folder of their own, for
 * this account only. Whoever made the folder removes it, also after a crash:
 * texts of people lie in it. Throws `storage_full` and `storage_failed`.
 */
export class Spill {
  readonly #folder: string
  #made = 0

  constructor (folder: string) {
    this.#folder = folder
    failing(() => mkdirSync(folder, { recursive: true, mode: 0o700 }))
  }

  pile (): Pile { return new FilePile(join(this.#folder, `${++this.#made}.jsonl`)) }

  remove (): void { rmSync(this.#folder, { recursive: true, force: true }) }
}

class FilePile implements Pile {
  readonly #path: string
  readonly #handle: number
  #lines: string[] = []
  #waiting = 0
  count = 0

  constructor (path: string) {
    this.#path = path
    this.#handle = failing(() => openSync(path, 'wx+', 0o600))
  }

  push (row: Row): void {
    const line = JSON.stringify(row)
    this.#lines.push(line)
    this.#waiting += line.length
    this.count++
    if (this.#waiting >= chunk) this.#flush()
  }

  * rows (): Generator<Row[]> {
    this.#flush()
    let rows: Row[] = []
    for (const line of this.#read()) {
      rows.push(JSON.parse(line) as Row)
      if (rows.length === together) {
        yield rows
        rows = []
      }
    }
    if (rows.length > 0) yield rows
  }

  remove (): void {
    closeSync(this.#handle)
    rmSync(this.#path, { force: true })
  }

  #flush (): void {
    if (this.#lines.length === 0) return
    const bytes = Buffer.from(this.#lines.join('\n') + '\n')
    failing(() => { for (let at = 0; at < bytes.length;) at += writeSync(this.#handle, bytes, at) })
    this.#lines = []
    this.#waiting = 0
  }

  * #read (): Generator<string> {
    let rest = Buffer.alloc(0)
    for (let at = 0; ;) {
      const bytes = Buffer.allocUnsafe(chunk)
      const length = failing(() => readSync(this.#handle, bytes, 0, chunk, at))
      if (length === 0) return
      at += length
      const all = Buffer.concat([rest, bytes.subarray(0, length)])
      let from = 0
      for (let end = all.indexOf(10); end !== -1; end = all.indexOf(10, from)) {
        yield all.toString('utf8', from, end)
        from = end + 1
      }
      rest = all.subarray(from)
    }
  }
}

function failing<T> (work: () => T): T {
  try {
    return work()
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw code === 'ENOSPC' || code === 'EDQUOT' ? problem('storage_full', {}, { cause }) : problem('storage_failed', {}, { cause })
  }
}
