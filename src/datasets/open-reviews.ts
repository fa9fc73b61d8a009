import { randomBytes } from 'node:crypto'
import type { Selectable } from 'kysely'
import type { Database } from '../database/database.ts'
import { type ReviewRow, sql } from '../database/sql.ts'
import { problem } from '../errors.ts'
import type { FeedbackRecord } from '../interactions/feedback.ts'
import { conversations, interactionOf } from '../interactions/rows.ts'
import type { Decision, Evidence, NewReview, Review, Reviews } from './review.ts'

export interface ReviewsParts {
  readonly database: Pick<Database, 'all' | 'commit'>
  readonly feedback: Pick<FeedbackRecord, 'list'>
  readonly now?: () => number
}

/** More than anybody says of one answer, and what a reviewer can still read. */
const mostFeedback = 100
const verdicts = ['thumb', 'rating', 'preference'] as const

/** Reviews in this database. */
export function openReviews ({ database, feedback, now = Date.now }: ReviewsParts): Reviews {
  return {
    async list ({ tenant, evidence, reviewed, after, limit }) {
      let query = usable
      if (tenant !== null) query = query.where('interactions.tenant', '=', tenant)
      if (after !== null) query = query.where('interactions.seq', '<', (await existing(after)).seq)
      query = query.where(({ exists, not, selectFrom }) => {
        const review = exists(selectFrom('reviews').select('reviews.seq').whereRef('reviews.interaction', '=', 'interactions.seq'))
        return reviewed ? review : not(review)
      })
      if (evidence !== null) {
        query = query.where(eb => eb.and(standing[evidence].map(({ kinds, there }) => {
          const some = eb.exists(eb.selectFrom('feedback').select('feedback.seq').whereRef('feedback.interaction', '=', 'interactions.seq').where('feedback.kind', 'in', kinds))
          return there ? some : eb.not(some)
        })))
      }
      // One more than asked for says whether there are more.
      const rows = await database.all(query.orderBy('interactions.seq', 'desc').limit(limit + 1).compile())
      const data = await Promise.all(rows.slice(0, limit).map(async row => ({
        interaction: interactionOf(row),
        feedback: (await feedback.list({ tenant: row.tenant, user: null }, { completion: row.id, session: null, kind: null, after: null, limit: mostFeedback })).data,
        review: await latest(row.seq, row.id)
      })))
      return { data, more: rows.length > limit }
    },

    async give (interaction, review) {
      if (review.verdict === 'edited' && review.answer.trim() === '') throw problem('review_empty', {}, { param: 'answer' })
      const { seq, owner, user } = await existing(interaction)
      const [row] = await database.all(usable.where('interactions.seq', '=', seq).compile())
      if (row === undefined) throw problem('not_for_training', { id: interaction, user })
      const id = `review_${randomBytes(12).toString('hex')}`
      const { reviewer, verdict, answer, reason } = review
      await database.commit([sql.insertInto('reviews').columns(['id', 'owner', 'interaction', 'created', 'reviewer', 'verdict', 'answer', 'reason'])
        // Only where it is still there: an erasure may have come between.
        .expression(eb => eb.selectFrom('interactions').select(eb => [eb.val(id).as('id'), 'interactions.owner', 'interactions.seq', eb.val(now()).as('created'), eb.val(reviewer).as('reviewer'), eb.val(verdict).as('verdict'), eb.val(answer).as('answer'), eb.val(reason).as('reason')])
          .where('interactions.seq', '=', seq).where('interactions.owner', '=', owner)).compile()])
      const given = await latest(seq, interaction, id)
      if (given === null) throw problem('completion_not_found', { id: interaction }, { param: 'interaction' })
      return given
    }
  }

  async function existing (id: string): Promise<{ readonly seq: number, readonly owner: number, readonly user: string }> {
    const [row] = await database.all(sql.selectFrom('interactions').innerJoin('owners', 'owners.id', 'interactions.owner')
      .select(['interactions.seq', 'interactions.owner', 'owners.user']).where('interactions.id', '=', id).whereRef('owners.tenant', '=', 'interactions.tenant').compile())
    if (row === undefined) throw problem('completion_not_found', { id }, { param: 'interaction' })
    return row
  }

  async function latest (seq: number, interaction: string, id: string | null = null): Promise<Review | null> {
    let query = sql.selectFrom('reviews').selectAll().where('interaction', '=', seq).orderBy('seq', 'desc').limit(1)
    if (id !== null) query = query.where('id', '=', id)
    const [row] = await database.all(query.compile())
    return row === undefined ? null : reviewOf(row, interaction)
  }
}

/** Answers of which data sets may be made, of people who are there, have a name and have not taken back their leave. */
const usable = conversations
  .where('interactions.training', '=', 1).where('interactions.error', 'is', null)
  .whereRef('owners.tenant', '=', 'interactions.tenant').where('owners.user', '<>', '')
  .where(({ exists, not, selectFrom }) => not(exists(selectFrom('user_policies').select('user_policies.owner').whereRef('user_policies.owner', '=', 'interactions.owner').where('user_policies.training', '=', 0))))

/** What feedback must and must not be there. */
const standing: Readonly<Record<Evidence, readonly { readonly kinds: readonly string[], readonly there: boolean }[]>> = {
  correction: [{ kinds: ['correction'], there: true }],
  verdict: [{ kinds: verdicts, there: true }],
  none: [{ kinds: ['correction', ...verdicts], there: false }]
}

function reviewOf ({ owner: _, verdict, answer, ...row }: Selectable<ReviewRow>, interaction: string): Review {
  // The table checks that an answer is there just where it was edited.
  const decision = { verdict, answer } as Decision
  return { ...row, ...decision, interaction } satisfies Review & NewReview
}
