import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { problem } from '../../errors.ts'
import type { Audit } from '../ports.ts'
import { AuditList, AuditQuery } from '../schemas/keys.ts'
import { failures } from '../schemas/shapes.ts'

// A page that reads well, and one that still fits a few hundred KiB.
const pageSize = 100
const maxPageSize = 1000

export const adminAudit: FastifyPluginAsyncTypebox<{ audit: Audit }> = async (app, { audit }) => {
  app.get('/admin/audit', {
    config: { access: 'admin' },
    schema: { tags: ['administration'], summary: 'What was changed, by whom and when; the newest first', querystring: AuditQuery, response: { 200: AuditList, ...failures } }
  }, async request => {
    const { before, limit } = request.query
    const entries = limit === undefined ? pageSize : Number(limit)
    if (entries < 1 || entries > maxPageSize) throw problem('invalid_request', { detail: `'limit' must be from 1 to ${maxPageSize}.` }, { param: 'limit' })
    return { object: 'list' as const, data: [...await audit({ before: before === undefined ? null : Number(before), limit: entries })] }
  })
}
