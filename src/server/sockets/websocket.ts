import { setTimeout as sleep } from 'node:timers/promises'
import websocketPlugin from '@fastify/websocket'
import fp from 'fastify-plugin'
import type { WebSocket } from 'ws'
import type { Config } from '../../config.ts'
import { problem } from '../../errors.ts'
import type { Answers } from '../answers.ts'
import { chatFrom } from '../chat-request.ts'
import { type Fault, invalid } from '../invalid.ts'
import { type Identify, speakerOf } from '../plugins/auth.ts'
import { ChatBody, type ChatWire } from '../schemas/chat.ts'
import { converse } from './conversation.ts'

export interface WebsocketOptions {
  readonly answers: Answers
  readonly identify: Identify
  readonly config: Config
}

const protocol = 'engraft.v1'
// Below the idle limits of common proxies (60 s); a peer that misses a whole round is dead.
const pingMs = 30_000
// How long a client may take to answer a close before it is cut.
const closeMs = 1_000
// Sockets end when their users leave: nobody can say when, so a little later is as good as any time.
const comeBackSeconds = 10
const goingAway = 1001

/** Adds `/v1/ws`: many answers at once on one socket. */
export const websocket = fp<WebsocketOptions>(async (app, { answers, identify, config }) => {
  await app.register(websocketPlugin, {
    options: {
      maxPayload: config.bodyLimit,
      // Never the first that is offered: that may be the key (trap T16).
      handleProtocols: offered => offered.has(protocol) ? protocol : false
    },
    preClose: async () => { await farewell(app.websocketServer.clients) },
    errorHandler: (_error, socket) => { socket.terminate() }
  })

  app.route({
    method: 'GET',
    url: '/v1/ws',
    config: { access: 'chat' },
    schema: { hide: true },
    preHandler: async request => {
      if (!request.ws) return
      if (answers.draining) throw problem('shutting_down', { seconds: comeBackSeconds }, { retryAfter: comeBackSeconds })
      if (app.websocketServer.clients.size >= config.sockets) throw problem('too_many_sockets', { limit: config.sockets, seconds: comeBackSeconds }, { retryAfter: comeBackSeconds })
    },
    handler: async () => { throw problem('upgrade_required', {}) },
    wsHandler: (socket, request) => {
      keepAlive(socket)
      const valid = request.compileValidationSchema(ChatBody, 'body')
      converse(socket, {
        answers,
        log: request.log,
        answersPerSocket: config.answersPerSocket,
        stallMs: config.stallTimeout * 1000,
        chatFrom: body => {
          if (valid(body) !== true) throw invalid((valid.errors ?? []) as Fault[], 'body')
          return chatFrom(body as ChatWire)
        },
        speaker: async user => speakerOf(await identify(request), user)
      })
    }
  })
}, { name: 'websocket', dependencies: ['auth'] })

/** Ends the sockets: 1001 for those that listen, a cut for those that do not. */
export async function farewell (clients: ReadonlySet<WebSocket>): Promise<void> {
  for (const client of clients) client.close(goingAway, 'The server is shutting down.')
  const late = performance.now() + closeMs
  while (clients.size > 0 && performance.now() < late) await sleep(20)
  for (const client of clients) client.terminate()
}

function keepAlive (socket: WebSocket): void {
  let alive = true
  socket.on('pong', () => { alive = true })
  const timer = setInterval(() => {
    if (!alive) return socket.terminate()
    alive = false
    socket.ping()
  }, pingMs)
  socket.once('close', () => clearInterval(timer))
}
