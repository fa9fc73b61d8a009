import type { Database } from '../database/database.ts'
import { sql } from '../database/sql.ts'
import { problem } from '../errors.ts'
import { openConversation } from './conversation.ts'
import type { Interactions, Page, Reach } from './interactions.ts'
import { recording } from './recording.ts'
import { completionOf, completions, conversations, interactionOf, within } from './rows.ts'

/** The record in this database. `now` (ms) is the clock that tells whether a question is asked again soon. */
export function openInteractions (database: Database, now: () => number = Date.now): Interactions {
  async function placeOf (reach: Reach, id: string): Promise<number> {
    const [row] = await database.all(sql.selectFrom('interactions').select('seq').where('interactions.id', '=', id).where(within(reach)).compile())
    if (row === undefined) throw problem('completion_not_found', { id }, { param: 'after' })
    return row.seq
  }

  return {
    open: async (owner, session, messages) => await openConversation(database, owner, session, messages, now()),

    async record (interaction, signal) {
      signal?.throwIfAborted()
      await database.commit(recording(interaction))
    },

    async find (reach, id) {
      const [row] = await database.all(conversations.where('interactions.id', '=', id).where(within(reach)).compile())
      if (row === undefined) throw problem('completion_not_found', { id })
      return interactionOf(row)
    },

    async list (reach, page) {
      const after = page.after === null ? null : await placeOf(reach, page.after)
      // One more than asked for says whether there are more.
      const rows = await database.all(pageQuery(reach, page, after).limit(page.limit + 1).compile())
      return { data: rows.slice(0, page.limit).map(completionOf), more: rows.length > page.limit }
    },

    async setMetadata (reach, id, metadata) {
      const [changed] = await database.commit([
        sql.updateTable('interactions').set({ metadata: JSON.stringify(metadata) }).where('interactions.id', '=', id).where(within(reach)).compile()
      ])
      if (changed === 0) throw problem('completion_not_found', { id })
    },

    async remove (reach, id) {
      const [gone] = await database.commit([
        sql.deleteFrom('interactions').where('interactions.id', '=', id).where(within(reach)).compile()
      ])
      if (gone === 0) throw problem('completion_not_found', { id })
    },

    async since (seq, limit, owner) {
      const some = owner === undefined ? conversations : conversations.where(within(owner))
      const rows = await database.all(some.where('interactions.seq', '>', seq).orderBy('interactions.seq').limit(limit).compile())
      return rows.map(interactionOf)
    }
  }
}

function pageQuery (reach: Reach, { order, model, metadata }: Page, after: number | null) {
  let query = completions.where(within(reach)).orderBy('interactions.seq', order)
  if (after !== null) query = query.where('interactions.seq', order === 'asc' ? '>' : '<', after)
  if (model !== null) query = query.where('interactions.model', '=', model)
  for (const [key, value] of Object.entries(metadata)) {
    query = query.where(({ exists, fn, selectFrom }) => exists(selectFrom(fn<{ key: string, value: string }>('json_each', ['interactions.metadata']).as('pair'))
      .select('pair.key').where('pair.key', '=', key).where('pair.value', '=', value)))
  }
  return query
}
