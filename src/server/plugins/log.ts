import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { ChatEvent } from '../../chat/answer.ts'

/** What an answer adds to its request's line. */
export interface Outcome { readonly model: string, readonly tokens: number | null, /** Ids, which the line does not have. */ readonly memories: readonly string[] }

declare module 'fastify' {
  interface FastifyRequest { outcome: Outcome | null }
}

/** The same events; tells `note` what answers, and at the end how many tokens it took. */
export async function * noting (events: AsyncIterable<ChatEvent>, note: (outcome: Outcome) => void): AsyncGenerator<ChatEvent, void, undefined> {
  let begun: Omit<Outcome, 'tokens'> = { model: '', memories: [] }
  for await (const event of events) {
    if (event.type === 'start') {
      begun = { model: event.model, memories: event.memories }
      note({ ...begun, tokens: null })
    } else if (event.type === 'done') {
      note({ ...begun, tokens: event.usage.completionTokens })
    }
    yield event
  }
}

// nginx's number for "the client closed the request": no status was ever sent in full.
const callerLeft = 499

/**
 * One line a request, when it is over: who, what, how long. Never a text, a
 * header or a query string.
 */
export const log = fp(async app => {
  app.decorateRequest('outcome', null)
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
    whenOver(reply, () => {
      request.log.info({
        method: request.method,
        route: request.routeOptions.url ?? null,
        status: statusOf(request, reply),
        ms: Math.round(reply.elapsedTime),
        keyId: request.caller?.keyId ?? null,
        tenant: request.caller?.tenant ?? null,
        ...(request.outcome !== null && { model: request.outcome.model, tokens: request.outcome.tokens, memories: request.outcome.memories.length })
      }, 'request')
    })
  })
}, { name: 'log' })

/** Calls back once a reply is over, finished or not. Fastify's `onResponse` never comes for a caller who left. */
export function whenOver (reply: FastifyReply, over: () => void): void {
  if (reply.raw.closed) over()
  else reply.raw.once('close', over)
}

export function statusOf (request: FastifyRequest, reply: FastifyReply): number {
  if (request.ws && reply.statusCode === 200) return 101
  return reply.raw.writableEnded ? reply.statusCode : callerLeft
}

/** The caller's own id when it is harmless in a header and a log, else a new one. */
export function requestId ({ headers }: IncomingMessage): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[\w.-]{1,128}$/.test(given) ? given : randomUUID()
}
