import type { ExpressionBuilder, Selectable } from 'kysely'
import type { Database } from '../database/database.ts'
import { type FeedbackRow, type Schema, sql } from '../database/sql.ts'
import { problem } from '../errors.ts'
import { sha256 } from './chain.ts'
import type { Feedback, FeedbackRecord, NewFeedback, Sought } from './feedback.ts'
import { giving, targetOf, wordy } from './giving.ts'
import type { CompletionIds } from './ids.ts'
import type { Owner, Reach } from './interactions.ts'
import { ownerId } from './rows.ts'
import { signalsOf } from './signals.ts'

export interface FeedbackParts {
  readonly database: Database
  readonly ids: Pick<CompletionIds, 'unkept'>
  /** Keeps erasures out of the middle of a write. */
  readonly write: <T>(owner: Owner, work: () => Promise<T>) => Promise<T>
  /** When all that was kept of the person was last erased, in ms; null: never. */
  readonly erasedAt: (owner: Owner) => Promise<number | null>
  /** Whether the person lets what is said be kept. */
  readonly keeps: (owner: Owner) => Promise<boolean>
  readonly now?: () => number
}

/** Feedback in this database. */
export function openFeedback ({ database, ids, write, erasedAt, keeps, now = Date.now }: FeedbackParts): FeedbackRecord {
  /** What came with this key before; null: nothing. */
  async function earlier (reach: Reach, key: string, content: Uint8Array): Promise<Feedback | null> {
    const [row] = await database.all(sql.selectFrom('feedback').selectAll()
      .select(eb => eb.and([within(reach)(eb), eb('content', '=', content)]).as('same')).where('tenant', '=', reach.tenant).where('key', '=', key).compile())
    if (row === undefined) return null
    if (Number(row.same) !== 1) throw problem('idempotency_conflict', {}, { param: 'idempotency-key' })
    return feedbackOf(row)
  }

  return {
    async give (reach, feedback, key) {
      const content = key === null ? null : contentOf(feedback)
      const before = key === null || content === null ? null : await earlier(reach, key, content)
      if (before !== null) return { feedback: before, fresh: false }
      const target = await targetOf(database, ids, reach, feedback)
      const gone = () => target.completion === null ? problem('session_not_found', { session: target.session ?? '' }, { param: 'session' }) : problem('completion_not_found', { id: target.completion }, { param: 'completion_id' })
      if (wordy(feedback) && !await keeps(target.owner)) throw problem('not_stored', { subject: target.completion ?? target.session ?? '' }, { param: feedback.comment !== null ? 'comment' : 'kind' })
      return await write(target.owner, async () => {
        if (target.unkept !== null && target.unkept <= (await erasedAt(target.owner) ?? -Infinity)) throw gone()
        const { id, queries } = giving(target, feedback, { key, content, created: now() })
        await database.commit(queries)
        const [row] = await database.all(sql.selectFrom('feedback').selectAll().where('id', '=', id).compile())
        if (row !== undefined) return { feedback: feedbackOf(row), fresh: true }
        // The same came twice at once, or what it is on has gone meanwhile.
        const twin = key === null || content === null ? null : await earlier(reach, key, content)
        if (twin === null) throw gone()
        return { feedback: twin, fresh: false }
      })
    },

    async list (reach, sought) {
      // One more than asked for says whether there are more.
      const rows = await database.all(pageQuery(reach, sought, sought.after === null ? null : await placeOf(reach, sought.after)).limit(sought.limit + 1).compile())
      return { data: rows.slice(0, sought.limit).map(feedbackOf), more: rows.length > sought.limit }
    },

    signals: async (reach, of) => await signalsOf(database, reach, of)
  }

  async function placeOf (reach: Reach, id: string): Promise<number> {
    const [row] = await database.all(sql.selectFrom('feedback').select('seq').where('id', '=', id).where(within(reach)).compile())
    if (row === undefined) throw problem('invalid_request', { detail: "'after' is no feedback of yours (any more): begin again without it." }, { param: 'after' })
    return row.seq
  }
}

function within ({ tenant, user }: Reach) {
  return (eb: ExpressionBuilder<Schema, 'feedback'>) => user === null
    ? eb('feedback.tenant', '=', tenant)
    : eb('feedback.owner', '=', ownerId({ tenant, user }))
}

/** Not of those who are being erased: they have no tenant any more. */
const visible = sql.selectFrom('feedback').innerJoin('owners', 'owners.id', 'feedback.owner').where('owners.tenant', '<>', '').selectAll('feedback')

function pageQuery (reach: Reach, { completion, session, kind }: Sought, after: number | null) {
  let found = visible.where(within(reach)).orderBy('seq')
  // By their places: left the choice, SQLite would walk through all of the tenant's in order.
  if (completion !== null) {
    found = found.where('seq', 'in', sql.selectFrom('feedback').select('seq').where('completion', '=', completion)
      .unionAll(sql.selectFrom('feedback').innerJoin('interactions', 'interactions.seq', 'feedback.rejected').select('feedback.seq').where('interactions.id', '=', completion)))
  }
  if (session !== null) found = found.where('session', '=', session)
  if (kind !== null) found = found.where('kind', '=', kind)
  return after === null ? found : found.where('seq', '>', after)
}

/** What must be the same for two to be one. */
function contentOf ({ kind, value, completion, choice, session, comment, author }: NewFeedback): Buffer {
  // As it was before there were choices, for what is sent again after an upgrade.
  return sha256(JSON.stringify([kind, value, completion, session, comment, author, ...choice > 0 ? [choice] : []]))
}

function feedbackOf ({ seq, id, created, kind, value, completion, choice, session, comment, author }: Selectable<FeedbackRow>): Feedback {
  // What was written was of a kind with its value.
  return { seq, id, created, kind, value: JSON.parse(value), completion, choice, session, comment, author, said: kind !== 'edited' } as Feedback
}
