import { createHash } from 'node:crypto'
import type { Database } from '../database/database.ts'
import { query } from '../database/sql.ts'
import type { Interactions } from '../interactions/interactions.ts'
import type { Memories, Memory, Owner } from '../memory/memories.ts'
import type { People } from './people.ts'
import type { Policies } from './policies.ts'
import type { Portable, PortableFeedback } from './portable.ts'
import { masked } from './secrets/masked.ts'

export interface ImportParts {
  readonly database: Pick<Database, 'all' | 'commit'>
  readonly memories: Pick<Memories, 'restore'>
  readonly interactions: Pick<Interactions, 'record'>
  readonly policies: Pick<Policies, 'change'>
  readonly people: Pick<People, 'enter' | 'write'>
}

/** How many were brought in, and how many were there already. */
export interface Counts { readonly brought: number, readonly there: number }
export interface Imported { readonly memories: Counts, readonly interactions: Counts, readonly feedback: Counts }

/**
 * Brings in what another server kept of a person. What is there already stays
 * as it is, so the same rows may come again. The policy is set when all rows
 * have come. Throws what `rows` throws, with what came before it brought in;
 * `user_erased` when the person is erased meanwhile, and then nothing more is
 * written.
 *
 * @param training data sets may be made of what the rows say they may be made of
 */
export type Import = (owner: Owner, rows: AsyncIterable<Portable>, options: { readonly training: boolean }) => Promise<Imported>

/** Memories of one commit, some 100 ms. */
const together = 200

const mine = '(select id from owners where tenant = :tenant and user = :user)'

export function createImport ({ database, memories, interactions, policies, people }: ImportParts): Import {
  /** The ids, of these, that answers to others have here: the same file may have come in for somebody else. */
  async function taken (owner: Owner, ids: readonly string[]): Promise<Set<string>> {
    const rows = await database.all(query<{ id: string }>(`select id from interactions where id in (select value from json_each(:ids)) and owner is not ${mine}`, { ...owner, ids: JSON.stringify(ids) }))
    return new Set(rows.map(({ id }) => id))
  }

  async function remember (owner: Owner, some: readonly Memory[], signal: AbortSignal): Promise<number> {
    const others = await taken(owner, some.flatMap(({ interaction }) => interaction ?? []))
    return await memories.restore(owner, some.map(memory => memory.interaction !== null && others.has(memory.interaction) ? { ...memory, interaction: renamed(owner, memory.interaction) } : memory), signal)
  }

  async function record (owner: Owner, given: Extract<Portable, { type: 'interaction' }>['interaction'], training: boolean, signal: AbortSignal): Promise<number> {
    const id = (await taken(owner, [given.id])).has(given.id) ? renamed(owner, given.id) : given.id
    if ((await database.all(query('select 1 from interactions where id = :id', { id }))).length > 0) return 0
    await interactions.record({ ...given, id, owner, created: Math.min(given.created, Date.now()), training: given.training && training }, signal)
    return 1
  }

  async function forgotten (owner: Owner, key: string, signal: AbortSignal): Promise<void> {
    await people.write(owner, async () => {
      signal.throwIfAborted()
      await database.commit([
        query('insert into owners (tenant, user) values (:tenant, :user) on conflict do nothing', { ...owner }),
        query(`insert into forgotten_turns (owner, key) values (${mine}, unhex(:key)) on conflict do nothing`, { ...owner, key })
      ])
    })
  }

  /** After the answers that it is on. */
  async function judge (owner: Owner, given: PortableFeedback, signal: AbortSignal): Promise<number> {
    const pair = given.kind === 'preference' ? given.value as { chosen: string, rejected: string, choices?: [number, number] } : null
    const others = await taken(owner, [given.completion, pair?.chosen, pair?.rejected].filter(id => id != null))
    const here = <T extends string | null> (id: T): T | string => id !== null && others.has(id) ? renamed(owner, id) : id
    const value = pair === null ? typeof given.value === 'string' ? masked(given.value).text : given.value : { ...pair, chosen: here(pair.chosen), rejected: here(pair.rejected) }
    return await people.write(owner, async () => {
      signal.throwIfAborted()
      const [there] = await database.all(query<{ owner: number }>(`select owner from feedback where id = :id and owner is not ${mine}`, { ...owner, id: given.id }))
      const changed = await database.commit([
        query('insert into owners (tenant, user) values (:tenant, :user) on conflict do nothing', { ...owner }),
        query(`insert into feedback (id, owner, tenant, completion, choice, session, interaction, rejected, created, kind, value, comment, author)
          select :id, o.id, o.tenant, :completion, :choice, :session, (select seq from interactions where owner = o.id and id = :completion), (select seq from interactions where owner = o.id and id = :rejected), :created, :kind, :value, :comment, :author
          from owners o where o.tenant = :tenant and o.user = :user on conflict do nothing`, {
          ...owner,
          id: there === undefined ? given.id : renamed(owner, given.id),
          completion: here(given.completion),
          choice: given.choice,
          session: given.session,
          rejected: pair === null ? null : here(pair.rejected),
          created: Math.min(given.created, Date.now()),
          kind: given.kind,
          value: JSON.stringify(value),
          comment: given.comment === null ? null : masked(given.comment).text,
          author: given.author
        })
      ])
      return changed[1] ?? 0
    })
  }

  return async (owner, rows, { training }) => {
    const { signal, leave } = await people.enter(owner)
    const counts = { memories: { brought: 0, there: 0 }, interactions: { brought: 0, there: 0 }, feedback: { brought: 0, there: 0 } }
    const count = (kind: keyof typeof counts, all: number, brought: number): void => {
      counts[kind].brought += brought
      counts[kind].there += all - brought
    }
    let waiting: Memory[] = []
    const flush = async (): Promise<void> => {
      const some = waiting
      waiting = []
      if (some.length > 0) count('memories', some.length, await remember(owner, some, signal))
    }
    let policy: Extract<Portable, { type: 'policy' }>['policy'] | null = null
    try {
      for await (const row of rows) {
        if (row.type === 'memory') {
          if (waiting.push(row.memory) === together) await flush()
          continue
        }
        await flush()
        if (row.type === 'policy') policy = row.policy
        else if (row.type === 'forgotten') await forgotten(owner, row.key, signal)
        else if (row.type === 'feedback') count('feedback', 1, await judge(owner, row.feedback, signal))
        else count('interactions', 1, await record(owner, row.interaction, training, signal))
      }
      await flush()
      const last = policy
      if (last !== null) await people.write(owner, async () => { signal.throwIfAborted(); await policies.change(owner, last) })
      return counts
    } finally {
      leave()
    }
  }
}

/** Another id for an answer, or for what was said of one, the same for the same person each time. */
function renamed (owner: Owner, id: string): string {
  return `chatcmpl-${createHash('sha256').update(JSON.stringify([owner.tenant, owner.user, id])).digest('hex').slice(0, 32)}`
}
