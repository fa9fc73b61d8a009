import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { callerOf } from '../plugins/auth.ts'
import { Model, ModelList } from '../schemas/models.ts'
import { PathName, failures } from '../schemas/shapes.ts'
import { type Served, findServed, servedTo } from '../served.ts'

export const models: FastifyPluginAsyncTypebox<Served> = async (app, served) => {
  app.get('/v1/models', {
    schema: { tags: ['models'], summary: 'What this key may use: the default first, then bases, then live adapters', response: { 200: ModelList, ...failures } }
  }, async request => ({ object: 'list' as const, data: servedTo(callerOf(request), served) }))

  // A wildcard, since names may hold slashes.
  app.get('/v1/models/*', {
    schema: { tags: ['models'], summary: 'One model, or one version of an adapter (house@7)', params: Type.Object({ '*': PathName }), response: { 200: Model, ...failures } }
  }, async request => findServed(callerOf(request), served, request.params['*']))
}
