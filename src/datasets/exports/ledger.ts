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
type ExportRow = Omit<Exported, 'inside' | 'sha256'> & { readonly inside: number, readonly sha256: Uint8Array, readonly lacks: string | null }

/** For a query on versions as `d`: how many rows of it are gone, and whose may not be read. It only stays the same while the rows do. */
const lacking = `(d.erased || ' ' || coalesce((select group_concat(p.owner, ' ' order by p.owner) from user_policies p
  where p.training = 0 and exists (select 1 from dataset_rows r where r.owner = p.owner and r.dataset = d.id)), ''))`

/** The files that were made of the versions in a database. */
export interface ExportedFiles {
  /** Those out of reach that hold rows of the owner, by their paths. */
  outside (owner: number): Promise<readonly string[]>
  /**
   * Makes every file in the data folder hold what its version still has: one
   * that holds more is written anew, or deleted where its reader would not
   * take what is left. To be called as often as needed; throws `export_full`
   * and `export_failed`, and what the signal does.
   */
  tidy (signal?: AbortSignal): Promise<void>
}

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
  // Asked before the first row is read: what goes meanwhile makes the file one to be written anew.
  const [{ lacks }] = await database.all(query<{ lacks: string }>(`select ${lacking} as lacks from datasets d where id = :dataset`, { dataset })) as [{ lacks: string }]
  return await writeWhole(path, { rows, format, split, signal }, async ({ rows, bytes, sha256 }) => {
    const [last] = await exportedBy(database, schedule)
    if (last !== undefined && last.sha256 === sha256 && await isThere(last)) return false
    await database.commit([query(`insert into exports (id, schedule, dataset, format, split, path, inside, created, rows, bytes, sha256, lacks)
      values (:id, :schedule, :dataset, :format, :split, :path, :inside, :now, :rows, :bytes, unhex(:sha256), :lacks)
      on conflict (path) do update set schedule = excluded.schedule, dataset = excluded.dataset, format = excluded.format, split = excluded.split, created = excluded.created, rows = excluded.rows, bytes = excluded.bytes, sha256 = excluded.sha256, lacks = excluded.lacks, removed = null`,
    { id: `export_${randomBytes(12).toString('hex')}`, schedule, dataset, format, split, path, inside: Number(inside), now: Date.now(), rows, bytes, sha256, lacks })])
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

/** The exported files of this database, of which those in the data folder follow their versions. */
export function createFiles (database: Store): ExportedFiles {
  return {
    async outside (owner) {
      const holding = await database.all(query<{ path: string }>(`select path from exports e where inside = 0 and removed is null
        and exists (select 1 from dataset_rows r where r.owner = :owner and r.dataset = e.dataset and r.split = e.split) order by path`, { owner }))
      return holding.map(({ path }) => path)
    },

    async tidy (signal) {
      const stale = await database.all(query<ExportRow & { readonly now: string }>(`select e.*, ${lacking} as now from exports e join datasets d on d.id = e.dataset
        where inside = 1 and removed is null and lacks is not ${lacking} order by path`))
      for (const { now, ...file } of stale) await rewrite(exportedOf(file), now, signal)
    }
  }

  async function rewrite (file: Exported, lacks: string, signal?: AbortSignal): Promise<void> {
    const { id, dataset, format, split, path } = file
    try {
      // Who took it away has it, and nothing of it is here.
      const { rows, bytes, sha256 } = await isThere(file) ? await writeWhole(path, { rows: rowsIn(database, dataset, split), format, split, signal }) : file
      await database.commit([query('update exports set rows = :rows, bytes = :bytes, sha256 = unhex(:sha256), lacks = :lacks where id = :id', { id, rows, bytes, sha256, lacks })])
    } catch (error) {
      // Too little is left of it, or it cannot be made again: either way what they said must go.
      if (!(error instanceof PublicError) || !['export_refused', 'dataset_damaged', 'dataset_not_ready'].includes(error.code)) throw error
      await rm(path, { force: true })
      await database.commit([query('update exports set removed = :now where id = :id', { id, now: Date.now() })])
    }
  }
}

async function * rowsIn (database: Store, dataset: string, split: Split): AsyncGenerator<Row> {
  for await (const { row } of rowsOf(database, dataset, split)) yield row
}

function exportedOf ({ inside, sha256, lacks: _, ...row }: ExportRow): Exported {
  return { ...row, inside: inside === 1, sha256: Buffer.from(sha256).toString('hex') }
}
