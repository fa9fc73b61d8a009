import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from '../../config.ts'
import { abreast } from '../abreast.ts'
import { completionsFrom } from '../completion-request.ts'
import { departure } from '../departure.ts'
import { unsupportedValue } from '../fields.ts'
import { callerOf, speakerOf } from '../plugins/auth.ts'
import { replyWith } from '../reply.ts'
import { CompletionBody, TextChunk, TextCompletion } from '../schemas/completions.ts'
import { failures } from '../schemas/shapes.ts'
import { textChunksOf, textCompletionOf } from '../text-completion.ts'
import { wishesOf } from '../wishes.ts'
import type { AnswerOptions } from './chat.ts'

export const completions: FastifyPluginAsyncTypebox<AnswerOptions & { readonly config: Pick<Config, 'slots'> }> = async (app, { answers, ...options }) => {
  app.post('/v1/completions', {
    config: { access: 'chat' },
    schema: {
      tags: ['chat'],
      summary: 'Continues a text, or several, without a chat template',
      body: CompletionBody,
      response: {
        200: { description: 'What continues them; with `stream`, its chunks as server-sent events.', content: { 'application/json': { schema: TextCompletion }, 'text/event-stream': { schema: TextChunk } } },
        ...failures
      }
    }
  }, async (request, reply) => {
    const { memory } = wishesOf(request)
    if (memory !== null && memory !== 'off') throw unsupportedValue('x-engraft-memory', memory, "a text has no memory: send 'off', or POST /v1/chat/completions.")
    const { requests, user, ...wanted } = completionsFrom(request.body)
    const caller = speakerOf(callerOf(request), user)
    // Each prompt is an answer of its own. More at once than there are slots would only wait in the queue that others need.
    const events = abreast(requests.map(asked => signal => answers.answer(asked, caller, signal)), { choices: requests[0].choices, width: options.config.slots, signal: departure(reply) })
    return await replyWith(request as FastifyRequest, reply as FastifyReply, events, { whole: textCompletionOf, chunks: textChunksOf }, wanted, options)
  })
}
