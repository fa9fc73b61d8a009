import type { CompiledQuery } from 'kysely'
import type { Database } from '../database/database.ts'
import { sql } from '../database/sql.ts'

/** One change that somebody made. */
export interface AuditEntry {
  /** Rises with time; also the cursor of `list`. */
  readonly id: number
  /** ISO 8601, UTC. */
  readonly at: string
  /** A key's id; `local` for a program on this machine without a key; `cli` for the command line. */
  readonly actor: string
  /** What was done, as `key.create`. */
  readonly action: string
  /** What it was done to, by id. */
  readonly subject: string
  readonly detail: Readonly<Record<string, unknown>>
}

/**
 * The query that records a change. Commit it together with the change, so that
 * neither is there without the other. The table can only grow: put neither a
 * secret nor a person's text or name into `detail`, for it cannot be erased.
 */
export function record (actor: string, action: string, subject: string, detail: AuditEntry['detail'] = {}): CompiledQuery {
  return sql.insertInto('audit').values({ at: new Date().toISOString(), actor, action, subject, detail: JSON.stringify(detail) }).compile()
}

/** Entries from the newest to the oldest, those older than the entry `before` if it is given. */
export async function listAudit (database: Database, { before = null, limit }: { readonly before?: number | null, readonly limit: number }): Promise<AuditEntry[]> {
  let query = sql.selectFrom('audit').selectAll().orderBy('id', 'desc').limit(limit)
  if (before !== null) query = query.where('id', '<', before)
  const rows = await database.all(query.compile())
  return rows.map(row => ({ ...row, detail: JSON.parse(row.detail) as AuditEntry['detail'] }))
}
