import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Embed } from '../../chat/embed.ts'
import { problem } from '../../errors.ts'
import { departure } from '../departure.ts'
import { embeddingFields, ignoredFields } from '../fields.ts'
import { headerSafe } from '../headers.ts'
import { callerOf, speakerOf } from '../plugins/auth.ts'
import { Embeddings, EmbeddingsBody, maxTexts } from '../schemas/embeddings.ts'
import { failures } from '../schemas/shapes.ts'
import { textsFrom } from '../texts.ts'

export const embeddings: FastifyPluginAsyncTypebox<{ readonly embed: Embed }> = async (app, { embed }) => {
  app.post('/v1/embeddings', {
    config: { access: 'chat' },
    schema: { tags: ['chat'], summary: 'The vectors of texts', body: EmbeddingsBody, response: { 200: Embeddings, ...failures } }
  }, async (request, reply) => {
    const { body } = request
    const texts = textsFrom(body.input, 'input', maxTexts)
    const empty = texts.findIndex(({ length }) => length === 0)
    if (empty !== -1) throw problem('invalid_request', { detail: `'input[${empty}]' must not be empty.` }, { param: `input[${empty}]` })
    const ignored = ignoredFields(body, embeddingFields)
    if (ignored.length > 0) reply.header('x-engraft-ignored', headerSafe(ignored))
    const caller = speakerOf(callerOf(request), body.safety_identifier ?? body.user ?? null)
    const { model, vectors, promptTokens } = await embed({ model: body.model ?? null, texts, dimensions: body.dimensions ?? null }, caller, departure(reply))
    reply.header('x-engraft-model', headerSafe([model]))
    return {
      object: 'list' as const,
      model,
      data: vectors.map((vector, index) => ({ object: 'embedding' as const, index, embedding: body.encoding_format === 'base64' ? base64(vector) : [...vector] })),
      usage: { prompt_tokens: promptTokens, total_tokens: promptTokens }
    }
  })
}

/** Every machine that the engine runs on stores numbers in little-endian order, which OpenAI's clients read. */
function base64 ({ buffer, byteOffset, byteLength }: Float32Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64')
}
