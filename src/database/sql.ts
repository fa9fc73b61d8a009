import { DummyDriver, type Generated, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'

/** One row of `keys`, as migrations/001-access.sql lays it out. Times are ISO 8601 in UTC, which sort as text. */
export interface KeyRow {
  id: string
  /** sha256 of the secret. */
  digest: Uint8Array
  name: string
  tenant: string
  /** JSON array. */
  scopes: string
  user: string | null
  /** JSON array; null: all models. */
  models: string | null
  requests_per_minute: number | null
  tokens_per_day: number | null
  created_at: string
  expires_at: string | null
  revoked_at: string | null
  last_used_at: string | null
}

/** One row of `adapters`, as migrations/002-adapters.sql lays it out. */
export interface AdapterRow {
  name: string
  base: string
  live: number | null
  previous: number | null
  /** 0 or 1. */
  pinned: number
  next_version: number
  created_at: string
}

/** One row of `adapter_versions`. */
export interface AdapterVersionRow {
  name: string
  version: number
  /** sha256 in hex. */
  digest: string
  /** Bytes. */
  size: number
  base: string
  base_digest: string
  /** 0 or 1. */
  base_verified: number
  rank: number
  alpha: number
  source: string
  created_at: string
  removed_at: string | null
}

/** The tables; grows with every migration. `Generated` marks what the database fills in. */
export interface Schema {
  keys: KeyRow
  /** `day` is YYYY-MM-DD in UTC. */
  key_usage: { key_id: string, day: string, tokens: number }
  adapters: AdapterRow
  adapter_versions: AdapterVersionRow
  audit: { id: Generated<number>, at: string, actor: string, action: string, subject: string, detail: string }
}

/**
 * Builds queries and runs none: `database.all(sql.selectFrom('keys').selectAll().compile())`.
 * Values become parameters, never text, whoever wrote them.
 */
export const sql = new Kysely<Schema>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: kysely => new SqliteIntrospector(kysely),
    createQueryCompiler: () => new SqliteQueryCompiler()
  }
})
