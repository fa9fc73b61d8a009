import { readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hashOf } from './download.ts'
import { holding } from './lock.ts'

/**
 * What is known of each model file, in `digests.json` beside them: its sha256,
 * so that files of many GB are hashed once and not at every start, and for
 * fetched ones where they came from. An entry speaks of a file only while
 * size, time of change and inode are the same.
 */
export interface Records {
  /** The sha256 of a file, hashed only when it changed since it was last. */
  digest (path: string, signal: AbortSignal): Promise<string>
  /** Remembers what was just received. */
  record (path: string, sha256: string, source: string): Promise<void>
  /** What a fetched file was when it arrived; null: it was not fetched, or that is forgotten. */
  origin (path: string): Promise<Origin | null>
}

export interface Origin { readonly sha256: string, readonly source: string }

interface Entry { readonly size: number, readonly mtimeMs: number, readonly inode: number, readonly sha256: string, readonly origin: Origin | null }

const nobody = new AbortController().signal

export function openRecords (dir: string): Records {
  const file = join(dir, 'digests.json')

  return {
    async digest (path, signal) {
      const known = (await read())[path]
      const now = await identity(path)
      if (known !== undefined && known.size === now.size && known.mtimeMs === now.mtimeMs && known.inode === now.inode) return known.sha256
      const sha256 = (await hashOf(path, signal)).digest('hex')
      await write(path, entry => ({ ...now, sha256, origin: entry?.origin ?? null }))
      return sha256
    },
    async record (path, sha256, source) {
      const now = await identity(path)
      await write(path, () => ({ ...now, sha256, origin: { sha256, source } }))
    },
    async origin (path) {
      return (await read())[path]?.origin ?? null
    }
  }

  async function read (): Promise<Record<string, Entry>> {
    try {
      return JSON.parse(await readFile(file, 'utf8')) as Record<string, Entry>
    } catch {
      // Missing or damaged, it costs one hashing.
      return {}
    }
  }

  /** Under a lock, because processes that read, change and write at once would lose each other's entries. */
  async function write (path: string, change: (entry: Entry | undefined) => Entry): Promise<void> {
    await holding(`${file}.lock`, nobody, () => {}, async () => {
      const entries = await read()
      await writeFile(`${file}.new`, JSON.stringify({ ...entries, [path]: change(entries[path]) }, null, 2))
      await rename(`${file}.new`, file)
    })
  }
}

async function identity (path: string): Promise<Omit<Entry, 'sha256' | 'origin'>> {
  const { size, mtimeMs, ino } = await stat(path)
  return { size, mtimeMs, inode: ino }
}
