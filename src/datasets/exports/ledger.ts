import { randomBytes } from 'node:crypto'
import { rm, stat } from 'node:fs/promises'
import type { Database } from '../../database/database.ts'
import { query } from '../../database/sql.ts'
import { PublicError } from '../../errors.ts'
import type { Split } from '../datasets.ts'
import type { Row } from '../row.ts'
import { rowsOf } from '../rows.ts'
import type { Exported } from '../schedule.ts'
import type { FormatName } from './format.ts'
import { type Summary, writeWhole } from './writing.ts'

type Store = Pick<Database, 'all' | 'commit'>
type ExportRow = Omit<Exported, 'inside' | 'sha256'> & { readonly inside: number, readonly sha256: Uint8Array }

/** A file to be written of a version. */
export interface Export {
  readonly schedule: string
  readonly dataset: string
  readonly format: FormatName
  readonly split: Split
  readonly path: string
  readonly inside: boolean
}

/**
 * Writes it and records it, so that there is no file of which nothing is
 * known; where the schedule's last file has the same bytes, nothing is written.
 * Throws as `writeWhole` and `Datasets.rows` do.
 */
export async function exportFile (database: Store, { schedule, dataset, format, split, path, inside }: Export, rows: AsyncIterable<Row>, signal: AbortSignal): Promise<Summary> {
  return await writeWhole(path, { rows, format, split, signal }, async ({ rows, bytes, sha256 }) => {
    const [last] = await exportedBy(database, schedule)
    if (last !== undefined && last.sha256 === sha256 && await isThere(last)) return false
    await database.commit([query(`insert into exports (id, schedule, dataset, format, split, path, inside, created, rows, bytes, sha256)
      values (:id, :schedule, :dataset, :format, :split, :path, :inside, :now, :rows, :bytes, unhex(:sha256))
      on conflict (path) do update set schedule = excluded.schedule, dataset = excluded.dataset, format = excluded.format, split = excluded.split, created = excluded.created, rows = excluded.rows, bytes = excluded.bytes, sha256 = excluded.sha256, removed = null`,
    { id: `export_${randomBytes(12).toString('hex')}`, schedule, dataset, format, split, path, inside: Number(inside), now: Date.now(), rows, bytes, sha256 })])
    return true
  })
}

/** The newest first; `schedule` null: of all. */
export async function exportedBy (database: Pick<Database, 'all'>, schedule: string | null, limit = 1): Promise<Exported[]> {
  const rows = await database.all(query<ExportRow>('select * from exports where coalesce(:schedule, schedule) is schedule or :schedule is null order by created desc, id limit :limit', { schedule, limit }))
  return rows.map(exportedOf)
}

/** Whether its file is where it was written. */
export async function isThere ({ path, removed }: Exported): Promise<boolean> {
  return removed === null && await stat(path).then(() => true, () => false)
}

/**
 * Takes a person's rows out of every exported file in the data folder: it is
 * written anew without them, or deleted where its reader would not take what
 * is left. To be called while their rows are still in the database, as often
 * as needed. Resolves to the files elsewhere that hold some.
 */
export function createScrub (database: Store): (owner: number) => Promise<readonly string[]> {
  return async owner => {
    const holding = (await database.all(query<ExportRow>(`select * from exports e where removed is null
      and exists (select 1 from dataset_rows r where r.owner = :owner and r.dataset = e.dataset and r.split = e.split) order by path`, { owner }))).map(exportedOf)
    for (const file of holding.filter(({ inside }) => inside)) await rewrite(file, owner)
    return holding.filter(({ inside }) => !inside).map(({ path }) => path)
  }

  async function rewrite ({ id, dataset, format, split, path }: Exported, owner: number): Promise<void> {
    try {
      const { rows, bytes, sha256 } = await writeWhole(path, { rows: without(rowsOf(database, dataset, split), owner), format, split })
      await database.commit([query('update exports set rows = :rows, bytes = :bytes, sha256 = unhex(:sha256) where id = :id', { id, rows, bytes, sha256 })])
    } catch (error) {
      // Too little is left of it, or it cannot be made again: either way what they said must go.
      if (!(error instanceof PublicError) || !['export_refused', 'dataset_damaged', 'dataset_not_ready'].includes(error.code)) throw error
      await rm(path, { force: true })
      await database.commit([query('update exports set removed = :now where id = :id', { id, now: Date.now() })])
    }
  }
}

async function * without (rows: ReturnType<typeof rowsOf>, owner: number): AsyncGenerator<Row> {
  for await (const { row } of rows) if (row.owner !== owner) yield row
}

function exportedOf ({ inside, sha256, ...row }: ExportRow): Exported {
  return { ...row, inside: inside === 1, sha256: Buffer.from(sha256).toString('hex') }
}
