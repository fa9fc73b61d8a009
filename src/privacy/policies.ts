import type { Database } from '../database/database.ts'
import { type UserPolicyRow, sql } from '../database/sql.ts'
import type { Owner } from '../memory/memories.ts'

/** What a person lets be kept of them. A key's and a request's own can only take from it. */
export interface UserPolicy {
  /** Memories are recalled into prompts. */
  readonly read: boolean
  /** What is said becomes memories. */
  readonly write: boolean
  /** Answers are recorded. */
  readonly store: boolean
  /** Data sets may be made of what is recorded. */
  readonly training: boolean
  /** Days after which all of it goes; null: as long as the server keeps. */
  readonly retentionDays: number | null
}

/** Of somebody who has said nothing: what the key lets be kept. */
export const openPolicy: UserPolicy = Object.freeze({ read: true, write: true, store: true, training: true, retentionDays: null })

export interface Policies {
  of (owner: Owner): Promise<UserPolicy>
  /** What is not said stays as it is. Resolves once it would survive a power cut; every answer that begins later keeps to it. */
  change (owner: Owner, change: Partial<UserPolicy>): Promise<UserPolicy>
  /** The rows of this person are gone. */
  erased (owner: Owner): void
}

/** People whose policies are kept at hand: those of a busy day, in some MB. */
const most = 10_000

/** Read once a person and kept at hand: one process has the folder, so nobody else changes them. */
export function openPolicies (database: Pick<Database, 'all' | 'commit'>): Policies {
  const atHand = new Map<string, Promise<UserPolicy>>()

  function keep (owner: Owner): Promise<UserPolicy> {
    const key = keyOf(owner)
    const policy = read(database, owner)
    atHand.delete(key)
    atHand.set(key, policy)
    policy.catch(() => { if (atHand.get(key) === policy) atHand.delete(key) })
    if (atHand.size > most) atHand.delete(atHand.keys().next().value!)
    return policy
  }

  return {
    of: async owner => owner.user === '' ? openPolicy : await (atHand.get(keyOf(owner)) ?? keep(owner)),
    async change (owner, change) {
      const set = columnsOf(change)
      await database.commit([
        sql.insertInto('owners').values(owner).onConflict(conflict => conflict.doNothing()).compile(),
        sql.insertInto('user_policies').columns(['owner', 'memory_read', 'memory_write', 'store', 'training', 'retention_days'])
          .expression(({ val }) => {
            const { memory_read: read, memory_write: write, store, training, retention_days: days } = { ...columnsOf(openPolicy), ...set } as Omit<UserPolicyRow, 'owner'>
            return sql.selectFrom('owners').select(['id', val(read).as('r'), val(write).as('w'), val(store).as('s'), val(training).as('t'), val(days).as('d')])
              .where('tenant', '=', owner.tenant).where('user', '=', owner.user)
          })
          .onConflict(conflict => Object.keys(set).length === 0 ? conflict.doNothing() : conflict.column('owner').doUpdateSet(set)).compile()
      ])
      return await keep(owner)
    },
    erased: owner => { atHand.delete(keyOf(owner)) }
  }
}

async function read (database: Pick<Database, 'all'>, { tenant, user }: Owner): Promise<UserPolicy> {
  const [row] = await database.all(sql.selectFrom('user_policies').innerJoin('owners', 'owners.id', 'owner').selectAll('user_policies')
    .where('tenant', '=', tenant).where('user', '=', user).compile())
  return row === undefined
    ? openPolicy
    : { read: row.memory_read === 1, write: row.memory_write === 1, store: row.store === 1, training: row.training === 1, retentionDays: row.retention_days }
}

function columnsOf ({ read, write, store, training, retentionDays }: Partial<UserPolicy>): Partial<Omit<UserPolicyRow, 'owner'>> {
  return {
    ...read !== undefined && { memory_read: Number(read) },
    ...write !== undefined && { memory_write: Number(write) },
    ...store !== undefined && { store: Number(store) },
    ...training !== undefined && { training: Number(training) },
    ...retentionDays !== undefined && { retention_days: retentionDays }
  }
}

function keyOf ({ tenant, user }: Owner): string { return JSON.stringify([tenant, user]) }
