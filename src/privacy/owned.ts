import type { Database } from '../database/database.ts'
import { query } from '../database/sql.ts'

/** A table of which each row is somebody's, by its column `owner`. */
export interface Owned {
  readonly table: string
  /** What its rows of one owner are in order of; null: there is at most one. */
  readonly order: string | null
}

/**
 * Rows that go in one commit. Others' reads and commits wait for it, so it is
 * some 20 ms; an interaction takes up to a conversation of messages along.
 */
const together = 2_000
const interactionsTogether = 50

/** Every such table, as the database itself tells: one that is added later needs no word here. What others refer to comes last. */
export async function ownedTables (database: Pick<Database, 'all'>): Promise<Owned[]> {
  const columns = await database.all(query<{ table: string, column: string, place: number }>(`
    select m.name as "table", c.name as "column", c.pk as place from sqlite_master m join pragma_table_info(m.name) c
    where m.type = 'table' and m.name <> 'erasures' order by m.name = 'messages', m.name, c.pk`))
  return [...Map.groupBy(columns, ({ table }) => table)].flatMap(([table, all]): Owned[] => {
    if (all.every(({ column }) => column !== 'owner')) return []
    const keys = all.filter(({ place, column }) => place > 0 && column !== 'owner')
    return [{ table, order: keys[0]?.column ?? null }]
  })
}

/** How many rows of the owner each table has. */
export async function countRows (database: Pick<Database, 'all'>, tables: readonly Owned[], owner: number): Promise<Record<string, number>> {
  const counts = await Promise.all(tables.map(async ({ table }) => {
    const [row] = await database.all(query<{ count: number }>(`select count(*) as count from ${table} where owner = :owner`, { owner }))
    return [table, row?.count ?? 0] as const
  }))
  return Object.fromEntries(counts)
}

/** Deletes the owner's rows of a table, a few at a time, so that serving goes on. */
export async function emptyTable (database: Pick<Database, 'commit'>, { table, order }: Owned, owner: number): Promise<void> {
  const mine = `from ${table} where owner = :owner`
  const limit = table === 'interactions' ? interactionsTogether : together
  const some = order === null ? '' : `and ${order} <= coalesce((select ${order} ${mine} order by ${order} limit 1 offset :limit), (select max(${order}) ${mine}))`
  for (let gone = 1; gone > 0;) [gone = 0] = await database.commit([query(`delete ${mine} ${some}`, { owner, limit })])
}
