import { isUtf8 } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import { STATUS_CODES, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../../config.ts'
import { PublicError, problem, publicError } from '../../errors.ts'
import { type Fault, invalid } from '../invalid.ts'
import { parseJson } from '../json.ts'
import { maxIdLength } from '../schemas/shapes.ts'
import { type Uploads, drop } from '../upload.ts'

type Limits = Pick<Config, 'bodyLimit' | 'requestTimeout'>

/** Every failure leaves as the same JSON with its true status; handlers only throw. */
export const failures = fp<{ limits: Limits }>(async (app, { limits }) => {
  app.setErrorHandler((error, request, reply) => send(shown(error, limits), request, reply))
  app.setNotFoundHandler((request, reply) => {
    send(problem('not_found', { method: request.method, path: pathOf(request) }), request, reply)
  })
  app.setSchemaErrorFormatter((faults, part) => invalid(faults as Fault[], part))
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      // Clients put the content type on calls without a body too.
      done(null, body.length === 0 ? undefined : parseJson(textOf(body as Buffer)))
    } catch (error) {
      done(error as PublicError)
    }
  })
}, { name: 'failures' })

/** What was sent, to the letter: a decoder would put U+FFFD in the place of what is no text. */
function textOf (body: Buffer): string {
  if (!isUtf8(body)) throw problem('invalid_json', { detail: 'it is not UTF-8.' })
  return body.toString()
}

/** What the router answers before any route is found. */
export function frameworkErrors (limits: Limits): NonNullable<FastifyServerOptions['frameworkErrors']> {
  return (error, request, reply) => {
    reply.header('x-request-id', request.id)
    const failure = shown(error, limits)
    void (reply as FastifyReply).code(failure.status).send(failure.toJSON())
  }
}

/** What is answered to bytes that are no request, or that do not arrive in time. */
export function clientErrors (limits: Limits, uploads: Pick<Uploads, 'covers'>): NonNullable<FastifyServerOptions['clientErrorHandler']> {
  return function (this: FastifyInstance, error, socket) {
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && uploads.covers(socket as Socket)) return
    const { _httpMessage: reply } = socket as Socket & { _httpMessage?: ServerResponse | null }
    // Once a reply is under way, another status line would become part of its body.
    if (error.code !== 'ECONNRESET' && socket.writable && reply?.headersSent !== true) {
      const failure = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? problem('request_timeout', { seconds: limits.requestTimeout })
        : error.code === 'HPE_HEADER_OVERFLOW'
          ? problem('headers_too_large', {})
          : problem('invalid_request', { detail: 'The bytes received are not an HTTP request.' })
      // Whoever reads the body hears of it, so that the request is answered, logged and counted as any other; that reply closes the connection.
      if (reply?.req.complete === false && reply.req.listenerCount('error') > 0) {
        reply.req.emit('error', failure)
        return
      }
      const body = JSON.stringify(failure)
      const reqId = randomUUID()
      socket.write(`HTTP/1.1 ${failure.status} ${STATUS_CODES[failure.status]}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\nx-request-id: ${reqId}\r\nConnection: close\r\n\r\n${body}`)
      // The line of a request that never was one.
      this.log.info({ reqId, method: null, route: null, status: failure.status, ms: null, keyId: null, tenant: null }, 'request')
    }
    socket.destroySoon()
  }
}

/** The public form of what was thrown; what is broken here goes to the log with its cause. */
export function report (thrown: unknown, log: FastifyBaseLogger): PublicError {
  const error = publicError(thrown)
  if (error.status >= 500 && error.cause !== undefined) log.error({ code: error.code, err: error.cause }, 'request failed')
  return error
}

function send (error: PublicError, request: FastifyRequest, reply: FastifyReply): void {
  // Whoever left needs no answer, and what its departure broke is no fault of ours.
  if (!reply.raw.destroyed) report(error, request.log)
  if (error.retryAfter !== null) reply.header('retry-after', error.retryAfter)
  if (error.status === 401) reply.header('www-authenticate', 'Bearer')
  if (error.code === 'payload_too_large') {
    // Fastify would close at once, and a caller who is still sending would see a broken pipe instead of this reply.
    reply.removeHeader('connection')
    drop(request)
  }
  reply.code(error.status).send(error.toJSON())
}

function shown (thrown: unknown, limits: Limits): PublicError {
  if (thrown instanceof PublicError) return thrown
  const { code, statusCode, message } = thrown as { code?: string, statusCode?: number, message?: string }
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE': return problem('payload_too_large', { limit: limits.bodyLimit })
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE': return problem('unsupported_media_type', {})
    case 'FST_ERR_MAX_PARAM_LENGTH': return problem('uri_too_long', { limit: maxIdLength })
    case 'FST_ERR_BAD_URL': return problem('invalid_request', { detail: 'The path is not validly percent-encoded.' })
  }
  // Fastify's own refusals (a body shorter than announced, …); anything of 500 and above is ours.
  if (code?.startsWith('FST_ERR_') === true && statusCode !== undefined && statusCode < 500) return problem('invalid_request', { detail: `${message}.` }, { cause: thrown })
  if (code === 'ECONNRESET') return problem('invalid_request', { detail: 'The body did not arrive in full.' })
  return publicError(thrown)
}

function pathOf (request: FastifyRequest): string {
  // The query may carry what is nobody's business, and a log or a screenshot shows the message.
  return (request.url.split('?', 1)[0] ?? '').slice(0, maxIdLength)
}
