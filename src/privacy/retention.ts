import type { Database } from '../database/database.ts'
import { query } from '../database/sql.ts'
import type { Memories, Owner } from '../memory/memories.ts'
import { leaveNoTrace } from './erasures.ts'
import { unquoting } from './forgetting.ts'

export interface RetentionParts {
  readonly database: Pick<Database, 'all' | 'commit' | 'checkpoint' | 'rewrite'>
  readonly memories: Pick<Memories, 'forget'>
  /** Days that the server keeps anything of a tenant's; null: for ever. */
  readonly retentionOf: (tenant: string) => number | null
  /** Makes engines reuse nothing that they have read for the tenant. Left out: nobody reads. */
  readonly unread?: (tenant: string) => void
  /** For what an operator must know: constant message and fields, never text. */
  readonly log: (message: string, fields: Readonly<Record<string, unknown>>) => void
}

export interface Retention {
  /** Resolves when all that is older than it may be at `now` (ms) is gone, without a trace. */
  sweep (now: number): Promise<void>
  /** Sweeps now and every hour. */
  start (): void
  /** Ends after the batch it is at. */
  close (): Promise<void>
}

const hour = 3_600_000
const day = 24 * hour
/** Some 20 ms of a commit, as in owned.ts. */
const interactionsTogether = 50
const memoriesTogether = 100
const feedbackTogether = 2_000

/** What was recorded longer ago than its person, their tenant or the server keeps goes; the shortest of them holds. */
export function createRetention ({ database, memories, retentionOf, unread = () => {}, log }: RetentionParts): Retention {
  const state: { timer: NodeJS.Timeout | null, sweeping: Promise<void>, closed: boolean } = { timer: null, sweeping: Promise.resolve(), closed: false }

  async function sweep (now: number): Promise<void> {
    const owners = await database.all(query<Owner & { id: number, days: number | null }>(`
      select o.id, tenant, user, retention_days as days from owners o left join user_policies p on p.owner = o.id where tenant <> ''`))
    let gone = 0
    for (const { id, tenant, user, days } of owners) {
      const shortest = Math.min(days ?? Infinity, retentionOf(tenant) ?? Infinity)
      if (!Number.isFinite(shortest)) continue
      const old = await swept({ tenant, user }, id, now - shortest * day)
      if (old > 0) unread(tenant)
      gone += old
    }
    if (gone > 0) await leaveNoTrace(database)
  }

  async function swept (owner: Owner, id: number, before: number): Promise<number> {
    let all = 0
    // What was said of an answer goes with it; what is left is on answers that were never kept.
    for (const [table, limit] of [['interactions', interactionsTogether], ['feedback', feedbackTogether]] as const) {
      for (let gone: number = limit; gone === limit && !state.closed; all += gone) {
        [gone = 0] = await database.commit([query(`delete from ${table} where seq in (select seq from ${table} where owner = :id and created < :before order by seq limit :limit)`, { id, before, limit })])
      }
    }
    while (!state.closed) {
      const old = await database.all(query<{ id: string }>('select id from memories where owner = :id and recorded_at < :before order by number limit :limit', { id, before, limit: memoriesTogether }))
      if (old.length === 0) break
      const ids = old.map(({ id }) => id)
      await database.commit(unquoting(owner, ids))
      all += await memories.forget(owner, ids)
    }
    return all
  }

  function start (): void {
    state.sweeping = sweep(Date.now())
      .catch((error: unknown) => { log('what is too old to be kept could not be erased, and will be tried again', { error: error instanceof Error && 'code' in error ? error.code : String(error) }) })
      .finally(() => { if (!state.closed) state.timer = setTimeout(start, hour).unref() })
  }

  return {
    sweep,
    start,
    close: async () => {
      state.closed = true
      if (state.timer !== null) clearTimeout(state.timer)
      await state.sweeping
    }
  }
}
