import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Answers } from '../answers.ts'
import { chatFrom } from '../chat-request.ts'
import { chunksOf, completionOf } from '../completion.ts'
import { departure } from '../departure.ts'
import { callerOf, speakerOf } from '../plugins/auth.ts'
import { type ReplyOptions, replyWith } from '../reply.ts'
import { ChatBody, Chunk, Completion } from '../schemas/chat.ts'
import { failures } from '../schemas/shapes.ts'
import { wishesOf } from '../wishes.ts'

export interface AnswerOptions extends ReplyOptions { readonly answers: Answers }

export const chat: FastifyPluginAsyncTypebox<AnswerOptions> = async (app, { answers, ...options }) => {
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
    const { request: asked, user, ...wanted } = chatFrom(request.body, wishesOf(request))
    const caller = speakerOf(callerOf(request), user)
    return await replyWith(request as FastifyRequest, reply as FastifyReply, answers.answer(asked, caller, departure(reply)), { whole: completionOf, chunks: chunksOf }, wanted, options)
  })
}
