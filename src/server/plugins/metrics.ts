import fp from 'fastify-plugin'
import Type from 'typebox'
import type { Meters } from '../meters.ts'
import { failures } from '../schemas/shapes.ts'
import { statusOf, whenOver } from './log.ts'

export const metrics = fp<{ meters: Meters }>(async (app, { meters }) => {
  app.addHook('onRequest', async (request, reply) => {
    // A WebSocket lives as long as it likes; its answers are measured one by one.
    if (request.ws) return
    // Unknown paths share one series: they are anyone's to invent.
    whenOver(reply, () => meters.requested(request.method, request.routeOptions.url ?? 'unknown', statusOf(request, reply), reply.elapsedTime))
  })
  app.get('/metrics', {
    config: { access: 'admin' },
    schema: { tags: ['operations'], summary: 'Measurements in Prometheus\' text format', produces: [meters.registry.contentType], response: { 200: Type.String(), ...failures } }
  }, async (_request, reply) => reply.type(meters.registry.contentType).send(await meters.registry.metrics()))
}, { name: 'metrics', dependencies: ['log'] })
