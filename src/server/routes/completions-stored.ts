import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { problem } from '../../errors.ts'
import type { Metadata, Reach } from '../../interactions/interactions.ts'
import { callerOf } from '../plugins/auth.ts'
import type { Stored as StoredCompletions } from '../ports.ts'
import { Deleted, MessageList, MessagesQuery, MetadataBody, Stored, StoredId, StoredList, StoredQuery } from '../schemas/stored.ts'
import { failures } from '../schemas/shapes.ts'
import { storedMessageOf, storedOf } from '../stored.ts'

// OpenAI's default, and its ceiling for lists.
const pageSize = 20
const maxPageSize = 100

/** OpenAI's stored completions. A key sees its tenant's; where it speaks for a user, only theirs. */
export const completionsStored: FastifyPluginAsyncTypebox<{ stored: StoredCompletions }> = async (app, { stored }) => {
  const config = { access: 'chat' } as const
  const tags = ['chat']

  app.get('/v1/chat/completions', {
    config, schema: { tags, summary: 'Stored completions', querystring: StoredQuery, response: { 200: StoredList, ...failures } }
  }, async request => {
    const { after, limit, order, model } = request.query
    const { data, more } = await stored.list(reachOf(request), { after: after ?? null, limit: sizeOf(limit), order: order ?? 'asc', model: model ?? null, metadata: metadataOf(request.query) })
    return listOf(data.map(storedOf), more)
  })

  app.get('/v1/chat/completions/:id', {
    config, schema: { tags, summary: 'One stored completion', params: StoredId, response: { 200: Stored, ...failures } }
  }, async request => storedOf(await stored.find(reachOf(request), request.params.id)))

  app.get('/v1/chat/completions/:id/messages', {
    config, schema: { tags, summary: 'The messages that it answered', params: StoredId, querystring: MessagesQuery, response: { 200: MessageList, ...failures } }
  }, async request => {
    const { after, limit, order } = request.query
    const { id, messages } = await stored.find(reachOf(request), request.params.id)
    const all = messages.map((message, place) => storedMessageOf(id, message, place))
    if (order === 'desc') all.reverse()
    const start = after === undefined ? 0 : all.findIndex(message => message.id === after) + 1
    if (after !== undefined && start === 0) throw problem('invalid_request', { detail: "'after' is no id of a message of this completion." }, { param: 'after' })
    const end = start + sizeOf(limit)
    return listOf(all.slice(start, end), end < all.length)
  })

  app.post('/v1/chat/completions/:id', {
    config, schema: { tags, summary: 'Sets its metadata', params: StoredId, body: MetadataBody, response: { 200: Stored, ...failures } }
  }, async request => {
    const { id } = request.params
    await stored.setMetadata(reachOf(request), id, request.body.metadata ?? {})
    return storedOf(await stored.find(reachOf(request), id))
  })

  app.delete('/v1/chat/completions/:id', {
    config, schema: { tags, summary: 'Forgets it', params: StoredId, response: { 200: Deleted, ...failures } }
  }, async request => {
    const { id } = request.params
    await stored.remove(reachOf(request), id)
    return { object: 'chat.completion.deleted' as const, id, deleted: true as const }
  })
}

function reachOf (request: FastifyRequest): Reach {
  const { tenant, user } = callerOf(request)
  return { tenant, user }
}

function sizeOf (limit: string | undefined): number {
  const size = limit === undefined ? pageSize : Number(limit)
  if (size < 1 || size > maxPageSize) throw problem('invalid_request', { detail: `'limit' must be from 1 to ${maxPageSize}.` }, { param: 'limit' })
  return size
}

/** The pairs of `metadata[key]=value`. */
function metadataOf (query: object): Metadata {
  return Object.fromEntries(Object.entries(query).flatMap(([name, value]) => {
    const key = /^metadata\[(.*)\]$/s.exec(name)?.[1]
    return key === undefined ? [] : [[key, String(value)]]
  }))
}

function listOf<T extends { readonly id: string }> (data: T[], more: boolean) {
  return { object: 'list' as const, data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: more }
}
