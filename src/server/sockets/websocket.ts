import websocketPlugin from '@fastify/websocket'
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import type { WebSocket } from 'ws'
import type { Config } from '../../config.ts'
import { problem } from '../../errors.ts'
import type { Answers } from '../answers.ts'
import { chatFrom } from '../chat-request.ts'
import { type Fault, invalid } from '../invalid.ts'
import { type Identify, speakerOf } from '../plugins/auth.ts'
import { ChatBody, type ChatWire } from '../schemas/chat.ts'
import { Conversation } from './conversation.ts'
import type { OpenSockets } from './open-sockets.ts'
import { wishesOf } from '../wishes.ts'

export interface WebsocketOptions {
  readonly answers: Answers
  readonly sockets: OpenSockets
  readonly identify: Identify
  readonly config: Config
}

const protocol = 'engraft.v1'
// Below the idle limits of common proxies (60 s); a peer that misses a whole round is dead.
const pingMs = 30_000
// Sockets end when their users leave: nobody can say when, so a little later is as good as any time.
const comeBackSeconds = 10

/**
 * Lets routes take WebSockets. It must come before every plugin that may refuse
 * a request: its hooks are what closes the socket of a refused upgrade.
 */
export const upgrades = fp<{ maxPayload: number, sockets: OpenSockets }>(async (app, { maxPayload, sockets }) => {
  await app.register(websocketPlugin, {
    options: {
      maxPayload,
      // Never the first that is offered: that may be the key (trap T16).
      handleProtocols: offered => offered.has(protocol) ? protocol : false
    },
    preClose: async () => { await sockets.farewell() },
    errorHandler: (_error, socket) => { socket.terminate() }
  })
}, { name: 'upgrades' })

/** Adds `/v1/ws`: many answers at once on one socket. */
export const websocket: FastifyPluginAsync<WebsocketOptions> = async (app, { answers, sockets, identify, config }) => {
  app.route({
    method: 'GET',
    url: '/v1/ws',
    config: { access: 'chat' },
    schema: { hide: true },
    preHandler: async request => {
      if (!request.ws) return
      if (answers.draining) throw problem('shutting_down', { seconds: comeBackSeconds }, { retryAfter: comeBackSeconds })
      if (sockets.count >= config.sockets) throw problem('too_many_sockets', { limit: config.sockets, seconds: comeBackSeconds }, { retryAfter: comeBackSeconds })
    },
    handler: async () => { throw problem('upgrade_required', {}) },
    wsHandler: (socket, request) => {
      keepAlive(socket)
      const wishes = wishesOf(request)
      const valid = request.compileValidationSchema(ChatBody, 'body')
      sockets.add(socket, new Conversation(socket, {
        answers,
        log: request.log,
        answersPerSocket: config.answersPerSocket,
        stallMs: config.stallTimeout * 1000,
        chatFrom: body => {
          if (valid(body) !== true) throw invalid((valid.errors ?? []) as Fault[], 'body')
          return chatFrom(body as ChatWire, wishes)
        },
        speaker: async user => speakerOf(await identify(request), user)
      }))
    }
  })
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
