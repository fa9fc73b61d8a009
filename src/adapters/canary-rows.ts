import type { CompiledQuery } from 'kysely'
import type { Database } from '../database/database.ts'
import { query } from '../database/sql.ts'
import type { Canary, CanaryEnd } from './adapters.ts'

/** The canaries that are under way, by the adapter's name. */
export async function readCanaries (database: Pick<Database, 'all'>): Promise<Map<string, Canary>> {
  const rows = await database.all(query<{ adapter: string, id: string, version: number, percent: number }>('select adapter, id, candidate as version, percent from canaries where ended is null'))
  return new Map(rows.map(({ adapter, ...canary }) => [adapter, canary]))
}

/** `live`: what all others get. */
export function insertCanary (adapter: string, { id, version, percent }: Canary, live: number, plan: object): CompiledQuery {
  return query('insert into canaries (id, adapter, candidate, live, percent, began, plan) values (:id, :adapter, :version, :live, :percent, :now, :plan)',
    { id, adapter, version, live, percent, now: Date.now(), plan: JSON.stringify(plan) })
}

export function endCanary ({ id }: Canary, { outcome, words }: CanaryEnd): CompiledQuery {
  return query('update canaries set ended = :now, outcome = :outcome, words = :words where id = :id and ended is null', { id, outcome, words, now: Date.now() })
}
