import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type Caller, type Scope, keyless, requireScope, speakingFor } from '../../access/caller.ts'
import { needsKey, type Config } from '../../config.ts'
import { problem } from '../../errors.ts'
import { headerText } from '../headers.ts'
import { maxUserLength, noControls } from '../schemas/shapes.ts'
import type { Verify } from '../ports.ts'

/** Who may call a route: anyone, any key, or a key with the scope. A route that says nothing asks for a key. */
export type Access = 'open' | 'key' | Scope

export type Identify = (request: FastifyRequest) => Promise<Caller>

declare module 'fastify' {
  interface FastifyContextConfig { access?: Access }
  interface FastifyRequest { caller: Caller | null }
}

/**
 * Puts the caller on the request, before its body is read.
 *
 * Without a key, loopback alone proves nothing: every web page can reach it
 * through the browser, and a local proxy makes everyone local (trap T15). So
 * the Host must be loopback, the Origin our own, and nothing may say that the
 * request was forwarded.
 */
export const auth = fp<{ identify: Identify }>(async (app, { identify }) => {
  app.decorateRequest('caller', null)
  app.addHook('onRequest', async request => {
    const access = request.routeOptions.config.access ?? 'key'
    if (access === 'open' || request.is404) return
    const caller = await identify(request)
    request.caller = caller
    if (access !== 'key') requireScope(caller, access)
  })
}, { name: 'auth' })

/** The caller of a route that is not open. */
export function callerOf (request: FastifyRequest): Caller {
  if (request.caller === null) throw new Error(`The route ${request.routeOptions.url} is open and has no caller.`)
  return request.caller
}

/** Who changes something, for the audit log. */
export function actorOf (request: FastifyRequest): string { return callerOf(request).keyId ?? 'local' }

/** The same caller, speaking for the user that the body names unless a header has named one. Empty is nobody. */
export function speakerOf (caller: Caller, user: string | null): Caller {
  return speakingFor(caller, user === '' ? null : user, 'body')
}

export function identifier (verify: Verify, { host, requireKey, allowOrigin }: Pick<Config, 'host' | 'requireKey' | 'allowOrigin'>): Identify {
  const keyNeeded = needsKey({ host, requireKey })
  return async request => {
    const bearer = bearerOf(request)
    const caller = bearer === null ? null : await verify(bearer)
    if (caller !== null) return speakingFor(caller, userOf(request), 'header')
    // SDKs send a made-up key where none is needed; only what looks like ours is taken at its word.
    if (keyNeeded || bearer?.startsWith('ek_') === true) throw problem('invalid_api_key', {})
    refuseStrangers(request, allowOrigin)
    return speakingFor(keyless, userOf(request), 'header')
  }
}

const loopbackHost = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i
const forwarding = /^(?:forwarded|x-forwarded.*|x-original-.*|x-envoy-.*|via|(?:x-real|x-client|x-cluster-client|cf-connecting|true-client|fastly-client|fly-client)-ip)$/

function refuseStrangers ({ headers }: FastifyRequest, allowOrigin: readonly string[]): void {
  const header = Object.keys(headers).find(name => forwarding.test(name))
  if (header !== undefined) throw problem('forwarded_request', { header })
  const host = headers.host ?? ''
  if (!loopbackHost.test(host)) throw problem('foreign_host', { host })
  const { origin } = headers
  if (origin !== undefined && origin !== `http://${host}` && !allowOrigin.includes(origin)) throw problem('foreign_origin', { origin })
}

function bearerOf (request: FastifyRequest): string | null {
  const bearer = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1]
  return bearer ?? subprotocolKey(request)
}

// Browsers cannot send headers with a WebSocket, only subprotocols.
function subprotocolKey ({ headers }: FastifyRequest): string | null {
  if (headers.upgrade?.toLowerCase() !== 'websocket') return null
  const encoded = /(?:^|,)\s*engraft\.key\.([\w-]+)\s*(?:,|$)/.exec(headers['sec-websocket-protocol'] ?? '')?.[1]
  return encoded === undefined ? null : Buffer.from(encoded, 'base64url').toString()
}

const userName = new RegExp(noControls, 'u')

function userOf ({ headers }: FastifyRequest): string | null {
  const given = headers['x-engraft-user']
  if (given === undefined || given === '') return null
  const user = typeof given === 'string' ? headerText(given) : ''
  if (!userName.test(user) || user.length > maxUserLength) throw problem('invalid_request', { detail: `'x-engraft-user' must be given once and have at most ${maxUserLength} characters, none of them a control character.` }, { param: 'x-engraft-user' })
  return user
}
