import { randomBytes } from 'node:crypto'
import type { Database } from '../database/database.ts'
import { query } from '../database/sql.ts'
import { problem } from '../errors.ts'
import type { Drift, Manifest, Split, Version, Wanted } from './datasets.ts'
import type { Row } from './row.ts'

export type Reading = Pick<Database, 'all'>
export type Writing = Pick<Database, 'commit'>

/** A row as it stands in a manifest's list: its id, the sha256 (hex) of its body, and its split. */
export type Listed = readonly [id: string, sha256: string, split: Split]

/** A row on its way into a version. `other` is the interaction of the other answer of a preference. */
export interface Placed { readonly row: Row, readonly position: number, readonly body: string, readonly sha256: string, readonly split: Split }

interface VersionRow {
  readonly id: string
  readonly tenant: string
  readonly name: string
  readonly version: number
  readonly created: number
  readonly state: Version['state']
  readonly failure: string | null
  readonly manifest: string | null
  readonly sha256: Uint8Array | null
  readonly drift: string | null
  readonly erased: number
}

/** Rows that are there and may not be read: their people have taken back their leave. From the people, who are few, to their rows. */
const withheld = '(select count(*) from user_policies p cross join dataset_rows r on r.owner = p.owner and r.dataset = datasets.id where p.training = 0)'
/** All but the list of rows, which is long. */
const columns = `id, tenant, name, version, created, state, failure, manifest, sha256, drift, erased + ${withheld} as erased`
/** Rows that are removed in one commit: some 20 ms, which others wait for. */
const removedTogether = 1000

/** Writes down that a version is being built, under the next number of its name. */
export async function begin (database: Reading & Writing, wanted: Wanted, now: number): Promise<Version> {
  const id = `ds_${randomBytes(12).toString('hex')}`
  const { tenant, name } = wanted
  await database.commit([query(`insert into datasets (id, tenant, name, version, created, state, wanted)
    select :id, :tenant, :name, 1 + coalesce(max(version), 0), :now, 'building', :wanted from datasets where tenant = :tenant and name = :name`, { id, tenant, name, now, wanted: JSON.stringify(wanted) })])
  return await find(database, id)
}

export async function find (database: Reading, id: string): Promise<Version> {
  const [row] = await database.all(query<VersionRow>(`select ${columns} from datasets where id = :id`, { id }))
  if (row === undefined) throw problem('dataset_not_found', { id })
  return versionOf(row)
}

export async function list (database: Reading, tenant: string | null): Promise<Version[]> {
  return (await database.all(query<VersionRow>(`select ${columns} from datasets where coalesce(:tenant, tenant) = tenant order by created desc, version desc`, { tenant }))).map(versionOf)
}

/** The newest whole version of the name, older than `before`; null: there is none. */
export async function previous (database: Reading, { tenant, name }: Pick<Version, 'tenant' | 'name'>, before: number): Promise<Version | null> {
  const [row] = await database.all(query<VersionRow>(`select ${columns} from datasets where tenant = :tenant and name = :name and version < :before and state = 'ready' order by version desc limit 1`, { tenant, name, before }))
  return row === undefined ? null : versionOf(row)
}

/** What was being built when the process ended, the oldest first. */
export async function unfinished (database: Reading): Promise<{ readonly id: string, readonly wanted: Wanted }[]> {
  const rows = await database.all(query<{ id: string, wanted: string }>("select id, wanted from datasets where state = 'building' order by created, version"))
  return rows.map(({ id, wanted }) => ({ id, wanted: JSON.parse(wanted) as Wanted }))
}

/** Takes away what was written of a version, a few rows at a time, so that serving goes on. */
export async function clean (database: Writing, id: string): Promise<void> {
  for (let gone = removedTogether; gone === removedTogether;) {
    [gone = 0] = await database.commit([query('delete from dataset_rows where dataset = :id and position in (select position from dataset_rows where dataset = :id order by position limit :removedTogether)', { id, removedTogether })])
  }
  await database.commit([query('update datasets set disturbed = 0 where id = :id', { id })])
}

export async function fail (database: Writing, id: string, failure: NonNullable<Version['failure']>): Promise<void> {
  await database.commit([query("update datasets set state = 'failed', failure = :failure where id = :id and state = 'building'", { id, failure: JSON.stringify(failure) })])
}

/** What puts rows into a version that is being built. To be committed as one. */
export function placing (dataset: string, rows: readonly Placed[]) {
  const texts = JSON.stringify(rows.map(({ row, body, sha256 }) => [row.owner, sha256, body]))
  const places = JSON.stringify(rows.map(({ row, position, sha256, split }) => [position, row.owner, row.id, split, row.evidence.interaction, row.evidence.other ?? null, sha256]))
  return [
    query(`insert into dataset_texts (owner, sha256, body)
      select value ->> 0, unhex(value ->> 1), value ->> 2 from json_each(:texts) where true on conflict do nothing`, { texts }),
    query(`insert into dataset_rows (dataset, position, owner, row, split, interaction, other, body)
      select :dataset, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
        (select id from dataset_texts where owner = value ->> 1 and sha256 = unhex(value ->> 6))
      from json_each(:places)`, { dataset, places })
  ]
}

/** On which side each owner of a data set is; true: held out. */
export async function sides (database: Reading, { tenant, name }: Pick<Wanted, 'tenant' | 'name'>): Promise<Map<number, boolean>> {
  const rows = await database.all(query<{ owner: number, held: number }>('select owner, held from dataset_people where tenant = :tenant and name = :name', { tenant, name }))
  return new Map(rows.map(({ owner, held }) => [owner, held === 1]))
}

export interface Finished {
  readonly manifest: string
  readonly listed: string
  /** Hex. */
  readonly sha256: string
  readonly drift: Drift | null
  readonly sides: ReadonlyMap<number, boolean>
}

/** Makes a version whole, in one commit. Resolves to false where what it was made of has changed meanwhile: nothing is whole then. */
export async function finish (database: Writing, { id, tenant, name }: Pick<Version, 'id' | 'tenant' | 'name'>, { manifest, listed, sha256, drift, sides }: Finished): Promise<boolean> {
  const [done] = await database.commit([
    query(`update datasets set state = 'ready', manifest = :manifest, listed = :listed, sha256 = unhex(:sha256), drift = :drift
      where id = :id and state = 'building' and disturbed = 0`, { id, manifest, listed, sha256, drift: drift === null ? null : JSON.stringify(drift) }),
    query(`insert into dataset_people (tenant, name, owner, held)
      select :tenant, :name, value ->> 0, value ->> 1 from json_each(:sides) where exists (select 1 from datasets where id = :id and state = 'ready') on conflict do nothing`,
    { id, tenant, name, sides: JSON.stringify([...sides].map(([owner, held]) => [owner, Number(held)])) })
  ])
  return done === 1
}

/** The list of a version's rows, as text; null: it is not whole. */
export async function listOf (database: Reading, id: string): Promise<{ readonly manifest: string, readonly listed: string, readonly sha256: string } | null> {
  const [row] = await database.all(query<{ manifest: string | null, listed: string | null, sha256: string | null }>("select manifest, listed, hex(sha256) as sha256 from datasets where id = :id and state = 'ready'", { id }))
  return row?.manifest == null || row.listed === null || row.sha256 === null ? null : { manifest: row.manifest, listed: row.listed, sha256: row.sha256.toLowerCase() }
}

function versionOf ({ failure, manifest, sha256, drift, ...row }: VersionRow): Version {
  return {
    ...row,
    failure: failure === null ? null : JSON.parse(failure) as Version['failure'],
    manifest: manifest === null ? null : JSON.parse(manifest) as Manifest,
    sha256: sha256 === null ? null : Buffer.from(sha256).toString('hex'),
    drift: drift === null ? null : JSON.parse(drift) as Drift
  }
}
