import { randomUUID } from 'node:crypto'
import type { Database, Query } from '../database/database.ts'
import { query, sql } from '../database/sql.ts'
import { problem } from '../errors.ts'
import type { NewFeedback } from './feedback.ts'
import type { CompletionIds } from './ids.ts'
import type { Owner, Reach } from './interactions.ts'
import { within } from './rows.ts'

/** What feedback is on. */
export interface Target {
  readonly owner: Owner
  readonly completion: string | null
  readonly choice: number
  /** null: the answer was not stored. */
  readonly session: string | null
  /** Their `seq` in the record. */
  readonly interaction: number | null
  readonly rejected: number | null
  /** When an answer of which nothing is kept was given, in ms. */
  readonly unkept: number | null
}

type Placed = Target & { readonly session: string, readonly interaction: number }

/** Whether it holds somebody's words. */
export function wordy ({ kind, comment }: NewFeedback): boolean {
  return comment !== null || kind === 'correction' || kind === 'edited' || kind === 'comment'
}

/** Finds what feedback is on. Throws what `FeedbackRecord.give` throws of it. */
export async function targetOf (database: Pick<Database, 'all'>, ids: Pick<CompletionIds, 'unkept'>, reach: Reach, feedback: NewFeedback): Promise<Target> {
  const { completion, session } = feedback
  if (feedback.kind === 'preference') return await pair(feedback.value)
  if (completion !== null) {
    const target = await answer(completion, feedback.choice, 'completion_id', 'choice')
    if (target.session === null && wordy(feedback)) throw problem('not_stored', { subject: completion }, { param: feedback.comment !== null ? 'comment' : 'kind' })
    return target
  }
  return await whole(session ?? '')

  /** @param params the fields that name the completion, and which of its answers */
  async function answer (id: string, choice: number, ...params: readonly [id: string, choice: string]): Promise<Target> {
    const [row] = await database.all(sql.selectFrom('interactions').innerJoin('owners', 'owners.id', 'interactions.owner')
      .select(({ fn }) => ['interactions.seq', 'interactions.session', 'owners.tenant', 'owners.user', fn<number>('json_array_length', ['interactions.choices']).as('count')])
      .where('interactions.id', '=', id).where('owners.tenant', '=', reach.tenant).where(within(reach)).compile())
    if (row !== undefined) {
      const { tenant, user, session, seq, count } = row
      // The first one may be spoken of where nothing of it came.
      if (choice > 0 && choice >= count) throw problem('choice_not_found', { id, choice, count }, { param: params[1] })
      return { owner: { tenant, user }, completion: id, choice, session, interaction: seq, rejected: null, unkept: null }
    }
    const owner = { tenant: reach.tenant, user: reach.user ?? '' }
    const unkept = ids.unkept(id, owner)
    if (unkept === null) throw problem('completion_not_found', { id }, { param: params[0] })
    return { owner, completion: id, choice, session: null, interaction: null, rejected: null, unkept }
  }

  async function pair ({ chosen, rejected, choices = [0, 0] }: (NewFeedback & { kind: 'preference' })['value']): Promise<Target> {
    const better = stored(await answer(chosen, choices[0], 'value.chosen', 'value.choices'), 'value.chosen')
    const worse = stored(await answer(rejected, choices[1], 'value.rejected', 'value.choices'), 'value.rejected')
    const together = better.session === worse.session && better.owner.user === worse.owner.user && (session ?? better.session) === better.session
    if (!together) throw problem('preference_apart', {}, { param: 'value' })
    return { ...better, rejected: worse.interaction }
  }

  async function whole (session: string): Promise<Target> {
    const owners = await database.all(sql.selectFrom('interactions').innerJoin('owners', 'owners.id', 'interactions.owner').distinct()
      .select(['owners.tenant', 'owners.user']).where('interactions.session', '=', session).where('owners.tenant', '=', reach.tenant).where(within(reach)).compile())
    const [owner, another] = owners
    if (owner === undefined) throw problem('session_not_found', { session }, { param: 'session' })
    if (another !== undefined) throw problem('invalid_request', { detail: 'Several users have a session of this name: name the user too.' }, { param: 'user' })
    return { owner, completion: null, choice: 0, session, interaction: null, rejected: null, unkept: null }
  }
}

function stored (target: Target, param: string): Placed {
  const { session, interaction } = target
  if (session === null || interaction === null) throw problem('not_stored', { subject: target.completion ?? '' }, { param })
  return { ...target, session, interaction }
}

/** What writes it: the last query changes no row where its target has gone, or the key is taken. */
export function giving (target: Target, { kind, value, comment, author }: NewFeedback, { key, content, created }: { readonly key: string | null, readonly content: Uint8Array | null, readonly created: number }): { readonly id: string, readonly queries: Query[] } {
  const id = `fb-${randomUUID()}`
  const { owner, unkept, ...on } = target
  const { tenant, user } = owner
  return {
    id,
    queries: [
      // Who lets nothing be kept may not be known yet.
      ...unkept === null ? [] : [sql.insertInto('owners').values(owner).onConflict(conflict => conflict.doNothing()).compile()],
      query(`
        insert into feedback (id, owner, tenant, completion, choice, session, interaction, rejected, created, kind, value, comment, author, key, content)
        select :id, o.id, o.tenant, :completion, :choice, :session, :interaction, :rejected, :created, :kind, :value, :comment, :author, :key, :content
        from owners o where o.tenant = :tenant and o.user = :user
          and (:session is null or exists (select 1 from interactions where owner = o.id and session = :session))
          and (:interaction is null or exists (select 1 from interactions where seq = :interaction and owner = o.id))
          and (:rejected is null or exists (select 1 from interactions where seq = :rejected and owner = o.id))
        on conflict do nothing`, { id, tenant, user, ...on, created, kind, value: JSON.stringify(value), comment, author, key, content })
    ]
  }
}
