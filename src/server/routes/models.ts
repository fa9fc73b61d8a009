import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { mayUse } from '../../access/caller.ts'
import { problem } from '../../errors.ts'
import { callerOf } from '../plugins/auth.ts'
import type { Bases } from '../ports.ts'
import { Model, ModelList } from '../schemas/models.ts'
import { PathName, failures } from '../schemas/shapes.ts'

type Base = ReturnType<Bases['list']>[number]

export const models: FastifyPluginAsyncTypebox<{ bases: Bases }> = async (app, { bases }) => {
  app.get('/v1/models', {
    schema: { tags: ['models'], summary: 'What this key may use, the default first', response: { 200: ModelList, ...failures } }
  }, async request => {
    const caller = callerOf(request)
    return { object: 'list' as const, data: bases.list().filter(base => mayUse(caller, base.name)).map(modelOf) }
  })

  // A wildcard, since names may hold slashes.
  app.get('/v1/models/*', {
    schema: { tags: ['models'], summary: 'One model', params: Type.Object({ '*': PathName }), response: { 200: Model, ...failures } }
  }, async request => {
    const name = request.params['*']
    const base = mayUse(callerOf(request), name) ? bases.find(name) : null
    if (base === null) throw problem('model_not_found', { model: name }, { param: 'model' })
    return modelOf(base)
  })
}

function modelOf ({ name, created, contextSize }: Base) {
  return { id: name, object: 'model' as const, created, owned_by: 'engraft' as const, max_model_len: contextSize }
}
