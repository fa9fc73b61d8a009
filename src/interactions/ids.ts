import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto'
import type { Database } from '../database/database.ts'
import { sql } from '../database/sql.ts'
import type { Owner } from './interactions.ts'

/** Names answers, and knows again those of which nothing is kept. */
export interface CompletionIds {
  /**
   * A new id. Where nothing is kept of the answer, the id itself says when
   * (`created`, in ms) and, under a key of this server, to whom it was given.
   */
  make (prefix: string, owner: Owner, created: number, kept: boolean): string
  /** When an answer of which nothing is kept was given to this owner, in ms; null: none of this id was. */
  unkept (id: string, owner: Owner): number | null
}

/** The id as far as it is signed, the time in it (ms, base 36), and the first 128 bits of the HMAC, which nobody guesses over a network. */
const signed = /^((?:chat)?cmpl-[0-9a-f-]{36}-([0-9a-z]{1,11}))-([0-9a-f]{32})$/

export async function openCompletionIds (database: Pick<Database, 'all'>): Promise<CompletionIds> {
  const [row] = await database.all(sql.selectFrom('privacy').select('salt').compile())
  // A key of its own: what it signs is never what an erasure's pseudonym is.
  const key = createHmac('sha256', row!.salt).update('completion ids').digest()
  const markOf = (named: string, { tenant, user }: Owner): string => createHmac('sha256', key).update(JSON.stringify([named, tenant, user])).digest('hex').slice(0, 32)

  return {
    make (prefix, owner, created, kept) {
      const id = `${prefix}-${randomUUID()}`
      if (kept) return id
      const named = `${id}-${created.toString(36)}`
      return `${named}-${markOf(named, owner)}`
    },
    unkept (id, owner) {
      const [, named, time, mark] = signed.exec(id) ?? []
      if (named === undefined || time === undefined || mark === undefined) return null
      return timingSafeEqual(Buffer.from(mark), Buffer.from(markOf(named, owner))) ? Number.parseInt(time, 36) : null
    }
  }
}
