import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import { callerOf } from '../plugins/auth.ts'
import type { Datasets, Training } from '../ports.ts'
import { ReportQuery, TrainingBody, TrainingDetail, TrainingEstimate, TrainingList, TrainingQuery, TrainingRun } from '../schemas/training.ts'
import { PathName, failures } from '../schemas/shapes.ts'
import { runOf, versionNamed, wantedFrom } from '../training.ts'

/** How each file of a report is sent, by how its name ends. */
const types: Readonly<Record<string, string>> = { md: 'text/markdown', json: 'application/json', svg: 'image/svg+xml' }

/** Runs that train an adapter, or measure one. They go on in the background: who began one asks after it. */
export const adminTraining: FastifyPluginAsyncTypebox<{ readonly training: Training, readonly datasets: Datasets }> = async (app, { training, datasets }) => {
  const config = { access: 'admin' } as const
  const tags = ['administration']
  const params = Type.Object({ id: PathName })

  app.get('/admin/training', {
    config, schema: { tags, summary: 'All runs of training', querystring: TrainingQuery, response: { 200: TrainingList, ...failures } }
  }, async request => ({ object: 'list' as const, data: (await training.list(request.query.tenant ?? null)).map(runOf) }))

  app.post('/admin/training', {
    config, schema: { tags, summary: 'Begins to train an adapter, or to measure one, or says what that would take', body: TrainingBody, response: { 200: TrainingEstimate, 202: TrainingRun, ...failures } }
  }, async (request, reply) => {
    const { body } = request
    const tenant = body.tenant ?? callerOf(request).tenant
    const wanted = wantedFrom(body, tenant, await versionNamed(datasets, tenant, body.dataset))
    if (body.dry_run === true) return { object: 'training.estimate' as const, ...await training.estimate(wanted) }
    return reply.code(202).send(runOf(await training.start(wanted)))
  })

  app.get('/admin/training/:id', {
    config, schema: { tags, summary: 'A run: how far it is, its losses so far, and its verdict', params, response: { 200: TrainingDetail, ...failures } }
  }, async request => {
    const { id } = request.params
    const [run, losses] = [await training.find(id), await training.losses(id)]
    return { ...runOf(run), losses: losses.map(({ step, loss, valid = null }) => ({ step, loss, valid })) }
  })

  app.post('/admin/training/:id/cancel', {
    config, schema: { tags, summary: 'Ends a run at its next step', params, response: { 200: TrainingRun, ...failures } }
  }, async request => runOf(await training.cancel(request.params.id)))

  app.get('/admin/training/:id/report', {
    config, schema: { tags, summary: 'A file of its report', params, querystring: ReportQuery, response: { 200: { description: 'The file.', content: Object.fromEntries(Object.values(types).map(type => [type, { schema: {} }])) }, ...failures } }
  }, async (request, reply) => {
    const { file = 'report.md' } = request.query
    const text = await training.report(request.params.id, file)
    return reply
      .type(`${types[file.split('.')[1] ?? '']}; charset=utf-8`)
      // A plot that is opened by itself is a document of this server's: it may run nothing and fetch nothing.
      .header('content-security-policy', "default-src 'none'; sandbox")
      .header('x-content-type-options', 'nosniff')
      .send(text)
  })
}
