import type { CompiledQuery } from 'kysely'
import { sql } from '../database/sql.ts'
import { answerKey, bodyOf, chainOf, sha256 } from './chain.ts'
import type { NewInteraction } from './interactions.ts'
import { ownerId } from './rows.ts'

/** What writes an interaction, with its owner and the messages that are new. To be committed as one. */
export function recording (interaction: NewInteraction): CompiledQuery[] {
  const { id, owner, messages, choices } = interaction
  const { tip } = chainOf(messages)
  const bodies = messages.map(bodyOf)
  const digests = bodies.map(body => sha256(body))
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
      error: interaction.error
    }).compile(),
    ...bodies.map((body, i) => sql.insertInto('messages').values({ owner: ownerId(owner), digest: digests[i]!, body }).onConflict(conflict => conflict.doNothing()).compile()),
    ...digests.map((digest, position) => sql.insertInto('interaction_messages').columns(['interaction', 'position', 'message']).expression(
      sql.selectFrom('interactions').innerJoin('messages', 'messages.owner', 'interactions.owner')
        .select(({ val }) => ['interactions.seq', val(position).as('position'), 'messages.id'])
        .where('interactions.id', '=', id).where('messages.digest', '=', digest)
    ).compile())
  ]
}
