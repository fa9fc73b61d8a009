import type { ExpressionBuilder, Selectable } from 'kysely'
import { type InteractionRow, type Schema, sql } from '../database/sql.ts'
import type { Message } from '../inference/engine.ts'
import { chainOf, hex } from './chain.ts'
import type { Completion, Interaction, Owner, Reach } from './interactions.ts'

/** The owner's id as a part of a query; null where nothing is kept of them. */
export function ownerId ({ tenant, user }: Owner) {
  return sql.selectFrom('owners').select('owners.id').where('tenant', '=', tenant).where('user', '=', user)
}

/** What may be seen, as a condition; no query for the routes is made without it. */
export function within ({ tenant, user }: Reach) {
  return (eb: ExpressionBuilder<Schema, 'interactions'>) => user === null
    ? eb('interactions.tenant', '=', tenant)
    : eb('interactions.owner', '=', ownerId({ tenant, user }))
}

/** Interactions with their owners' users. */
export const completions = sql.selectFrom('interactions').innerJoin('owners', 'owners.id', 'interactions.owner').selectAll('interactions').select('owners.user')

/** The same, each with its conversation as one JSON array: one query, so that nothing is removed in its middle. */
export const conversations = completions.select(({ selectFrom }) => selectFrom('interaction_messages')
  .innerJoin('messages', 'messages.id', 'interaction_messages.message')
  .whereRef('interaction_messages.interaction', '=', 'interactions.seq')
  .select(({ fn }) => fn.agg<string>('json_group_array', [fn('json', ['messages.body'])]).orderBy('interaction_messages.position').as('bodies'))
  .as('bodies'))

type CompletionRow = Selectable<InteractionRow> & { readonly user: string }

export function completionOf (row: CompletionRow): Completion {
  return {
    seq: row.seq,
    id: row.id,
    owner: { tenant: row.tenant, user: row.user },
    session: row.session,
    created: row.created,
    model: row.model,
    version: row.version,
    digest: row.digest,
    answerKey: row.answered === null ? null : hex(row.answered),
    block: row.block,
    profile: row.profile,
    memories: JSON.parse(row.memories),
    prompt: row.prompt === null ? null : hex(row.prompt),
    choices: JSON.parse(row.choices),
    usage: row.usage === null ? null : JSON.parse(row.usage),
    timings: JSON.parse(row.timings),
    params: JSON.parse(row.params),
    metadata: JSON.parse(row.metadata),
    keyId: row.key_id,
    error: row.error,
    remember: row.remember === 1,
    training: row.training === 1
  }
}

export function interactionOf (row: CompletionRow & { readonly bodies: string | null }): Interaction {
  const messages = JSON.parse(row.bodies ?? '[]') as Message[]
  return { ...completionOf(row), messages, keys: chainOf(messages).keys.map(key => key === null ? null : hex(key)) }
}
