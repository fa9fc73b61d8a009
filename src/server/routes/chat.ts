import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from '../../config.ts'
import { publicError } from '../../errors.ts'
import type { Answers } from '../answers.ts'
import { chatFrom } from '../chat-request.ts'
import { chunksOf, completionOf } from '../completion.ts'
import { departure } from '../departure.ts'
import { eventStream, paced, quiet } from '../event-stream.ts'
import { refuseMemory } from '../fields.ts'
import { headerSafe } from '../headers.ts'
import { callerOf, speakerOf } from '../plugins/auth.ts'
import { report } from '../plugins/failures.ts'
import { noting } from '../plugins/log.ts'
import { ChatBody, Chunk, Completion } from '../schemas/chat.ts'
import { failures } from '../schemas/shapes.ts'

export interface ChatOptions {
  readonly answers: Answers
  readonly config: Config
  /** Milliseconds of silence after which a comment is sent. */
  readonly keepAliveMs: number
}

export const chat: FastifyPluginAsyncTypebox<ChatOptions> = async (app, { answers, config, keepAliveMs }) => {
  app.post('/v1/chat/completions', {
    config: { access: 'chat' },
    schema: {
      tags: ['chat'],
      summary: 'Answers a conversation',
      body: ChatBody,
      response: {
        200: { description: 'The answer; with `stream`, its chunks as server-sent events.', content: { 'application/json': { schema: Completion }, 'text/event-stream': { schema: Chunk } } },
        ...failures
      }
    }
  }, async (request, reply) => {
    refuseMemoryHeader(request)
    const { request: asked, user, stream, includeUsage, ignored } = chatFrom(request.body)
    const caller = speakerOf(callerOf(request), user)
    if (ignored.length > 0) reply.header('x-engraft-ignored', headerSafe(ignored))
    const events = noting(answers.answer(asked, caller, departure(reply)), outcome => { request.outcome = outcome })
    if (!stream) {
      const completion = await completionOf(events)
      reply.header('x-engraft-model', headerSafe([completion.model]))
      return completion
    }
    // Nothing is written before the first chunk, so that what fails until then has its true status.
    const chunks = paced(chunksOf(events, includeUsage), keepAliveMs)
    const { value: first } = await chunks.next()
    if (request.outcome !== null) reply.header('x-engraft-model', headerSafe([request.outcome.model]))
    return (reply as FastifyReply)
      .type('text/event-stream; charset=utf-8')
      .header('cache-control', 'no-cache')
      // nginx would collect the answer before it passes it on.
      .header('x-accel-buffering', 'no')
      .send(eventStream(first ?? quiet, chunks, {
        stallMs: config.stallTimeout * 1000,
        drop: () => reply.raw.destroy(),
        // What a departure broke is no fault of ours, and nobody is left to be told.
        failure: error => reply.raw.destroyed ? publicError(error) : report(error, request.log)
      }))
  })
}

function refuseMemoryHeader ({ headers }: FastifyRequest): void {
  const memory = headers['x-engraft-memory']
  if (memory !== undefined) refuseMemory('x-engraft-memory', memory)
}
