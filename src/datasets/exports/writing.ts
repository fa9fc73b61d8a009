import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { problem } from '../../errors.ts'
import type { Split } from '../datasets.ts'
import type { Row } from '../row.ts'
import type { Format, FormatName, Tally } from './format.ts'
import { formats } from './formats.ts'

/** What was exported. */
export interface Summary extends Tally {
  readonly format: FormatName
  readonly split: Split
  /** Of the file, in hex. */
  readonly sha256: string
  /** What is worth knowing before it is used, for people. */
  readonly warnings: readonly string[]
}

/** What is to be written, and who is told how far it is. */
export interface Source {
  readonly rows: AsyncIterable<Row>
  readonly format: FormatName
  readonly split: Split
  /** Ends it with its reason; nothing is left. */
  readonly signal?: AbortSignal | undefined
  /** Rows read so far. */
  readonly progress?: ((done: number) => void) | undefined
}

/** Bytes that are written at once: large enough for the disk, small beside all else. */
const chunk = 1 << 20

/**
 * Writes all that fits the format, one JSON line a row, and holds no more than
 * a few rows. Throws `export_refused` where whoever reads the format would
 * refuse the file, and what `rows` throws.
 */
export async function write (file: Pick<FileHandle, 'write'>, { rows, format: name, split, signal, progress }: Source): Promise<Summary> {
  const format: Format = formats[name]
  const hash = createHash('sha256')
  const skipped = new Map<string, number>()
  const noted = new Map<string, number>()
  let waiting: string[] = []
  let size = 0
  let done = 0
  let written = 0
  let bytes = 0

  async function flush (): Promise<void> {
    const content = Buffer.from(waiting.join(''))
    waiting = []
    size = 0
    hash.update(content)
    bytes += content.length
    for (let at = 0; at < content.length;) at += (await file.write(content, at)).bytesWritten
    progress?.(done)
  }

  for await (const row of rows) {
    signal?.throwIfAborted()
    done++
    const converted = format.convert(row)
    if ('skip' in converted) {
      add(skipped, converted.skip)
      continue
    }
    for (const note of format.notes?.(converted.record) ?? []) add(noted, note)
    written++
    size += waiting[waiting.push(`${JSON.stringify(converted.record)}\n`) - 1]!.length
    if (size >= chunk) await flush()
  }
  await flush()

  const tally: Tally = { rows: written, bytes, skipped: Object.fromEntries([...skipped].sort()), noted: Object.fromEntries(noted) }
  const refusal = written === 0 ? nothing(tally) : format.refusal?.(tally, split) ?? null
  if (refusal !== null) throw problem('export_refused', { format: name, detail: refusal }, { param: 'format' })
  return { ...tally, format: name, split, sha256: hash.digest('hex'), warnings: format.warnings?.(tally, split) ?? [] }
}

/** A file to be read once that nobody else ever sees and that is gone with its handle, also after a crash. */
export async function spool (folder: string, source: Source): Promise<{ readonly file: FileHandle, readonly summary: Summary }> {
  return await failing(folder, async () => {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const path = join(folder, partName())
    const file = await open(path, 'wx+', 0o600)
    try {
      await rm(path)
      return { file, summary: await write(file, source) }
    } catch (error) {
      await file.close()
      throw error
    }
  })
}

/**
 * The file whole, surviving a power cut, or what was there before. `keep` is
 * asked when all is written and nothing can be seen yet; false: it is not
 * needed. Throws `export_full` and `export_failed`, which name the folder.
 */
export async function writeWhole (path: string, source: Source, keep: (summary: Summary) => Promise<boolean> = async () => true): Promise<Summary> {
  const folder = dirname(path)
  const beside = join(folder, partName())
  return await failing(folder, async () => {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const file = await open(beside, 'wx', 0o600)
    try {
      const summary = await write(file, source)
      await file.sync()
      if (await keep(summary)) await rename(beside, path)
      return summary
    } finally {
      await file.close()
      await rm(beside, { force: true })
    }
  })
}

/** Removes what a killed process left half written in a folder. */
export async function sweepParts (folder: string): Promise<void> {
  for (const name of await readdir(folder, { recursive: true }).catch(() => [])) {
    if (partPattern.test(name)) await rm(join(folder, name), { force: true })
  }
}

function partName (): string { return `.part-${randomUUID()}` }
const partPattern = /(?:^|[\\/])\.part-[0-9a-f-]{36}$/

function nothing ({ skipped }: Tally): string {
  const why = Object.entries(skipped).map(([reason, count]) => `${count}: ${reason}`)
  return `no row of it fits${why.length === 0 ? ', since it has none' : ` (${why.join('; ')})`}`
}

function add (counts: Map<string, number>, what: string): void { counts.set(what, (counts.get(what) ?? 0) + 1) }

async function failing<T> (folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const { code, syscall } = cause as NodeJS.ErrnoException
    if (syscall === undefined || code === undefined) throw cause
    throw code === 'ENOSPC' || code === 'EDQUOT' ? problem('export_full', { folder }, { cause }) : problem('export_failed', { folder, detail: code }, { cause })
  }
}
