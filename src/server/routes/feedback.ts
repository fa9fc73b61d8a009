import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { problem } from '../../errors.ts'
import type { Reach } from '../../interactions/interactions.ts'
import { feedbackFrom, feedbackOf, signalOf } from '../feedback.ts'
import { unknownFields } from '../fields.ts'
import { headerSafe, headerText } from '../headers.ts'
import { callerOf, speakerOf } from '../plugins/auth.ts'
import type { Admit, Feedback as FeedbackRecord } from '../ports.ts'
import { Feedback, FeedbackBody, FeedbackHeaders, FeedbackList, FeedbackQuery } from '../schemas/feedback.ts'
import { failures, noControls } from '../schemas/shapes.ts'

// As the stored completions.
const pageSize = 20
const maxPageSize = 100

const maxKeyLength = 256
const allowed = new RegExp(noControls, 'u')

/** What people say of answers. A key reaches its tenant's; where it speaks for a user, only theirs. */
export const feedback: FastifyPluginAsyncTypebox<{ readonly feedback: FeedbackRecord, readonly admit: Admit }> = async (app, { feedback, admit }) => {
  const config = { access: 'feedback' } as const
  const tags = ['feedback']

  app.post('/v1/feedback', {
    config, schema: { tags, summary: 'Says something of an answer, or of a session', headers: FeedbackHeaders, body: FeedbackBody, response: { 200: Feedback, 201: Feedback, ...failures } }
  }, async (request, reply) => {
    const reach = await reachOf(request, request.body.user)
    const given = feedbackFrom(request.body)
    const { feedback: recorded, fresh } = await feedback.give(reach, given, keyIn(request))
    const ignored = unknownFields([request.body], FeedbackBody)
    if (ignored.length > 0) reply.header('x-engraft-ignored', headerSafe(ignored))
    reply.code(fresh ? 201 : 200)
    return feedbackOf(recorded)
  })

  app.get('/v1/feedback', {
    config, schema: { tags, summary: 'What was said', querystring: FeedbackQuery, response: { 200: FeedbackList, ...failures } }
  }, async request => {
    const { user, completion_id: completion = null, session = null, kind = null, after = null, limit } = request.query
    const reach = await reachOf(request, user)
    const size = limit === undefined ? pageSize : Number(limit)
    if (size < 1 || size > maxPageSize) throw problem('invalid_request', { detail: `'limit' must be from 1 to ${maxPageSize}.` }, { param: 'limit' })
    const { data, more } = await feedback.list(reach, { completion, session, kind, after, limit: size })
    const of = completion !== null ? { completion } : session !== null ? { session } : null
    return {
      object: 'list' as const,
      data: data.map(feedbackOf),
      first_id: data[0]?.id ?? null,
      last_id: data.at(-1)?.id ?? null,
      has_more: more,
      ...of !== null && { implied: (await feedback.signals(reach, of)).map(signalOf) }
    }
  })

  /** Counts the request too, by key and by user. */
  async function reachOf (request: FastifyRequest, user: string | null | undefined): Promise<Reach> {
    const caller = speakerOf(callerOf(request), user ?? null)
    await admit(caller)
    return { tenant: caller.tenant, user: caller.user }
  }
}

function keyIn ({ headers }: FastifyRequest): string | null {
  const given = headers['idempotency-key']
  if (given === undefined) return null
  const key = typeof given === 'string' ? headerText(given) : ''
  if (key.length > maxKeyLength || !allowed.test(key)) throw problem('invalid_request', { detail: `'idempotency-key' must be given once, not empty, and have at most ${maxKeyLength} characters.` }, { param: 'idempotency-key' })
  return key
}
