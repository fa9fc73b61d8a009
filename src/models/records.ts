import { readFile, rename, stat, writeFile } from 'node:fs/promises'
import { isAbsolute, join, relative, sep } from 'node:path'
import { hashOf } from './download.ts'
import { ModelError } from './errors.ts'
import { holding } from './lock.ts'

/**
 * What is known of each model file, in `digests.json` beside them: its sha256,
 * so that files of many GB are hashed once and not at every start, and for
 * fetched ones where they came from. An entry speaks of a file only while
 * size, time of change and inode are the same; its origin holds for good, so
 * that a file trusted on first use stays the file that was trusted. Files of
 * the folder go by their path in it and keep their entries when it moves.
 */
export interface Records {
  /** The sha256 of a file, hashed only when it changed since it was last. Throws `ModelError` when the records are damaged. */
  digest (path: string, signal: AbortSignal): Promise<string>
  /** Remembers what was just received. */
  record (path: string, sha256: string, source: string): Promise<void>
  /** What a fetched file was when it arrived; null: it was not fetched. Throws `ModelError` when the records are damaged. */
  origin (path: string): Promise<Origin | null>
}

export interface Origin { readonly sha256: string, readonly source: string }

interface Entry { readonly size: number, readonly mtimeMs: number, readonly inode: number, readonly sha256: string, readonly origin: Origin | null }

const nobody = new AbortController().signal
/** What a folder that may only be read, or a full disk, says. */
const unwritable = ['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT']

export function openRecords (dir: string): Records {
  const file = join(dir, 'digests.json')

  return {
    async digest (path, signal) {
      const known = (await read())[keyOf(path)]
      const now = await identity(path)
      if (known !== undefined && known.size === now.size && known.mtimeMs === now.mtimeMs && known.inode === now.inode) return known.sha256
      const sha256 = (await hashOf(path, signal)).digest('hex')
      await write(path, signal, entry => ({ ...now, sha256, origin: entry?.origin ?? null })).catch((thrown: NodeJS.ErrnoException) => {
        // Not remembered, it costs another hashing at the next start and nothing else.
        if (thrown.code === undefined || !unwritable.includes(thrown.code)) throw thrown
      })
      return sha256
    },
    async record (path, sha256, source) {
      const now = await identity(path)
      await write(path, nobody, () => ({ ...now, sha256, origin: { sha256, source } }))
    },
    async origin (path) {
      return (await read())[keyOf(path)]?.origin ?? null
    }
  }

  function keyOf (path: string): string {
    const inside = relative(dir, path)
    return inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside) ? path : inside.split(sep).join('/')
  }

  async function read (): Promise<Record<string, Entry>> {
    const text = await readFile(file, 'utf8').catch((thrown: NodeJS.ErrnoException) => {
      if (thrown.code === 'ENOENT') return '{}'
      throw unreadable(`cannot be read (${thrown.code ?? thrown.message})`, thrown)
    })
    try {
      const entries: unknown = JSON.parse(text)
      if (typeof entries === 'object' && entries !== null && !Array.isArray(entries)) return entries as Record<string, Entry>
    } catch (thrown) {
      throw unreadable('is damaged', thrown)
    }
    throw unreadable('is damaged', undefined)
  }

  /** Going on without the records would trust whatever stands in the folder now. */
  function unreadable (how: string, cause: unknown): ModelError {
    return new ModelError(`${file} ${how}. It says which bytes each fetched model had when it came. Bring it back from a backup, or delete it to trust the files in ${dir} as they are now.`, { cause })
  }

  /** Under a lock, because processes that read, change and write at once would lose each other's entries. */
  async function write (path: string, signal: AbortSignal, change: (entry: Entry | undefined) => Entry): Promise<void> {
    await holding(`${file}.lock`, signal, () => {}, async () => {
      const entries = await read()
      const key = keyOf(path)
      // Flushed before it takes its place: a power cut must not leave an empty one.
      await writeFile(`${file}.new`, JSON.stringify({ ...entries, [key]: change(entries[key]) }, null, 2), { flush: true })
      await rename(`${file}.new`, file)
    })
  }
}

async function identity (path: string): Promise<Omit<Entry, 'sha256' | 'origin'>> {
  const { size, mtimeMs, ino } = await stat(path)
  return { size, mtimeMs, inode: ino }
}
