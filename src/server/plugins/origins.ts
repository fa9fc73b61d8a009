import fp from 'fastify-plugin'

// Hours a browser may remember what it was allowed; browsers cap it at two.
const rememberSeconds = 7200

/** CORS for the allowed origins and for nobody else. Runs before auth, since a preflight carries no key. */
export const origins = fp<{ allowed: readonly string[] }>(async (app, { allowed }) => {
  app.addHook('onRequest', async (request, reply) => {
    const { origin } = request.headers
    if (allowed.length > 0) reply.header('vary', 'Origin')
    if (origin === undefined || !allowed.includes(origin)) return
    reply.header('access-control-allow-origin', origin)
    reply.header('access-control-expose-headers', 'x-request-id, x-engraft-model, x-engraft-ignored, retry-after')
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined) return
    reply.header('access-control-allow-methods', 'GET, POST, PUT, PATCH, DELETE')
    reply.header('access-control-allow-headers', request.headers['access-control-request-headers'] ?? '*')
    reply.header('access-control-max-age', rememberSeconds)
    return reply.code(204).send()
  })
}, { name: 'origins' })
