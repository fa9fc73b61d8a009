import type { Database } from '../database/database.ts'
import { query } from '../database/sql.ts'
import type { Manifest } from './datasets.ts'

/** What had been recorded that rows can be made of: the last of each. */
export type Recorded = Pick<Manifest['evidence'], 'feedback' | 'reviews'>

/** Before anything was. */
export const nothing: Recorded = { feedback: 0, reviews: 0 }

/** What has been recorded by now, of all tenants. */
export async function recorded (database: Pick<Database, 'all'>): Promise<Recorded> {
  const [row] = await database.all(query<Recorded>('select (select coalesce(max(seq), 0) from feedback) as feedback, (select coalesce(max(seq), 0) from reviews) as reviews'))
  return row!
}

/** How much has come of a tenant's people since then that a row can be made of. */
export async function fresh (database: Pick<Database, 'all'>, tenant: string, { feedback, reviews }: Recorded): Promise<number> {
  const [row] = await database.all(query<{ count: number }>(`select
    (select count(*) from feedback where tenant = :tenant and seq > :feedback and kind in ('thumb', 'rating', 'correction', 'preference')) +
    (select count(*) from reviews r join interactions i on i.seq = r.interaction where i.tenant = :tenant and r.seq > :reviews and r.verdict <> 'rejected') as count`, { tenant, feedback, reviews }))
  return row!.count
}
