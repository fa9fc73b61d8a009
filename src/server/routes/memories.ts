import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { requireUser } from '../../access/caller.ts'
import { problem } from '../../errors.ts'
import type { Owner } from '../../memory/memories.ts'
import { departure } from '../departure.ts'
import { unknownFields } from '../fields.ts'
import { headerSafe } from '../headers.ts'
import { changeFrom, filterFrom, foundOf, memoryOf, newMemoriesFrom, questionFrom } from '../memories.ts'
import { callerOf, speakerOf } from '../plugins/auth.ts'
import type { Admit, Memories, Policies } from '../ports.ts'
import { ChangeBody, Forgotten, Found, MemoriesQuery, MemoryBody, MemoryId, MemoryList, MemoryWithHistory, OfUser, Remembered, SearchBody, Turn, maxMemories } from '../schemas/memories.ts'
import { failures } from '../schemas/shapes.ts'

/** As OpenAI's lists. */
const pageSize = 20

/** The memories of one end user: whoever asks names one, and reaches no other's. */
export const memories: FastifyPluginAsyncTypebox<{ readonly memories: Memories, readonly policies: Policies, readonly admit: Admit }> = async (app, { memories, policies, admit }) => {
  const config = { access: 'memory' } as const
  const tags = ['memory']

  /** Counts the request too, by key and by user. */
  async function ownerOf (request: FastifyRequest, user: string | null | undefined): Promise<Owner> {
    const caller = speakerOf(callerOf(request), user ?? null)
    const owner = { tenant: caller.tenant, user: requireUser(caller, request.method === 'GET' || request.method === 'DELETE' ? 'in the query' : 'in the body') }
    await admit(caller)
    return owner
  }

  /** The same, where key and user let their memories be read or written. What is there can be seen and erased all the same. */
  async function allowed (request: FastifyRequest, user: string | null | undefined, part: 'read' | 'write'): Promise<Owner> {
    const owner = await ownerOf(request, user)
    const own = await policies.of(owner)
    if (!callerOf(request).policy[part] || !own[part]) throw problem('memory_off', { used: part === 'read' ? 'read' : 'written', user: encodeURIComponent(owner.user) })
    return owner
  }

  app.post('/v1/memories', {
    config, schema: { tags, summary: 'Remembers something, or brings a history in', body: MemoryBody, response: { 202: Remembered, ...failures } }
  }, async (request, reply) => {
    const owner = await allowed(request, request.body.user, 'write')
    const items = newMemoriesFrom(request.body)
    const { ids, pending } = await memories.remember(owner, items)
    tellIgnored(reply as FastifyReply, [...unknownFields([request.body], MemoryBody), ...unknownFields(request.body.turns ?? [], Turn).map(name => `turns[].${name}`)])
    reply.code(202)
    return { object: 'list' as const, data: ids.map((id, i) => ({ id, external_id: items[i]?.externalId ?? null })), pending }
  })

  app.get('/v1/memories', {
    config, schema: { tags, summary: 'The memories of a user', querystring: MemoriesQuery, response: { 200: MemoryList, ...failures } }
  }, async request => {
    const { query } = request
    const owner = await ownerOf(request, query.user)
    const limit = query.limit === undefined ? pageSize : Number(query.limit)
    if (limit < 1 || limit > maxMemories) throw problem('invalid_request', { detail: `'limit' must be from 1 to ${maxMemories}.` }, { param: 'limit' })
    if (query.cursor !== undefined && await memories.get(owner, query.cursor) === null) throw problem('invalid_request', { detail: "'cursor' is no memory of this user (any more): begin again without it." }, { param: 'cursor' })
    const page = await memories.list(owner, filterFrom(query), { after: query.cursor ?? null, limit })
    return { object: 'list' as const, data: page.memories.map(memoryOf), next_cursor: page.next }
  })

  app.post('/v1/memories/search', {
    config, schema: { tags, summary: 'Finds what matters to a question, as a chat would', body: SearchBody, response: { 200: Found, ...failures } }
  }, async (request, reply) => {
    const owner = await allowed(request, request.body.user, 'read')
    const { memories: found, relevant, lexicalOnly } = await memories.recall(owner, { ...questionFrom(request.body), signal: departure(reply) })
    tellIgnored(reply as FastifyReply, unknownFields([request.body], SearchBody))
    return { object: 'list' as const, data: found.map(foundOf), relevant, lexical_only: lexicalOnly }
  })

  app.get('/v1/memories/:id', {
    config, schema: { tags, summary: 'One memory, with where it comes from and what it was before', params: MemoryId, querystring: OfUser, response: { 200: MemoryWithHistory, ...failures } }
  }, async request => {
    const { id } = request.params
    const memory = await memories.get(await ownerOf(request, request.query.user), id)
    if (memory === null) throw problem('memory_not_found', { id })
    return { ...memoryOf(memory), history: memory.history.map(memoryOf) }
  })

  app.patch('/v1/memories/:id', {
    config, schema: { tags, summary: 'Corrects it, or ends it', params: MemoryId, body: ChangeBody, response: { 200: MemoryWithHistory, ...failures } }
  }, async (request, reply) => {
    const { id } = request.params
    const owner = await ownerOf(request, request.body.user)
    if (await memories.change(owner, id, changeFrom(request.body)) === null) throw problem('memory_not_found', { id })
    const memory = await memories.get(owner, id)
    if (memory === null) throw problem('memory_not_found', { id })
    tellIgnored(reply as FastifyReply, unknownFields([request.body], ChangeBody))
    return { ...memoryOf(memory), history: memory.history.map(memoryOf) }
  })

  app.delete('/v1/memories/:id', {
    config, schema: { tags, summary: 'Erases it, what it was before and what was derived from it', params: MemoryId, querystring: OfUser, response: { 200: Forgotten, ...failures } }
  }, async request => {
    const { id } = request.params
    if (await memories.forget(await ownerOf(request, request.query.user), [id]) === 0) throw problem('memory_not_found', { id })
    return { id, object: 'memory.deleted' as const, deleted: true as const }
  })
}

function tellIgnored (reply: FastifyReply, names: readonly string[]): void {
  if (names.length > 0) reply.header('x-engraft-ignored', headerSafe(names))
}
