import type { CompiledQuery } from 'kysely'
import { each, sql } from '../database/sql.ts'
import { answerKey, bodyOf, chainOf, hex, sha256 } from './chain.ts'
import type { NewInteraction } from './interactions.ts'
import { ownerId } from './rows.ts'

/** What writes an interaction, with its owner and the messages that are new. To be committed as one. */
export function recording (interaction: NewInteraction): CompiledQuery[] {
  const { id, owner, messages, choices } = interaction
  const { tip } = chainOf(messages)
  const bodies = messages.map(bodyOf)
  const digests = bodies.map(body => hex(sha256(body)))
  return [
    sql.insertInto('owners').values({ tenant: owner.tenant, user: owner.user }).onConflict(conflict => conflict.doNothing()).compile(),
    sql.insertInto('interactions').values({
      id,
      owner: ownerId(owner),
      tenant: owner.tenant,
      session: interaction.session,
      created: interaction.created,
      model: interaction.model,
      version: interaction.version,
      digest: interaction.digest,
      asked: tip,
      answered: choices[0] === undefined ? null : answerKey(tip, choices[0]),
      block: interaction.block,
      profile: interaction.profile,
      memories: JSON.stringify(interaction.memories),
      prompt: interaction.prompt === null ? null : Buffer.from(interaction.prompt, 'hex'),
      choices: JSON.stringify(choices),
      usage: interaction.usage === null ? null : JSON.stringify(interaction.usage),
      timings: JSON.stringify(interaction.timings),
      params: JSON.stringify(interaction.params),
      metadata: JSON.stringify(interaction.metadata),
      key_id: interaction.keyId,
      error: interaction.error,
      remember: Number(interaction.remember),
      training: Number(interaction.training),
      canary: interaction.canary ?? null
    }).compile(),
    sql.insertInto('messages').columns(['owner', 'digest', 'body']).expression(
      sql.selectFrom('owners').innerJoin(each(digests.map((digest, i) => [digest, bodies[i]!])), join => join.onTrue())
        .select(({ fn, val }) => ['owners.id', fn('unhex', [fn('json_extract', ['each.value', val('$[0]')])]).as('digest'), fn('json_extract', ['each.value', val('$[1]')]).as('body')])
        .where('tenant', '=', owner.tenant).where('user', '=', owner.user)
    ).onConflict(conflict => conflict.doNothing()).compile(),
    sql.insertInto('interaction_messages').columns(['interaction', 'position', 'message']).expression(
      sql.selectFrom('interactions').innerJoin(each(digests), join => join.onTrue())
        // A query of its own for each: joined, SQLite would go through all of the owner's messages.
        .select(({ fn, selectFrom }) => ['interactions.seq', 'each.key', selectFrom('messages').select('messages.id')
          .whereRef('messages.owner', '=', 'interactions.owner').where('messages.digest', '=', fn<Uint8Array>('unhex', ['each.value'])).as('message')])
        .where('interactions.id', '=', id)
    ).compile()
  ]
}
