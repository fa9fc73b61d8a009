import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Count } from '../../chat/count.ts'
import { problem } from '../../errors.ts'
import type { Input } from '../../inference/engine.ts'
import { messagesFrom } from '../chat-request.ts'
import { departure } from '../departure.ts'
import { headerSafe } from '../headers.ts'
import { callerOf } from '../plugins/auth.ts'
import { TokenizeBody, Tokens } from '../schemas/models.ts'
import { failures } from '../schemas/shapes.ts'

export const tokenize: FastifyPluginAsyncTypebox<{ count: Count }> = async (app, { count }) => {
  app.post('/tokenize', {
    config: { access: 'chat' },
    schema: { tags: ['chat'], summary: 'The tokens of a text or of a conversation', body: TokenizeBody, response: { 200: Tokens, ...failures } }
  }, async (request, reply) => {
    const { model, prompt, messages } = request.body
    const unknown = Object.keys(request.body).filter(field => !(field in TokenizeBody.properties))
    if (unknown.length > 0) reply.header('x-engraft-ignored', headerSafe(unknown))
    const { tokens, contextSize } = await count(model ?? null, inputOf(prompt ?? null, messages ?? null), callerOf(request), departure(reply))
    return { count: tokens.length, max_model_len: contextSize, tokens: [...tokens] }
  })
}

function inputOf (prompt: string | null, messages: Parameters<typeof messagesFrom>[0] | null): Input {
  if (prompt !== null && messages !== null) throw problem('invalid_request', { detail: "'prompt' and 'messages' exclude each other: send one." }, { param: 'messages' })
  if (messages !== null) return { type: 'chat', messages: messagesFrom(messages), tools: null, effort: null }
  if (prompt !== null) return { type: 'text', text: prompt.toWellFormed() }
  throw problem('invalid_request', { detail: "'prompt' is missing: send a text, or 'messages'." }, { param: 'prompt' })
}
