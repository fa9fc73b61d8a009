import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type, { type Static } from 'typebox'
import type { Caller } from '../../access/caller.ts'
import { cardOf, driftOf } from '../../datasets/card.ts'
import type { Origin, Progress, Version, Wanted } from '../../datasets/datasets.ts'
import { problem } from '../../errors.ts'
import { callerOf } from '../plugins/auth.ts'
import type { Datasets, Lineages } from '../ports.ts'
import { DatasetBody, type DatasetBodyWire, DatasetDetail, DatasetDiff, DatasetList, DatasetPreview, DatasetsQuery, DiffQuery, LineageList, LineageQuery } from '../schemas/datasets.ts'
import { PathName, failures } from '../schemas/shapes.ts'

/** Versions of data sets. They are built in the background: who began one asks after it. */
export const adminDatasets: FastifyPluginAsyncTypebox<{ datasets: Datasets, lineages: Lineages }> = async (app, { datasets, lineages }) => {
  const config = { access: 'admin' } as const
  const tags = ['administration']
  const params = Type.Object({ id: PathName })
  /** How far what is being built is, by id. */
  const under = new Map<string, Progress>()

  app.get('/admin/datasets', {
    config, schema: { tags, summary: 'All versions of data sets', querystring: DatasetsQuery, response: { 200: DatasetList, ...failures } }
  }, async request => ({ object: 'list' as const, data: (await datasets.list(request.query.tenant ?? null)).map(datasetOf) }))

  app.post('/admin/datasets', {
    config, schema: { tags, summary: 'Begins to build the next version of a data set', body: DatasetBody, response: { 202: DatasetDetail, ...failures } }
  }, async (request, reply) => {
    const { version, done } = await datasets.build(wantedOf(request.body, callerOf(request)), progress => { under.set(version.id, progress) })
    // What went wrong is in the version itself, which is asked after.
    done.catch((error: unknown) => { request.log.error({ err: error, dataset: version.id }, 'a data set could not be built') }).finally(() => { under.delete(version.id) })
    return reply.code(202).send(detailOf(version))
  })

  app.post('/admin/datasets/preview', {
    config, schema: { tags, summary: 'Says what a version would hold and what would be dropped, and keeps nothing', body: DatasetBody, response: { 200: DatasetPreview, ...failures } }
  }, async request => {
    const { manifest, examples } = await datasets.preview(wantedOf(request.body, callerOf(request)))
    return { object: 'dataset.preview' as const, manifest, examples: examples.map(({ step, reason, rows }) => ({ step, reason, completions: [...rows] })) }
  })

  app.get('/admin/datasets/lineage', {
    config, schema: { tags, summary: 'From a row to its answer, its person and the adapters that learnt from it, and back', querystring: LineageQuery, response: { 200: LineageList, ...failures } }
  }, async request => {
    const found = await datasets.lineage(originOf(request.query, callerOf(request)))
    const adapters = await lineages.learntFrom(found.map(({ row }) => row))
    return {
      object: 'list' as const,
      data: found.map(({ interaction, ...row }) => ({ ...row, completion: interaction, adapters: [...adapters.get(row.row) ?? []] })),
      answered: request.query.completion === undefined ? null : await answeredBy(request.query.completion)
    }
  })

  app.get('/admin/datasets/:id', {
    config, schema: { tags, summary: 'A version with its manifest and card', params, response: { 200: DatasetDetail, ...failures } }
  }, async request => detailOf(await datasets.find(request.params.id)))

  app.get('/admin/datasets/:id/diff', {
    config, schema: { tags, summary: 'How a version differs from another', params, querystring: DiffQuery, response: { 200: DatasetDiff, ...failures } }
  }, async request => {
    const drift = await datasets.diff(request.params.id, request.query.against)
    return { object: 'dataset.diff' as const, drift, text: driftOf(drift) }
  })

  /** What gave an answer, and what that learnt from; null: the answer is not on record. */
  async function answeredBy (completion: string) {
    const model = await lineages.answeredBy(completion)
    if (model === null) return null
    const trained = (await lineages.trained()).get(model)
    return { model, trained: trained === undefined ? null : { run: trained.run, datasets: trained.datasets.map(dataset => ({ ...dataset })), gone: trained.gone } }
  }

  function detailOf (version: Version) {
    const { id, manifest, drift } = version
    return { ...datasetOf(version), progress: under.get(id) ?? null, manifest, drift, card: cardOf(version) }
  }
}

function wantedOf ({ tenant, name, filters }: DatasetBodyWire, caller: Caller): Wanted { return { tenant: tenant ?? caller.tenant, name, filters: filters ?? {} } }

function originOf ({ row, completion, user, tenant }: Static<typeof LineageQuery>, caller: Caller): Origin {
  const given: Origin[] = [
    ...row === undefined ? [] : [{ type: 'row' as const, row }],
    ...completion === undefined ? [] : [{ type: 'interaction' as const, interaction: completion }],
    ...user === undefined ? [] : [{ type: 'user' as const, tenant: tenant ?? caller.tenant, user }]
  ]
  const [origin, another] = given
  if (origin === undefined || another !== undefined) throw problem('invalid_request', { detail: "Give one of 'row', 'completion' and 'user'." }, { param: 'row' })
  return origin
}

function datasetOf ({ id, tenant, name, version, created, state, failure, sha256, erased, manifest }: Version) {
  return {
    id,
    object: 'dataset' as const,
    tenant,
    name,
    version,
    created_at: new Date(created).toISOString(),
    state,
    failure,
    sha256,
    erased,
    rows: manifest === null ? null : { train: manifest.counts.train.rows, valid: manifest.counts.valid.rows, test: manifest.counts.test.rows }
  }
}
