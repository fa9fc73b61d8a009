import Sqlite from 'better-sqlite3'
import { statements } from './statements.ts'

/** Reads the database in the thread that opened it, beside the worker that alone writes it. */
export interface Reader {
  /** Rows of one read, from the last committed state. Blobs arrive as `Buffer`. */
  all<Row> (sql: string, ...parameters: readonly unknown[]): Row[]
  close (): void
}

/**
 * Opens a file that the worker has opened before, so that it is there, migrated
 * and checked. `extensions` are paths of SQLite extensions to load.
 */
export function openReader (path: string, extensions: readonly string[] = []): Reader {
  const db = new Sqlite(path, { readonly: true, fileMustExist: true })
  // 64 MiB of pages, as the worker has: recall reads the same ones again and again.
  db.pragma('cache_size = -65536')
  for (const extension of extensions) db.loadExtension(extension)
  const prepare = statements(db)
  return {
    all: <Row>(sql: string, ...parameters: readonly unknown[]) => prepare(sql).all(...parameters) as Row[],
    close: () => { db.close() }
  }
}
