import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import type { TokenInfo } from '../../access/tokens.ts'
import { callerOf } from '../plugins/auth.ts'
import type { Admit, Tokens } from '../ports.ts'
import { PathName, failures } from '../schemas/shapes.ts'
import { MintedToken, RevokedToken, TokenBody, TokenList, defaultTtl } from '../schemas/tokens.ts'

/** Short-lived keys of one user each, for browsers. */
export const tokens: FastifyPluginAsyncTypebox<{ readonly tokens: Tokens, readonly admit: Admit }> = async (app, { tokens, admit }) => {
  const config = { access: 'key' } as const
  const tags = ['users']

  app.post('/v1/tokens', {
    config, schema: { tags, summary: 'Makes a short-lived key that speaks for one user, for a browser', body: TokenBody, response: { 201: MintedToken, ...failures } }
  }, async (request, reply) => {
    const caller = callerOf(request)
    await admit(caller)
    const { user, ttl, scopes } = request.body
    const { secret, ...token } = await tokens.mint(caller, { user, ttl: ttl ?? defaultTtl, scopes: scopes ?? null })
    return reply.code(201).header('cache-control', 'no-store').send({ ...tokenOf(token), token: secret })
  })

  app.get('/v1/tokens', {
    config, schema: { tags, summary: 'The tokens that this key has made', response: { 200: TokenList, ...failures } }
  }, async request => ({ object: 'list' as const, data: (await tokens.list(callerOf(request))).map(tokenOf) }))

  app.delete('/v1/tokens/:id', {
    config, schema: { tags, summary: 'Revokes a token at once', params: Type.Object({ id: PathName }), response: { 200: RevokedToken, ...failures } }
  }, async request => {
    const { id } = request.params
    await tokens.revoke(callerOf(request), id)
    return { id, object: 'token.deleted' as const, deleted: true as const }
  })
}

function tokenOf ({ id, user, scopes, createdAt, expiresAt }: TokenInfo) {
  return { id, object: 'token' as const, user, scopes: [...scopes], created_at: createdAt, expires_at: expiresAt }
}
