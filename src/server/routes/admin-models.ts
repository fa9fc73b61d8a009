import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { problem } from '../../errors.ts'
import type { Bases } from '../ports.ts'
import { AdminModel, AdminModelList } from '../schemas/models.ts'
import { PathName, failures } from '../schemas/shapes.ts'

type Base = ReturnType<Bases['list']>[number]

export const adminModels: FastifyPluginAsyncTypebox<{ bases: Bases }> = async (app, { bases }) => {
  const config = { access: 'admin' } as const
  const tags = ['administration']

  app.get('/admin/models', {
    config, schema: { tags, summary: 'Base models and their state', response: { 200: AdminModelList, ...failures } }
  }, async () => ({ object: 'list' as const, data: bases.list().map(adminModelOf) }))

  for (const [verb, summary] of [['load', 'Brings a base model into memory'], ['unload', 'Frees a base model that nobody uses']] as const) {
    app.post(`/admin/models/:name/${verb}`, {
      config, schema: { tags, summary, params: Type.Object({ name: PathName }), response: { 200: AdminModel, ...failures } }
    }, async request => {
      const { name } = request.params
      if (bases.find(name) === null) throw problem('model_not_found', { model: name }, { param: 'name' })
      await bases[verb](name)
      const base = bases.find(name)
      if (base === null) throw problem('model_not_found', { model: name }, { param: 'name' })
      return adminModelOf(base)
    })
  }
}

function adminModelOf ({ name, created, digest, sizeBytes, contextSize, default: isDefault, state, slots, running, waiting }: Base) {
  return {
    name,
    created,
    digest,
    size_bytes: sizeBytes,
    context_size: contextSize,
    default: isDefault,
    status: state.status,
    detail: state.detail,
    slots,
    running,
    waiting,
    rss_bytes: state.rss
  }
}
