import type { IncomingMessage, Server } from 'node:http'
import type { FastifyHttpOptions } from 'fastify'
import type { Config } from '../config.ts'
import { maxIdLength } from './schemas/shapes.ts'

// Node looks for late requests this often; the default of 30 s would let a dripping body live twice its time (trap T3).
const checkMs = 500

/** The ceilings that the HTTP server itself keeps. */
export function limits (config: Pick<Config, 'bodyLimit' | 'requestTimeout'>) {
  const requestTimeout = config.requestTimeout * 1000
  return {
    bodyLimit: config.bodyLimit,
    requestTimeout,
    routerOptions: { maxParamLength: maxIdLength },
    http: {
      // It must be below the whole request's time, or Node applies neither (trap T3).
      headersTimeout: Math.ceil(requestTimeout / 2),
      connectionsCheckingInterval: checkMs,
      // Java's client offers HTTP/2 with `Upgrade: h2c` on every call; only a WebSocket is an upgrade here.
      shouldUpgradeCallback: (request: IncomingMessage) => request.headers.upgrade?.toLowerCase() === 'websocket'
    }
  } satisfies FastifyHttpOptions<Server>
}
