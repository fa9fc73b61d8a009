import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import type { Summary } from '../../datasets/exports/writing.ts'
import type { Exported, NewSchedule, Schedule } from '../../datasets/schedule.ts'
import type { Exports, Schedules } from '../ports.ts'
import { rangeIn } from '../ranges.ts'
import { ExportHeaders, ExportId, ExportQuery, type ExportedWire, ExportedList, ScheduleBody, type ScheduleBodyWire, ScheduleList, Schedule as ScheduleShape, type ScheduleWire } from '../schemas/exports.ts'
import { callerOf } from '../plugins/auth.ts'
import { failures } from '../schemas/shapes.ts'

/** Exported files that are listed: some months of daily ones. */
const listed = 200

/** Versions of data sets as files, now and on a schedule. */
export const exports: FastifyPluginAsyncTypebox<{ readonly exports: Exports, readonly schedules: Schedules }> = async (app, { exports, schedules }) => {
  const config = { access: 'admin' } as const
  const tags = ['administration']

  app.get('/admin/datasets/:id/export', {
    config, schema: { tags, summary: 'A version as a file, which can be gone on with where a download ended', description: 'JSON lines. `x-engraft-export` tells how many rows there are, what the format could not hold and why, and what is worth knowing; `etag` is the sha256.', params: ExportId, querystring: ExportQuery, headers: ExportHeaders, response: { 200: { description: 'The rows.', content: { 'application/jsonl': { schema: {} } } }, ...failures } }
  }, async (request, reply) => {
    const { format, split = 'train' } = request.query
    const left = new AbortController()
    reply.raw.once('close', () => left.abort(new Error('the caller left')))
    const opened = await exports.open(request.params.id, split, format, left.signal)
    const { bytes, sha256 } = opened.summary
    const etag = `"${sha256}"`
    try {
      const { 'if-range': known = etag, range } = request.headers
      const part = known === etag ? rangeIn(range, bytes) : null
      const { start, end } = part ?? { start: 0, end: bytes }
      reply.headers({
        'content-type': 'application/jsonl',
        'content-length': end - start,
        'content-disposition': `attachment; filename="${request.params.id.replace(/[^\w.-]/g, '_')}-${split}.${format}.jsonl"`,
        'accept-ranges': 'bytes',
        etag,
        'x-engraft-export': toldOf(opened.summary)
      })
      if (part !== null) reply.code(206).header('content-range', `bytes ${start}-${end - 1}/${bytes}`)
      if (request.method === 'HEAD') {
        await opened.close()
        return await reply.send(null)
      }
      return await reply.send(opened.read(start, end))
    } catch (error) {
      await opened.close()
      throw error
    }
  })

  app.get('/admin/schedules', {
    config, schema: { tags, summary: 'What is exported by itself, and when', response: { 200: ScheduleList, ...failures } }
  }, async () => ({ object: 'list' as const, data: (await schedules.list()).map(scheduleOf) }))

  app.post('/admin/schedules', {
    config, schema: { tags, summary: 'Exports a data set again and again', body: ScheduleBody, response: { 201: ScheduleShape, ...failures } }
  }, async (request, reply) => reply.code(201).send(scheduleOf(await schedules.create(scheduleFrom(request.body, callerOf(request).tenant)))))

  app.delete('/admin/schedules/:id', {
    config, schema: { tags, summary: 'Ends a schedule; its files stay', params: ExportId, response: { 204: Type.Null({ description: 'It is gone.' }), ...failures } }
  }, async (request, reply) => {
    await schedules.remove(request.params.id)
    return reply.code(204).send(null)
  })

  app.get('/admin/exports', {
    config, schema: { tags, summary: 'Files that were exported by a schedule', response: { 200: ExportedList, ...failures } }
  }, async () => ({ object: 'list' as const, data: (await schedules.exported(listed)).map(exportedOf) }))
}

/** In ASCII, since it is a header: reasons and warnings are in plain English. */
function toldOf ({ rows, skipped, warnings }: Summary): string { return JSON.stringify({ rows, skipped, warnings }) }

function scheduleFrom ({ tenant, dataset, filters = {}, format, split = 'train', folder, cron = null, rows = null }: ScheduleBodyWire, own: string): NewSchedule {
  // That it is just one of the two is checked where schedules are made, with its words.
  return { tenant: tenant ?? own, dataset, filters, format, split, folder: folder ?? null, cron, rows } as NewSchedule
}

function scheduleOf ({ created, next, ...schedule }: Schedule): ScheduleWire {
  return { ...schedule, object: 'schedule', created_at: time(created), next_at: next === null ? null : time(next) }
}

function exportedOf ({ created, removed, inside: _, ...exported }: Exported): ExportedWire {
  return { ...exported, object: 'export', created_at: time(created), removed_at: removed === null ? null : time(removed) }
}

function time (ms: number): string { return new Date(ms).toISOString() }
