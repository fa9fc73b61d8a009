import fp from 'fastify-plugin'
import type { Answers } from '../answers.ts'
import { type OpenSockets, until } from '../sockets/open-sockets.ts'
import { whenOver } from './log.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Refuses new answers, lets the running ones end until the deadline, tells
     * the rest that the server is shutting down, and closes the WebSockets.
     * Takes at most two seconds beyond the deadline. Call it before `close`,
     * which cuts what is left.
     */
    drain (deadline: AbortSignal): Promise<void>
  }
}

// An engine ends within one token; the rest of the second is for last words to be written. A stalled reader gets none.
const lastWordsMs = 1_000

export const drain = fp<{ answers: Answers, sockets: OpenSockets }>(async (app, { answers, sockets }) => {
  let replies = 0
  app.addHook('onRequest', async (request, reply) => {
    if (request.ws) return
    replies++
    whenOver(reply, () => { replies-- })
  })
  app.addHook('preClose', async () => { answers.refuse() })

  app.decorate('drain', async (deadline: AbortSignal) => {
    await answers.drain(deadline)
    await until(() => replies === 0 && sockets.answers === 0, lastWordsMs)
    await sockets.farewell()
  })
}, { name: 'drain', dependencies: ['upgrades'] })
