import multipart from '@fastify/multipart'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import Type, { type Static } from 'typebox'
import type { AddRequest } from '../../adapters/adapters.ts'
import type { Config } from '../../config.ts'
import { problem } from '../../errors.ts'
import { adapterOf, versionOf, type Known } from '../adapters.ts'
import { actorOf } from '../plugins/auth.ts'
import type { Adapters, Bases, Lineages } from '../ports.ts'
import { Adapter, AdapterBody, AdapterForm, AdapterLineage, AdapterLineageQuery, AdapterList, AdapterVersion, AdapterVersionList, PinBody, PromoteBody, RemoveQuery } from '../schemas/adapters.ts'
import { PathName, failures } from '../schemas/shapes.ts'
import { type Uploads, formLimits } from '../upload.ts'

export interface AdminAdaptersOptions {
  readonly adapters: Adapters
  readonly bases: Pick<Bases, 'find'>
  readonly lineages: Lineages
  readonly uploads: Uploads
  readonly config: Pick<Config, 'adapterLimit' | 'requestTimeout'>
}

/** Rows of one page: a few hundred kilobytes. */
const mostRows = 1000

export const adminAdapters: FastifyPluginAsyncTypebox<AdminAdaptersOptions> = async (app, { adapters, bases, lineages, uploads, config: { adapterLimit, requestTimeout } }) => {
  const config = { access: 'admin' } as const
  const tags = ['administration']
  const params = Type.Object({ name: PathName })
  const known = async (): Promise<Known> => ({ bases, trained: await lineages.trained() })
  const one = (summary: string) => ({ tags, summary, params, response: { 200: Adapter, ...failures } })
  // The file's own ceiling is kept where its bytes are counted, with its own words.
  await app.register(multipart, { limits: { ...formLimits, fileSize: Infinity } })

  app.get('/admin/adapters', {
    config, schema: { tags, summary: 'All adapters and their versions', response: { 200: AdapterList, ...failures } }
  }, async () => {
    const beside = await known()
    return { object: 'list' as const, data: adapters.list().map(info => adapterOf(info, beside)) }
  })

  app.post('/admin/adapters', {
    config,
    schema: {
      tags,
      summary: 'Checks a LoRA adapter and registers it as the next version under its name; what is served stays as it is',
      consumes: ['multipart/form-data', 'application/json'],
      body: { content: { 'application/json': { schema: AdapterBody }, 'multipart/form-data': { schema: AdapterForm } } },
      response: {
        200: { description: 'These bytes were known under this name already.', ...AdapterVersion },
        201: { description: 'A new version.', ...AdapterVersion },
        ...failures
      }
    }
  }, async (request, reply) => {
    const add = async (asked: AddRequest): Promise<FastifyReply> => {
      const { version, created } = await adapters.add(asked, actorOf(request))
      return reply.code(created ? 201 : 200).send(versionOf(version, adapters.find(version.name), await known()))
    }
    if (request.isMultipart()) {
      return await uploads.receive(request, { fields: ['name', 'base'], fileSize: adapterLimit, silence: requestTimeout }, async ({ fields, content }) => {
        const name = fields.get('name')
        if (name === undefined) throw problem('invalid_request', { detail: "'name' is missing: send it before the file." }, { param: 'name' })
        return await add({ name, base: fields.get('base') ?? null, content })
      })
    }
    const body = request.body as Static<typeof AdapterBody> | undefined
    if (body === undefined) throw problem('unsupported_media_type', {})
    return await add({ name: body.name, base: body.base ?? null, content: body.source })
  })

  app.get('/admin/adapters/:name', { config, schema: one('One adapter') }, async request => adapterOf(existing(request.params.name), await known()))

  app.get('/admin/adapters/:name/versions', {
    config, schema: { ...one('Its versions, the newest first'), response: { 200: AdapterVersionList, ...failures } }
  }, async request => ({ object: 'list' as const, data: adapterOf(existing(request.params.name), await known()).versions }))

  app.delete('/admin/adapters/:name', {
    config, schema: { tags, summary: 'Removes a version, or the adapter; not while it is live or answering', params, querystring: RemoveQuery, response: { 204: Type.Null({ description: 'It is gone.' }), ...failures } }
  }, async (request, reply) => {
    const { version } = request.query
    await adapters.remove(request.params.name, version === undefined ? null : Number(version), actorOf(request))
    return reply.code(204).send(null)
  })

  app.post('/admin/adapters/:name/promote', {
    config, schema: { ...one('Lets a version answer under the name; answers under way end on the one they began with'), body: PromoteBody }
  }, async request => adapterOf(await adapters.promote(request.params.name, request.body.version, actorOf(request)), await known()))

  app.post('/admin/adapters/:name/rollback', {
    config, schema: one('Brings back the version that was live before')
  }, async request => adapterOf(await adapters.rollback(request.params.name, actorOf(request)), await known()))

  app.post('/admin/adapters/:name/retire', {
    config, schema: one('Takes the name off until the next promote')
  }, async request => adapterOf(await adapters.retire(request.params.name, actorOf(request)), await known()))

  app.post('/admin/adapters/:name/pin', {
    config, schema: { ...one('Keeps its live version in memory, or no longer'), body: PinBody }
  }, async request => adapterOf(await adapters.pin(request.params.name, request.body.pinned, actorOf(request)), await known()))

  app.get('/admin/adapters/:name/lineage', {
    config, schema: { ...one('What a version learnt from: its run, its data sets and their rows'), querystring: AdapterLineageQuery, response: { 200: AdapterLineage, ...failures } }
  }, async request => {
    const { live, versions } = existing(request.params.name)
    const number = Number(request.query.version ?? live ?? versions[0]?.version)
    const version = versions.find(({ version }) => version === number)
    const adapter = `${request.params.name}@${number}`
    if (version === undefined) throw problem('adapter_not_found', { adapter }, { param: 'version' })
    const trained = (await lineages.trained()).get(adapter)
    const { people, rows, data, more } = await lineages.rows(adapter, { after: request.query.after ?? null, limit: Math.min(Number(request.query.limit ?? 100), mostRows) })
    return {
      object: 'adapter.lineage' as const,
      adapter,
      digest: version.digest,
      run: trained?.run ?? null,
      datasets: trained?.datasets.map(dataset => ({ ...dataset })) ?? [],
      gone: trained?.gone ?? 0,
      people,
      rows,
      data: data.map(({ interaction, ...row }) => ({ ...row, completion: interaction })),
      has_more: more
    }
  })

  function existing (name: string) {
    const info = adapters.find(name)
    if (info === null) throw problem('adapter_not_found', { adapter: name }, { param: 'name' })
    return info
  }
}
