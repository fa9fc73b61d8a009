import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CompiledQuery } from 'kysely'
import type { Test } from 'tap'
import type { Database } from '../../src/database/database.ts'
import { type OpenOptions, openDatabase } from '../../src/database/open.ts'
import { sql } from '../../src/database/sql.ts'

export const migrationsDir = fileURLToPath(new URL('../../migrations', import.meta.url))

/** A new empty folder, removed when the test ends. */
export function freshFolder (t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'engraft-'))
  t.teardown(() => { rmSync(folder, { recursive: true, force: true }) })
  return folder
}

/** Where the database of a fresh folder goes. */
export function freshPath (t: Test): string {
  return join(freshFolder(t), 'engraft.db')
}

/** An open database that is closed when the test ends. */
export async function opened (t: Test, path: string, options: Partial<OpenOptions> = {}): Promise<Database> {
  const database = await openDatabase({ path, migrationsDir, ...options })
  t.teardown(async () => { await database.close().catch(() => {}) })
  return database
}

/** A row to write, of `bytes` bytes; with an id that is taken it breaks the primary key. */
export function row (id: number, bytes = 0): CompiledQuery {
  return sql.insertInto('audit').values({ id, at: 'now', actor: 'test', action: 'write', subject: 'row', detail: JSON.stringify(randomBytes(bytes).toString('latin1').replace(/[^a-z]/g, 'x')) }).compile()
}

export async function ids (database: Database): Promise<number[]> {
  const rows = await database.all(sql.selectFrom('audit').select('id').orderBy('id').compile())
  return rows.map(({ id }) => id)
}

/** What opening rejects with. */
export async function refusal (opening: Promise<unknown>): Promise<{ code: string, message: string }> {
  return await opening.then(() => ({ code: 'opened', message: '' }), (thrown: unknown) => thrown as { code: string, message: string })
}

/** The same numbers for the same seed, so that a failure can be run again (mulberry32). */
export function seeded (seed: number): () => number {
  return () => {
    seed = seed + 0x6d2b79f5 | 0
    let mixed = Math.imul(seed ^ seed >>> 15, 1 | seed)
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed
    return ((mixed ^ mixed >>> 14) >>> 0) / 4294967296
  }
}
