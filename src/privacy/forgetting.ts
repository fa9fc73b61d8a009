import type { Database, Query } from '../database/database.ts'
import { query } from '../database/sql.ts'
import type { Memories, Owner } from '../memory/memories.ts'
import { emptyLog } from './erasures.ts'
import type { People } from './people.ts'

export interface ForgettingParts {
  readonly database: Pick<Database, 'all' | 'commit' | 'checkpoint'>
  readonly memories: Pick<Memories, 'forget'>
  readonly people: Pick<People, 'inTurn'>
  /** Makes engines reuse nothing that they have read for the tenant. Left out: nobody reads. */
  readonly unread?: (tenant: string) => void
}

/** Erases memories of a person wherever their words are kept; resolves to how many are gone. */
export type Forget = (owner: Owner, ids: readonly string[]) => Promise<number>

interface Gone { readonly id: string, readonly external_id: string | null, readonly interaction: string | null, readonly text: string }

const mine = '(select id from owners where tenant = :tenant and user = :user)'
/** Units of a memory have its number × this and more, as memory/store.ts numbers them. */
const unitsPerMemory = 1024
/** The white space that clients trim from an answer. */
const blank = 'char(32, 9, 10, 13)'

/**
 * Forgetting takes a memory with what it superseded and what was derived from
 * it; the answers on record in whose conversation its words were said; and the
 * blocks and profiles of prompts that may quote it; and what engines have read
 * of it. A turn leaves its chain key, so that it does not become a memory again
 * when the conversation is sent again.
 */
export function createForgetting ({ people, ...parts }: ForgettingParts): Forget {
  const forget = createForgettingInTurn(parts)
  return async (owner, ids) => await people.inTurn(async () => await forget(owner, ids))
}

/** The same for whoever is in turn already, as whatever turns answers into memories. */
export function createForgettingInTurn ({ database, memories, unread = () => {} }: Omit<ForgettingParts, 'people'>): Forget {
  return async (owner, ids) => {
    const gone = await database.all(query<Gone>(`
      with recursive gone (id) as (
        select value from json_each(:ids)
        union select m.id from memories m join gone g on m.superseded_by = g.id where m.owner = ${mine}
        union select m.id from memories m join gone g on m.source = g.id where m.owner = ${mine})
      select m.id, external_id, interaction, (select group_concat(text, '' order by unit) from memory_units u where u.owner = m.owner and unit between m.number * ${unitsPerMemory} and m.number * ${unitsPerMemory} + ${unitsPerMemory - 1}) as text
      from memories m where owner = ${mine} and id in gone`, { ...owner, ids: JSON.stringify(ids) }))
    if (gone.length === 0) return 0
    const said = gone.filter(({ interaction }) => interaction !== null)
    await database.commit([
      ...unquoting(owner, gone.map(({ id }) => id)),
      ...said.flatMap(({ text }) => unsaying(owner, text)),
      ...said.flatMap(({ external_id: id }) => keysIn(id).map(key => query(`insert into forgotten_turns (owner, key) values (${mine}, unhex(:key)) on conflict do nothing`, { ...owner, key })))
    ])
    const count = await memories.forget(owner, ids)
    unread(owner.tenant)
    await emptyLog(database)
    return count
  }
}

/** The queries that take what quotes these memories out of the prompts on record. A profile does not tell what it quotes. */
export function unquoting (owner: Owner, ids: readonly string[]): Query[] {
  return [
    query(`update interactions set block = null, memories = '[]' where owner = ${mine} and memories <> '[]'
      and exists (select 1 from json_each(memories) q join json_each(:ids) i on i.value = q.value)`, { ...owner, ids: JSON.stringify(ids) }),
    query(`update interactions set profile = null where owner = ${mine} and profile is not null`, { ...owner })
  ]
}

/** The queries that take answers off the record in which these words were said, by whomever. */
function unsaying (owner: Owner, text: string): Query[] {
  const words = { ...owner, text: text.replace(/^[ \t\n\r]+|[ \t\n\r]+$/g, '') }
  return [
    query(`delete from interactions where owner = ${mine} and exists (select 1 from json_each(choices) where trim(value ->> 'content', ${blank}) = :text)`, words),
    query(`delete from interactions where owner = ${mine} and seq in (select interaction from interaction_messages where message in
      (select id from messages where owner = ${mine} and trim(body ->> 'content', ${blank}) = :text))`, words)
  ]
}

/** The chain key in the external id of a captured turn (`SESSION/KEY`). */
function keysIn (externalId: string | null): string[] { return /\/([0-9a-f]{64})$/.exec(externalId ?? '')?.slice(1) ?? [] }
