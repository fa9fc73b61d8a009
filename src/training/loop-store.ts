import { randomBytes } from 'node:crypto'
import type { CompiledQuery } from 'kysely'
import type { Database } from '../database/database.ts'
import { query } from '../database/sql.ts'
import type { Recorded } from '../datasets/fresh.ts'
import { problem } from '../errors.ts'
import type { LoopSettings, Outcome, Reason, Round } from './loops.ts'

type Reading = Pick<Database, 'all'>

/** A loop as it is kept. */
export interface Kept {
  readonly settings: LoopSettings
  readonly created: number
  /** Until when its cron expression has been looked after. */
  readonly handled: number
}

/** A round as it is kept. */
export interface KeptRound extends Round {
  readonly loop: string
  /** What had been recorded when it began. */
  readonly evidence: Recorded
  /** Rows that the live version had learnt from and that were gone when it began. */
  readonly gone: number
}

/** What a round has come to; what is left out stays. */
export type Reached = Partial<Pick<Round, 'dataset' | 'run' | 'version' | 'canary'>>

interface Row { readonly settings: string, readonly created: number, readonly handled: number }

const columns = 'id, loop, number, reason, began, ended, evidence, gone, dataset, run, version, canary, outcome, words'

export async function loops (database: Reading): Promise<readonly Kept[]> {
  return (await database.all(query<Row>('select settings, created, handled from loops order by created, name'))).map(keptOf)
}

/** Throws `loop_not_found`. */
export async function loop (database: Reading, name: string): Promise<Kept> {
  const [row] = await database.all(query<Row>('select settings, created, handled from loops where name = :name', { name }))
  if (row === undefined) throw problem('loop_not_found', { name }, { param: 'name' })
  return keptOf(row)
}

/** The newest first. */
export async function rounds (database: Reading, loop: string, limit: number): Promise<readonly KeptRound[]> {
  const found = await database.all(query<Omit<KeptRound, 'evidence'> & { readonly evidence: string }>(`select ${columns} from loop_rounds where loop = :loop order by number desc limit :limit`, { loop, limit }))
  return found.map(({ evidence, ...row }) => ({ ...row, evidence: JSON.parse(evidence) as Recorded }))
}

export function written (settings: LoopSettings, now: number): CompiledQuery {
  const { name, tenant } = settings
  return query(`insert into loops (name, tenant, settings, created, handled) values (:name, :tenant, :settings, :now, :now)
    on conflict (name) do update set tenant = excluded.tenant, settings = excluded.settings`, { name, tenant, settings: JSON.stringify(settings), now })
}

export function removed (name: string): CompiledQuery { return query('delete from loops where name = :name', { name }) }

export function handled (name: string, now: number): CompiledQuery { return query('update loops set handled = :now where name = :name', { name, now }) }

export function begun ({ loop, reason, began, evidence, gone }: Pick<KeptRound, 'loop' | 'reason' | 'began' | 'evidence' | 'gone'>): CompiledQuery {
  return query(`insert into loop_rounds (id, loop, number, reason, began, evidence, gone)
    values (:id, :loop, 1 + (select coalesce(max(number), 0) from loop_rounds where loop = :loop), :reason, :began, :evidence, :gone)`,
  { id: `round_${randomBytes(12).toString('hex')}`, loop, reason: reason satisfies Reason, began, evidence: JSON.stringify(evidence), gone })
}

export function reached (id: string, { dataset, run, version, canary }: Reached): CompiledQuery {
  return query('update loop_rounds set dataset = coalesce(:dataset, dataset), run = coalesce(:run, run), version = coalesce(:version, version), canary = coalesce(:canary, canary) where id = :id and ended is null',
    { id, dataset: dataset ?? null, run: run ?? null, version: version ?? null, canary: canary ?? null })
}

/** As if it began now, for that reason: what it had come to is not taken up again. */
export function restarted (id: string, reason: Reason, now: number): CompiledQuery {
  return query('update loop_rounds set began = :now, reason = :reason, dataset = null, run = null, version = null, canary = null where id = :id and ended is null', { id, reason, now })
}

export function ended (id: string, outcome: Outcome, words: string, now: number): CompiledQuery {
  return query('update loop_rounds set ended = :now, outcome = :outcome, words = :words where id = :id and ended is null', { id, outcome, words, now })
}

function keptOf ({ settings, ...row }: Row): Kept { return { ...row, settings: JSON.parse(settings) as LoopSettings } }
