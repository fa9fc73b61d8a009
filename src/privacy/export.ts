import type { Database } from '../database/database.ts'
import { query, sql } from '../database/sql.ts'
import type { Interactions } from '../interactions/interactions.ts'
import type { Memory, Owner } from '../memory/memories.ts'
import type { People } from './people.ts'
import type { Policies } from './policies.ts'
import type { Portable, PortableFeedback } from './portable.ts'

export interface ExportParts {
  readonly database: Pick<Database, 'all'>
  readonly interactions: Pick<Interactions, 'since'>
  readonly policies: Pick<Policies, 'of'>
  readonly people: Pick<People, 'enter'>
}

/** All that is kept of a person, in the order in which it comes into another server. Throws `user_erased` when they are erased meanwhile. */
export type Export = (owner: Owner) => AsyncGenerator<Portable, void, undefined>

/** Read at once: some hundred KB of memories, and of conversations some MB at most. */
const memoriesTogether = 200
const interactionsTogether = 8
const feedbackTogether = 50

const mine = '(select id from owners where tenant = :tenant and user = :user)'
/** Units of a memory have its number × this and more, as memory/store.ts numbers them. */
const unitsPerMemory = 1024

/**
 * Memories are listed in one read, so that they are those of one moment however
 * slowly they are taken; their texts, which never change under a number, follow.
 */
export function createExport ({ database, interactions, policies, people }: ExportParts): Export {
  async function * all (owner: Owner): AsyncGenerator<Portable, void, undefined> {
    // Before the memories: what is captured in between is told twice rather than never.
    const [captured] = await database.all(sql.selectFrom('capture').select('seq').compile())
    yield { type: 'policy', policy: await policies.of(owner) }
    yield * memories(owner)
    const forgotten = await database.all(query<{ key: string }>(`select lower(hex(key)) as key from forgotten_turns where owner = ${mine} order by key`, { ...owner }))
    for (const { key } of forgotten) yield { type: 'forgotten', key }
    for (let seq = 0, more = true; more;) {
      const page = await interactions.since(seq, interactionsTogether, owner)
      for (const { owner: _, seq: place, keys, answerKey, ...interaction } of page) {
        seq = place
        yield { type: 'interaction', interaction: { ...interaction, remember: interaction.remember && place > (captured?.seq ?? 0) } }
      }
      more = page.length === interactionsTogether
    }
    for (let seq = 0, more = true; more;) {
      const page = await database.all(query<Omit<PortableFeedback, 'value'> & { value: string, seq: number }>(`select seq, id, created, completion, choice, session, kind, value, comment, author
        from feedback where owner = ${mine} and seq > :seq order by seq limit :limit`, { ...owner, seq, limit: feedbackTogether }))
      for (const { seq: place, value, ...feedback } of page) {
        seq = place
        yield { type: 'feedback', feedback: { ...feedback, value: JSON.parse(value) as PortableFeedback['value'] } }
      }
      more = page.length === feedbackTogether
    }
  }

  async function * memories (owner: Owner): AsyncGenerator<Portable, void, undefined> {
    const heads = await database.all(query<Omit<Memory, 'text'> & { number: number }>(`select number, id, kind, session, position, role, speaker, at, recorded_at as recordedAt,
      ended_at as endedAt, superseded_by as supersededBy, external_id as externalId, interaction, source from memories where owner = ${mine} order by number`, { ...owner }))
    for (let i = 0; i < heads.length; i += memoriesTogether) {
      const some = heads.slice(i, i + memoriesTogether)
      const texts = new Map((await database.all(query<{ number: number, text: string }>(`select unit / ${unitsPerMemory} as number, group_concat(text, '' order by unit) as text
        from memory_units where owner = ${mine} and unit between :from * ${unitsPerMemory} and :to * ${unitsPerMemory} + ${unitsPerMemory - 1} group by 1`,
      { ...owner, from: some[0]!.number, to: some.at(-1)!.number }))).map(({ number, text }) => [number, text]))
      for (const { number, ...head } of some) {
        const text = texts.get(number)
        // Forgotten since it was listed.
        if (text !== undefined) yield { type: 'memory', memory: { ...head, text } }
      }
    }
  }

  return async function * (owner) {
    const present = await people.enter(owner)
    try {
      for await (const row of all(owner)) {
        present.signal.throwIfAborted()
        yield row
      }
      present.signal.throwIfAborted()
    } finally {
      present.leave()
    }
  }
}
