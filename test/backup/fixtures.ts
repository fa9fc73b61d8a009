import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createBackup } from '../../src/backup/create.ts'
import type { Manifest } from '../../src/backup/manifest.ts'
import { type RestoreParts, type Restored, restoreBackup } from '../../src/backup/restore.ts'
import type { Database } from '../../src/database/database.ts'
import { readMigrations } from '../../src/database/migrate.ts'
import { openDatabase } from '../../src/database/open.ts'
import { holdFolder, replaceFile } from '../../src/database/replace.ts'
import { migrationsDir } from '../database/fixtures.ts'

export const never = new AbortController().signal

export const openBeside = (path: string): Promise<Database> => openDatabase({ path, migrationsDir, role: 'command' })

/** As the command does it, on the database of `data` or on one that is given. */
export async function backUp (data: string, target: string, given?: Pick<Database, 'backup'>, open = openBeside): Promise<Manifest> {
  if (given !== undefined) return await createBackup({ database: given, open, data, target, engraft: '1.2.3' }, never)
  const database = await openBeside(join(data, 'engraft.db'))
  try {
    return await createBackup({ database, open, data, target, engraft: '1.2.3' }, never)
  } finally {
    await database.close()
  }
}

export async function restore (source: string, data: string, over: Partial<RestoreParts> = {}): Promise<Restored> {
  return await restoreBackup({ source, data, replace: false, schema: readMigrations(migrationsDir).length, open: openBeside, hold: holdFolder, put: replaceFile, reapply: async () => {}, ...over }, never)
}

/** Every file below a folder, with its bytes, but the lock, which every taker of the folder makes. */
export function contents (folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile() && entry.name !== 'engraft.lock')
  return Object.fromEntries(files.map(entry => join(entry.parentPath, entry.name)).sort().map(path => [path.slice(folder.length + 1), readFileSync(path).toString('base64')]))
}
