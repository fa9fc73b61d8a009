import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { speakingFor } from '../../access/caller.ts'
import { problem } from '../../errors.ts'
import type { Owner } from '../../memory/memories.ts'
import { memoryOf } from '../memories.ts'
import { callerOf } from '../plugins/auth.ts'
import type { Admit, Memories, Policies, Profile as Profiles } from '../ports.ts'
import { Profile, ProfileBody } from '../schemas/profile.ts'
import { failures } from '../schemas/shapes.ts'
import { UserId } from '../schemas/users.ts'

/** What is always kept in mind about a person: to be seen and corrected by whoever speaks for them. */
export const profile: FastifyPluginAsyncTypebox<{ readonly memories: Pick<Memories, 'pending'>, readonly profile: Profiles, readonly policies: Policies, readonly admit: Admit }> = async (app, { memories, profile, policies, admit }) => {
  const config = { access: 'memory' } as const
  const tags = ['users']

  async function ownerOf (request: FastifyRequest, user: string): Promise<Owner> {
    const caller = speakingFor(callerOf(request), user, 'header')
    if (caller.user !== user) throw problem('user_mismatch', {}, { param: 'user' })
    await admit(caller)
    return { tenant: caller.tenant, user }
  }

  async function shown (owner: Owner) {
    const [items, frame, pending] = await Promise.all([profile.items(owner), profile.frame(owner), memories.pending(owner)])
    return { object: 'profile' as const, user: owner.user, data: items.map(memoryOf), frame, pending }
  }

  app.get('/v1/users/:user/profile', {
    config, schema: { tags, summary: 'What is always kept in mind about a user', params: UserId, response: { 200: Profile, ...failures } }
  }, async request => await shown(await ownerOf(request, request.params.user)))

  app.put('/v1/users/:user/profile', {
    config, schema: { tags, summary: 'Corrects it: all items that it is to have', params: UserId, body: ProfileBody, response: { 200: Profile, ...failures } }
  }, async request => {
    const owner = await ownerOf(request, request.params.user)
    const { write } = await policies.of(owner)
    if (!callerOf(request).policy.write || !write) throw problem('memory_off', { used: 'written', user: encodeURIComponent(owner.user) })
    await profile.replace(owner, request.body.data.map(({ id, kind, content }) => ({ id: id ?? null, kind, text: content })))
    return await shown(owner)
  })
}
