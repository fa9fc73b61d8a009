import { mkdir, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** That somebody was erased, without saying who. */
export interface Tombstone {
  /** The erasure's. */
  readonly id: string
  /** Pseudonym (hex), as in `erasures`. */
  readonly subject: string
  /** Milliseconds since 1970 in UTC. */
  readonly at: number
}

/**
 * A file beside the database that only grows, so that whoever was erased after
 * a backup was made is known when it is restored. Each record begins its own
 * line: one that a crash cut off spoils no other.
 */
export async function bury (path: string, tombstone: Tombstone): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const file = await open(path, 'a', 0o600)
  try {
    await file.appendFile(`\n${JSON.stringify(tombstone)}`)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** All of them, by erasure; none where there is no file. */
export async function tombstones (path: string): Promise<ReadonlyMap<string, Tombstone>> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => { if (error.code === 'ENOENT') return ''; throw error })
  return new Map(text.split('\n').flatMap(line => {
    const tombstone = parsed(line)
    return tombstone === null ? [] : [[tombstone.id, tombstone]]
  }))
}

function parsed (line: string): Tombstone | null {
  try {
    return JSON.parse(line) as Tombstone
  } catch {
    return null
  }
}
