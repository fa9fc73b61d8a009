import { randomUUID } from 'node:crypto'
import type { Database } from '../database/database.ts'
import { among, sql } from '../database/sql.ts'
import type { Message } from '../inference/engine.ts'
import { type Chain, chainOf, hex } from './chain.ts'
import type { Opened, Owner } from './interactions.ts'
import { type Recorded, keptOf } from './kept.ts'
import { ownerId } from './rows.ts'

/** How long (in ms) the same first question counts as asked again, and not as the start of a new conversation. */
const repeatedWithin = 30 * 60_000

/** `Interactions.open`, at the time `now` (ms). */
export async function openConversation (database: Database, owner: Owner, named: string | null, messages: readonly Message[], now: number): Promise<Opened> {
  const chain = chainOf(messages)
  const session = named ?? await continued(database, owner, chain, messages) ?? await repeated(database, owner, chain, now) ?? randomUUID()
  const rows = await recorded(database, owner, session, chain)
  const kept = keptOf(rows, chain.keys, messages)
  const [first] = kept.values()
  return {
    session,
    kept,
    quoted: new Set([...kept.values()].flatMap(({ memories }) => memories)),
    profile: first?.profile,
    repeats: rows.findLast(({ asked }) => chain.tip.equals(asked))?.id ?? null
  }
}

/** The session of the latest answer that is both in the conversation and on record; the newest, where several gave it. */
async function continued (database: Database, owner: Owner, { keys }: Chain, messages: readonly Message[]): Promise<string | null> {
  const answers = keys.filter((key, i): key is Buffer => key !== null && messages[i]?.role === 'assistant')
  if (answers.length === 0) return null
  const rows = await database.all(sql.selectFrom('interactions')
    .select(({ fn }) => ['answered', 'session', fn.max('seq').as('seq')])
    .where('owner', '=', ownerId(owner)).where('answered', 'in', among(answers))
    .groupBy(['answered', 'session']).compile())
  const places = new Map(answers.map((key, place) => [hex(key), place]))
  const ranked = rows.map(({ answered, session, seq }) => ({ session, seq, place: places.get(hex(answered!))! }))
  return ranked.sort((a, b) => b.place - a.place || b.seq - a.seq)[0]?.session ?? null
}

/**
 * The session of the same question, when it was the last thing asked there.
 * Where nobody is named, two may ask the same, and each begins their own.
 */
async function repeated (database: Database, owner: Owner, { keys, tip }: Chain, now: number): Promise<string | null> {
  if (owner.user === '' || keys.every(key => key === null)) return null
  const [last] = await database.all(sql.selectFrom('interactions').select(['session', 'seq', 'created'])
    .where('owner', '=', ownerId(owner)).where('asked', '=', tip).orderBy('seq', 'desc').limit(1).compile())
  if (last === undefined || last.created < now - repeatedWithin) return null
  const [newest] = await database.all(sql.selectFrom('interactions').select(({ fn }) => fn.max('seq').as('seq'))
    .where('owner', '=', ownerId(owner)).where('session', '=', last.session).compile())
  return newest?.seq === last.seq ? last.session : null
}

/** The session's interactions that this conversation has come through, or has left by an edit or another answer; from the oldest to the newest. */
async function recorded (database: Database, owner: Owner, session: string, { keys }: Chain): Promise<(Recorded & { readonly seq: number, readonly id: string })[]> {
  // Sorted here: told to sort, SQLite would walk through all of the owner's.
  const rows = await database.all(sql.selectFrom('interactions').select(['seq', 'id', 'asked', 'answered', 'block', 'profile', 'memories'])
    .where('owner', '=', ownerId(owner)).where('session', '=', session).where('asked', 'in', among(keys.filter(key => key !== null))).compile())
  return rows.map(row => ({ ...row, memories: JSON.parse(row.memories) as string[] })).sort((a, b) => a.seq - b.seq)
}
