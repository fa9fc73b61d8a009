import type { Test } from 'tap'
import type { Database } from '../../src/database/database.ts'
import { openDatabase } from '../../src/database/open.ts'
import { type OpenMemories, type OpenMemoriesOptions, openMemories } from '../../src/memory/open.ts'
import { freshPath, migrationsDir } from '../database/fixtures.ts'

/** Memories over a fresh database, closed when the test ends. */
export async function openedMemories (t: Test, options: Partial<OpenMemoriesOptions> = {}): Promise<OpenMemories & { readonly database: Database, readonly path: string }> {
  const path = options.path ?? freshPath(t)
  const database = options.database as Database | undefined ?? await openDatabase({ path, migrationsDir })
  const opened = await openMemories({ embedder: null, log: () => {}, ...options, database, path })
  t.teardown(async () => {
    await opened.close().catch(() => {})
    await database.close().catch(() => {})
  })
  return { ...opened, database, path }
}

export const ada = { tenant: 'house', user: 'ada' }
export const bob = { tenant: 'house', user: 'bob' }

/** Resolves when every memory has its vectors. */
export async function embedded ({ memories }: OpenMemories): Promise<void> {
  while ((await memories.progress()).pending > 0) await new Promise(resolve => setTimeout(resolve, 20))
}
