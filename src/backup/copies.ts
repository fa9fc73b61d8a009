import type { Database } from '../database/database.ts'
import { sql } from '../database/sql.ts'

/** Opens a database file, or rejects with a `DatabaseError`. */
export type Open = (path: string) => Promise<Database>

/** What a copied database says of itself, once every page, index and reference was found sound. */
export interface Found {
  /** The number of its last migration. */
  readonly schema: number
  /** sha256 of the files of all registered versions, and the name of one version each. */
  readonly adapters: ReadonlyMap<string, string>
}

/** Opens a copy, which brings it to this code's version; lets `change` have it, checks it, reads it and closes it, so that it is one file again. */
export async function inspect (open: Open, path: string, change: (database: Database) => Promise<void> = async () => {}): Promise<Found> {
  const database = await open(path)
  try {
    await database.check()
    await change(database)
    const versions = await database.all(sql.selectFrom('adapter_versions').select(['digest', 'name', 'version']).where('removed_at', 'is', null).compile())
    const [newest] = await database.all(sql.selectFrom('migrations').select('version').orderBy('version', 'desc').limit(1).compile())
    return { schema: newest?.version ?? 0, adapters: new Map(versions.map(({ digest, name, version }) => [digest, `${name}@${version}`])) }
  } finally {
    await database.close()
  }
}
