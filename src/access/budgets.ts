import type { CompiledQuery } from 'kysely'
import type { Database } from '../database/database.ts'
import { sql } from '../database/sql.ts'
import { problem } from '../errors.ts'
import type { Caller } from './caller.ts'

/** Tokens a day, per key; days are those of UTC. */
export interface Budgets {
  /** Throws `token_budget_exceeded` once the day's tokens are used up. */
  check (caller: Caller): void
  spend (caller: Caller, tokens: number): void
  close (): Promise<void>
}

/**
 * The sums are kept in memory and written as they stand, a few seconds late:
 * one write for many answers, and writing the same sum twice does no harm. A
 * kill -9 forgets the last two seconds. Only the server counts, and only one
 * server has the folder, so nobody else changes a sum. Keys without a budget
 * are not counted.
 */
export async function openBudgets (database: Database, now: () => number): Promise<Budgets> {
  let day = dayOf(now())
  // Past days decide nothing; without this the table would grow for ever.
  await database.commit([sql.deleteFrom('key_usage').where('day', '<', day).compile()])
  const rows = await database.all(sql.selectFrom('key_usage').select(['key_id', 'tokens']).where('day', '=', day).compile())
  let spent = new Map(rows.map(row => [row.key_id, row.tokens]))
  let unwritten = new Set<string>()
  let timer: NodeJS.Timeout | null = null

  async function write (): Promise<void> {
    if (timer !== null) clearTimeout(timer)
    timer = null
    if (unwritten.size === 0) return
    const written = unwritten
    unwritten = new Set()
    try {
      await database.commit([...written].map(id => sumOf(id, day, spent.get(id) ?? 0)))
    } catch (thrown) {
      for (const id of written) unwritten.add(id)
      throw thrown
    }
  }

  /** The disk may have room again by the next time; until then memory knows the sums. */
  function writeSoon (): void {
    timer ??= setTimeout(() => { write().catch(writeSoon) }, writeAfter).unref()
  }

  function turnDay (): void {
    const today = dayOf(now())
    if (today === day) return
    // What is not written of the day that ended will never be asked for.
    day = today
    spent = new Map()
    unwritten = new Set()
  }

  return {
    check ({ keyId, tokensPerDay: limit }) {
      if (keyId === null || limit === null) return
      turnDay()
      if ((spent.get(keyId) ?? 0) < limit) return
      const seconds = Math.ceil((dayLength - now() % dayLength) / 1000)
      throw problem('token_budget_exceeded', { limit, seconds }, { retryAfter: seconds })
    },
    spend ({ keyId, tokensPerDay }, tokens) {
      if (keyId === null || tokensPerDay === null || tokens === 0) return
      turnDay()
      spent.set(keyId, (spent.get(keyId) ?? 0) + tokens)
      unwritten.add(keyId)
      writeSoon()
    },
    close: write
  }
}

const dayLength = 86_400_000
/** ms; the most a kill -9 makes forget. */
const writeAfter = 2000

function dayOf (time: number): string { return new Date(time).toISOString().slice(0, 10) }

function sumOf (id: string, day: string, tokens: number): CompiledQuery {
  return sql.insertInto('key_usage').values({ key_id: id, day, tokens })
    .onConflict(conflict => conflict.columns(['key_id', 'day']).doUpdateSet({ tokens })).compile()
}
