import { createHmac } from 'node:crypto'
import { among, query, sql } from '../database/sql.ts'
import type { Message } from '../inference/engine.ts'
import type { Interaction } from '../interactions/interactions.ts'
import { assembled, keptOf, type Recorded } from '../interactions/kept.ts'
import { conversations, interactionOf } from '../interactions/rows.ts'
import type { Manifest } from './datasets.ts'
import { evident, type Judged, type Word } from './evidence.ts'
import type { Tally } from './pipeline.ts'
import type { Row } from './row.ts'
import { together } from './spill.ts'
import type { Reading } from './store.ts'

/** What had been recorded at a moment: the last of each. */
export type Horizon = Manifest['evidence']

/** Feedback that can make a row. */
const telling = ['thumb', 'rating', 'correction', 'preference']
/** For a query: the same, as JSON. */
const kinds = JSON.stringify(telling)

export const consent = 'Answers that were recorded with leave to train on them, of people who are named and have not taken it back.'

export async function horizonOf (database: Reading): Promise<Horizon> {
  const [row] = await database.all(query<Horizon>(`select (select coalesce(max(seq), 0) from interactions) as interactions,
    (select coalesce(max(seq), 0) from feedback) as feedback, (select coalesce(max(seq), 0) from reviews) as reviews`))
  return row!
}

/**
 * The rows that a tenant's evidence makes, in the order of the answers, some at
 * a time; what makes none is counted. Prompts are what the model was sent: the
 * record holds the conversation as the caller sent it, and blocks and profile
 * are put back where they stood.
 */
export async function * gather (database: Reading, tenant: string, horizon: Horizon, tally: Tally): AsyncGenerator<Row[]> {
  const pseudonym = await pseudonyms(database, tenant)
  const refusing = new Set((await database.all(query<{ owner: number }>('select owner from user_policies where training = 0'))).map(({ owner }) => owner))
  const forgotten = await forgottenBy(database, tenant)
  await countUnused(database, tenant, horizon, tally)
  for (let after = 0; ;) {
    const rows = await database.all(answersAfter(tenant, after, horizon).compile())
    if (rows.length === 0) return
    after = rows.at(-1)!.seq
    const interactions = new Map(rows.map(row => [row.seq, row]))
    const words = Map.groupBy(await wordsOn(database, [...interactions.keys()], horizon), ({ on }) => on)
    const reviews = new Map((await reviewsOn(database, [...interactions.keys()], horizon)).map(review => [review.interaction, review]))
    const others = await othersOf(database, [...words.values()].flat())
    const gathered: Row[] = []
    for (const row of rows) {
      tally.saw()
      const interaction = interactionOf(row)
      const holdsForgotten = ({ keys, answerKey }: Interaction): boolean => [...keys, answerKey].some(key => key !== null && forgotten.get(row.owner)?.has(key) === true)
      const refusal = refusalOf(interaction, refusing.has(row.owner)) ?? (holdsForgotten(interaction) ? 'it holds what its person has forgotten' : null)
      if (refusal !== null) {
        tally.drop(refusal, interaction.id)
        continue
      }
      const usable = (id: string): Interaction | null => {
        const other = others.get(id) ?? null
        return other?.training === true && other.owner.user === interaction.owner.user && !holdsForgotten(other) ? other : null
      }
      const judged: Judged = {
        interaction,
        owner: row.owner,
        group: pseudonym(row.owner),
        ...await promptOf(database, row.owner, interaction),
        said: words.get(row.seq) ?? [],
        review: reviews.get(row.seq) ?? null,
        other: usable
      }
      const { rows: made, dropped } = evident(judged)
      gathered.push(...made)
      for (const reason of dropped) tally.drop(reason, interaction.id)
    }
    if (gathered.length > 0) yield gathered
  }
}

/** A secret of the tenant's for one purpose: the pseudonyms of erasures, and those of other tenants, are other ones. */
export async function keyOf (database: Reading, tenant: string, purpose: 'people' | 'redaction'): Promise<Buffer> {
  const [row] = await database.all(sql.selectFrom('privacy').select('salt').compile())
  return createHmac('sha256', row!.salt).update(`data sets: ${purpose}\n${tenant}`).digest()
}

/** A person under a name that is theirs in this tenant's data sets only. By the owner's id, which is never given twice: who comes back after an erasure is somebody else. */
async function pseudonyms (database: Reading, tenant: string): Promise<(owner: number) => string> {
  const key = await keyOf(database, tenant, 'people')
  return owner => createHmac('sha256', key).update(String(owner)).digest('hex').slice(0, 32)
}

/** Answers that somebody has judged, with their conversations. */
function answersAfter (tenant: string, after: number, horizon: Horizon) {
  return conversations.where('interactions.tenant', '=', tenant).where('owners.tenant', '=', tenant)
    .where('interactions.seq', '>', after).where('interactions.seq', '<=', horizon.interactions)
    .where(({ exists, or, selectFrom }) => or([
      exists(selectFrom('feedback').select('feedback.seq').whereRef('feedback.interaction', '=', 'interactions.seq').where('feedback.kind', 'in', telling).where('feedback.seq', '<=', horizon.feedback)),
      exists(selectFrom('reviews').select('reviews.seq').whereRef('reviews.interaction', '=', 'interactions.seq').where('reviews.seq', '<=', horizon.reviews))
    ]))
    .orderBy('interactions.seq').limit(together)
}

/** What is not looked at: answers that nobody judged, and words on what is not on record. */
async function countUnused (database: Reading, tenant: string, horizon: Horizon, tally: Tally): Promise<void> {
  const [counts] = await database.all(query<{ unrated: number, unstored: number, sessions: number }>(`select
    (select count(*) from interactions i where i.tenant = :tenant and i.seq <= :interactions
      and not exists (select 1 from feedback f where f.interaction = i.seq and f.kind in (select value from json_each(:kinds)) and f.seq <= :feedback)
      and not exists (select 1 from reviews r where r.interaction = i.seq and r.seq <= :reviews)) as unrated,
    (select count(*) from feedback where tenant = :tenant and seq <= :feedback and interaction is null and completion is not null) as unstored,
    (select count(*) from feedback where tenant = :tenant and seq <= :feedback and completion is null) as sessions`, { tenant, kinds, ...horizon }))
  const unused = { 'nobody judged it': counts!.unrated, 'the answer is not on record': counts!.unstored, 'a word on a whole session': counts!.sessions }
  for (const [reason, count] of Object.entries(unused)) {
    if (count === 0) continue
    tally.saw(count)
    tally.drop(reason, null, count)
  }
}

/** Why nothing may be made of it; null: it may. */
function refusalOf ({ owner, training }: Interaction, refused: boolean): string | null {
  if (owner.user === '') return 'nobody is named, so nobody could take it back'
  if (!training) return 'no leave to train on it'
  return refused ? 'its person has taken back their leave' : null
}

/** What people of the tenant have forgotten, as chain keys (hex), by whose it is: a client that sends it again brings it onto the record again, but not into what is learnt. */
async function forgottenBy (database: Reading, tenant: string): Promise<ReadonlyMap<number, ReadonlySet<string>>> {
  const turns = await database.all(query<{ owner: number, key: string }>('select owner, lower(hex(key)) as key from forgotten_turns where owner in (select id from owners where tenant = :tenant)', { tenant }))
  return new Map([...Map.groupBy(turns, ({ owner }) => owner)].map(([owner, own]) => [owner, new Set(own.map(({ key }) => key))]))
}

/** Words on these answers, and the preferences that reject one of them: a later one may be the other way round. */
async function wordsOn (database: Reading, seqs: readonly number[], horizon: Horizon): Promise<(Word & { readonly on: number })[]> {
  const rows = await database.all(query<{ on: number, id: string, choice: number, kind: string, value: string, author: string | null }>(`
    select interaction as "on", id, choice, kind, value, author, seq from feedback where interaction in (select value from json_each(:seqs)) and kind in (select value from json_each(:kinds)) and seq <= :feedback
    union
    select rejected as "on", id, choice, kind, value, author, seq from feedback where rejected in (select value from json_each(:seqs)) and kind = 'preference' and seq <= :feedback
    order by seq`, { seqs: JSON.stringify(seqs), kinds, feedback: horizon.feedback }))
  // What was recorded is of a kind with its value.
  return rows.map(({ on, id, choice, kind, value, author }) => ({ on, id, choice, kind, value: JSON.parse(value), author }) as Word & { on: number })
}

/** The latest review of each. */
async function reviewsOn (database: Reading, seqs: readonly number[], horizon: Horizon) {
  return await database.all(query<{ interaction: number, id: string, verdict: 'approved' | 'edited' | 'rejected', answer: string | null }>(`
    select interaction, id, verdict, answer from reviews r where interaction in (select value from json_each(:seqs))
      and seq = (select max(seq) from reviews where interaction = r.interaction and seq <= :reviews)`, { seqs: JSON.stringify(seqs), reviews: horizon.reviews }))
}

/** The other answers of preferences, by id. */
async function othersOf (database: Reading, words: readonly Word[]): Promise<Map<string, Interaction>> {
  const ids = words.flatMap(({ kind, value }) => kind === 'preference' ? [value.rejected] : [])
  if (ids.length === 0) return new Map()
  const rows = await database.all(conversations.where('interactions.id', 'in', ids).compile())
  return new Map(rows.map(row => [row.id, interactionOf(row)]))
}

/** The conversation as the model was sent it. */
async function promptOf (database: Reading, owner: number, interaction: Interaction): Promise<{ prompt: Message[], quoted: string }> {
  const { messages, block, profile } = interaction
  const newest = messages.findLastIndex(({ role }) => role === 'user')
  const blocks = new Map<number, string | null>()
  const first = messages.findIndex(({ role }) => role === 'user')
  if (first !== newest) {
    const before = await recorded(database, owner, interaction)
    const kept = keptOf(before, interaction.keys.map(key => key === null ? null : Buffer.from(key, 'hex')), messages)
    const [begun] = kept.values()
    // The frame stays the same for a session: another one tells that this answer was to be without memory.
    if (begun === undefined || begun.profile === profile) for (const [index, { block }] of kept) blocks.set(index, block)
  }
  blocks.set(newest, block)
  const quoted = [profile, ...blocks.values()].filter(frame => frame !== null).join('\n')
  return { prompt: assembled(messages, blocks, profile), quoted }
}

/** What had been recorded of the conversation when this was answered. */
async function recorded (database: Reading, owner: number, { session, seq, keys }: Interaction): Promise<Recorded[]> {
  const rows = await database.all(sql.selectFrom('interactions').select(['seq', 'asked', 'answered', 'block', 'profile', 'memories'])
    .where('owner', '=', owner).where('session', '=', session).where('seq', '<', seq)
    .where('asked', 'in', among(keys.flatMap(key => key === null ? [] : [Buffer.from(key, 'hex')]))).compile())
  return rows.map(row => ({ ...row, memories: JSON.parse(row.memories) as string[] })).sort((a, b) => a.seq - b.seq)
}
