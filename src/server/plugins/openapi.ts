import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import fp from 'fastify-plugin'

const tags = [
  { name: 'chat', description: 'OpenAI\'s chat, and what goes with it' },
  { name: 'memory', description: 'What is remembered of each end user, who is named by `x-engraft-user`, a bound key, or `user`' },
  { name: 'feedback', description: 'What people say of answers' },
  { name: 'models', description: 'What is served' },
  { name: 'administration', description: 'Needs a key with the scope admin' },
  { name: 'operations', description: 'Health, measurements, this document' }
]

/** In place of the framework's own, at the head of /docs. */
const wordmark = '<svg xmlns="http://www.w3.org/2000/svg" width="120" height="40"><text x="0" y="28" font-family="sans-serif" font-size="26" font-weight="bold" fill="white">Engraft</text></svg>'

/** Describes every route registered after it. Behind a key wherever the server asks for one. */
export const openapi = fp<{ version: string }>(async (app, { version }) => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Engraft', version, description: 'OpenAI\'s API over GGUF models. Every failure has the same shape and a true status.' },
      tags,
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
      security: [{ key: [] }]
    }
  })
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: true, theme: { title: 'Engraft' }, logo: { type: 'image/svg+xml', content: Buffer.from(wordmark), href: '/docs' } })
  app.get('/openapi.json', { schema: { tags: ['operations'], summary: 'This document', hide: true } }, async () => app.swagger())
}, { name: 'openapi', dependencies: ['auth'] })
