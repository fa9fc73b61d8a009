import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { problem } from '../../errors.ts'
import { actorOf } from '../plugins/auth.ts'
import type { Keys } from '../ports.ts'
import { KeyBody, KeyList, type KeyWire, MintedKey, RevokedKey } from '../schemas/keys.ts'
import { PathName, failures } from '../schemas/shapes.ts'

export const adminKeys: FastifyPluginAsyncTypebox<{ keys: Keys }> = async (app, { keys }) => {
  const config = { access: 'admin' } as const
  const tags = ['administration']

  app.get('/admin/keys', {
    config, schema: { tags, summary: 'All keys, without their secrets', response: { 200: KeyList, ...failures } }
  }, async () => ({ object: 'list' as const, data: (await keys.list()).map(keyOf) }))

  app.post('/admin/keys', {
    config, schema: { tags, summary: 'Makes a key', body: KeyBody, response: { 201: MintedKey, ...failures } }
  }, async (request, reply) => {
    const { name, tenant, scopes, user, models } = request.body
    const { id, secret } = await keys.create({
      name,
      tenant: tenant ?? 'default',
      scopes: scopes ?? ['chat'],
      user: user ?? null,
      models: models ?? null,
      expiresAt: expiryOf(request.body),
      requestsPerMinute: request.body.requests_per_minute ?? null,
      tokensPerDay: request.body.tokens_per_day ?? null,
      policy: policyIn(request.body)
    }, actorOf(request))
    return reply.code(201).header('cache-control', 'no-store').send({ id, key: secret })
  })

  app.delete('/admin/keys/:id', {
    config, schema: { tags, summary: 'Revokes a key at once', params: Type.Object({ id: PathName }), response: { 200: RevokedKey, ...failures } }
  }, async request => {
    await keys.revoke(request.params.id, actorOf(request))
    return { id: request.params.id, revoked: true as const }
  })
}

function expiryOf ({ expires_at: text }: KeyWire): Date | null {
  if (text === null || text === undefined) return null
  const at = new Date(text)
  if (!(at.getTime() > Date.now())) throw problem('invalid_request', { detail: "'expires_at' must be a time in the future." }, { param: 'expires_at' })
  return at
}

function policyIn ({ memory, store, training, memory_by_body: byBody }: KeyWire) {
  const said = { read: memory?.read, write: memory?.write, store, training, byBody }
  return Object.fromEntries(Object.entries(said).filter(([, on]) => on !== undefined && on !== null))
}

function keyOf (key: Awaited<ReturnType<Keys['list']>>[number]) {
  const { id, name, tenant, user, models } = key
  return {
    id,
    name,
    tenant,
    scopes: [...key.scopes],
    user,
    models,
    requests_per_minute: key.requestsPerMinute,
    tokens_per_day: key.tokensPerDay,
    memory: { read: key.policy.read, write: key.policy.write },
    store: key.policy.store,
    training: key.policy.training,
    memory_by_body: key.policy.byBody,
    created_at: key.createdAt,
    expires_at: key.expiresAt,
    revoked_at: key.revokedAt,
    last_used_at: key.lastUsedAt
  }
}
