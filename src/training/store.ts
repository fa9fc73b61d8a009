import { randomBytes } from 'node:crypto'
import type { Database } from '../database/database.ts'
import { query } from '../database/sql.ts'
import { problem } from '../errors.ts'
import type { Measured } from './measured.ts'
import type { Estimate, LossPoint, Method, Run, Stage, Wanted } from './training.ts'
import type { Verdict } from './verdict.ts'

export type Reading = Pick<Database, 'all'>
export type Writing = Pick<Database, 'commit'>

/** A run as it is kept; what only a running process knows (`progress`) is not. */
export interface Kept extends Omit<Run, 'progress' | 'erased'> {
  /** Rows of its data set that were gone when its job was written. */
  readonly gone: number
}

interface Row {
  readonly id: string
  readonly erased: number
  readonly wanted: string
  readonly created: number
  readonly ended: number | null
  readonly stage: Stage
  readonly method: Method | null
  readonly estimate: string | null
  readonly took: string
  readonly failure: string | null
  readonly verdict: string | null
  readonly version: number | null
  readonly digest: Uint8Array | null
}

/** All but the losses and what was measured, which are long. */
const columns = 'id, erased, wanted, created, ended, stage, method, estimate, took, failure, verdict, version, digest'

export async function begin (database: Reading & Writing, wanted: Wanted, base: string, now: number): Promise<Kept> {
  const id = `run_${randomBytes(12).toString('hex')}`
  await database.commit([query(`insert into training_runs (id, tenant, dataset, wanted, created, stage, base)
    values (:id, :tenant, :dataset, :wanted, :now, 'waiting', unhex(:base))`,
  { id, tenant: wanted.tenant, dataset: wanted.dataset, wanted: JSON.stringify(wanted), now, base })])
  return await find(database, id)
}

export async function find (database: Reading, id: string): Promise<Kept> {
  const [row] = await database.all(query<Row>(`select ${columns} from training_runs where id = :id`, { id }))
  if (row === undefined) throw problem('training_not_found', { id })
  return keptOf(row)
}

export async function list (database: Reading, tenant: string | null): Promise<readonly Kept[]> {
  return (await database.all(query<Row>(`select ${columns} from training_runs where coalesce(:tenant, tenant) = tenant order by created desc, id`, { tenant }))).map(keptOf)
}

/** What waited or was under way when the process ended, the oldest first. */
export async function unfinished (database: Reading): Promise<readonly Kept[]> {
  return (await database.all(query<Row>(`select ${columns} from training_runs where ended is null order by created, id`))).map(keptOf)
}

/** The newest whole run whose adapter has this digest; null: none was trained here. */
export async function trainedAs (database: Reading, digest: string): Promise<Kept | null> {
  const [row] = await database.all(query<Row>(`select ${columns} from training_runs where digest = unhex(:digest) and wanted ->> 'candidate' is null and stage = 'done' order by created desc limit 1`, { digest }))
  return row === undefined ? null : keptOf(row)
}

/**
 * Trained runs whose weights nobody needs any more: no registered version of an
 * adapter is made of them, none that is under way goes on from them, and so many
 * newer ones are done that nobody will bring them in by hand.
 */
export async function spent (database: Reading, newer: number): Promise<readonly string[]> {
  const rows = await database.all(query<{ id: string }>(`with done as (select id, digest, row_number() over (order by created desc, id) as place from training_runs where stage = 'done' and wanted ->> 'candidate' is null)
    select id from done where place > :newer
      and not exists (select 1 from adapter_versions v where unhex(v.digest) = done.digest and v.removed_at is null)
      and not exists (select 1 from training_runs next where next.ended is null and next.wanted ->> 'parent' = done.id)`, { newer }))
  return rows.map(({ id }) => id)
}

export async function losses (database: Reading, id: string): Promise<readonly LossPoint[]> {
  const [row] = await database.all(query<{ losses: string }>('select losses from training_runs where id = :id', { id }))
  return JSON.parse(row?.losses ?? '[]') as LossPoint[]
}

/** Throws `training_not_done`. */
export async function measured (database: Reading, id: string): Promise<Measured> {
  const { stage } = await find(database, id)
  const [row] = await database.all(query<{ measured: string | null }>('select measured from training_runs where id = :id', { id }))
  if (row?.measured == null) throw problem('training_not_done', { id, stage })
  return JSON.parse(row.measured) as Measured
}

/** Training tokens a second of runs on this base that were whole, the newest first. */
export async function rates (database: Reading, base: string): Promise<readonly { readonly trainRate: number, readonly method: Method }[]> {
  return await database.all(query<{ trainRate: number, method: Method }>("select train_rate as trainRate, method from training_runs where base = unhex(:base) and train_rate is not null and stage = 'done' order by created desc limit 10", { base }))
}

/** Seconds that evaluating a held-out row took in the newest whole run on this base; null: there is none. */
export async function pace (database: Reading, base: string): Promise<number | null> {
  const [row] = await database.all(query<{ pace: number }>("select (took ->> 'evaluating') / max(1, measured ->> 'rows') / 1000.0 as pace from training_runs where base = unhex(:base) and stage = 'done' and took ->> 'evaluating' is not null order by created desc limit 1", { base }))
  return row?.pace ?? null
}

export interface Change {
  readonly gone?: number
  readonly estimate?: Estimate
  readonly stage?: Stage
  readonly method?: Method | null
  readonly took?: Run['took']
  readonly losses?: readonly LossPoint[]
  readonly rate?: number | null
}

/** Writes down how far an unfinished run is. */
export async function advance (database: Writing, id: string, { gone, estimate, stage, method, took, losses, rate }: Change): Promise<void> {
  await database.commit([query(`update training_runs set erased = coalesce(:gone, erased), estimate = coalesce(:estimate, estimate), stage = coalesce(:stage, stage), method = coalesce(:method, method), took = coalesce(:took, took),
    losses = coalesce(:losses, losses), train_rate = coalesce(:rate, train_rate) where id = :id and ended is null`,
  { id, gone: gone ?? null, estimate: estimate === undefined ? null : JSON.stringify(estimate), stage: stage ?? null, method: method ?? null, took: took === undefined ? null : JSON.stringify(took), losses: losses === undefined ? null : JSON.stringify(losses), rate: rate ?? null })])
}

/** How a run ended. `digest`: hex. */
export type Ending =
  | { readonly stage: 'done', readonly measured: Measured, readonly verdict: Verdict, readonly version: number | null, readonly digest: string }
  | { readonly stage: 'failed', readonly failure: NonNullable<Run['failure']> }
  | { readonly stage: 'cancelled' }

export async function end (database: Writing, id: string, ending: Ending, now: number): Promise<void> {
  const done = ending.stage === 'done' ? ending : null
  await database.commit([query(`update training_runs set stage = :stage, ended = :now, failure = :failure, measured = :measured, verdict = :verdict, version = :version, digest = unhex(:digest)
    where id = :id and ended is null`, {
    id,
    stage: ending.stage,
    now,
    failure: ending.stage === 'failed' ? JSON.stringify(ending.failure) : null,
    measured: done === null ? null : JSON.stringify(done.measured),
    verdict: done === null ? null : JSON.stringify(done.verdict),
    version: done?.version ?? null,
    digest: done?.digest ?? null
  })])
}

function keptOf ({ id, erased, wanted, created, ended, stage, method, estimate, took, failure, verdict, version, digest }: Row): Kept {
  const asked = JSON.parse(wanted) as Wanted
  return {
    id,
    gone: erased,
    wanted: asked,
    method,
    created,
    ended,
    stage,
    estimate: JSON.parse(estimate ?? 'null') as Estimate | null,
    took: JSON.parse(took) as Run['took'],
    failure: JSON.parse(failure ?? 'null') as Run['failure'],
    verdict: JSON.parse(verdict ?? 'null') as Verdict | null,
    adapter: version === null ? null : { name: asked.name, version },
    digest: digest === null ? null : Buffer.from(digest).toString('hex')
  }
}
