import fp from 'fastify-plugin'
import Type from 'typebox'
import type { Meters } from '../meters.ts'
import { failures } from '../schemas/shapes.ts'
import { statusOf } from './log.ts'

export const metrics = fp<{ meters: Meters }>(async (app, { meters }) => {
  app.addHook('onResponse', async (request, reply) => {
    // Unknown paths share one series: they are anyone's to invent.
    meters.requested(request.method, request.routeOptions.url ?? 'unknown', statusOf(request, reply), reply.elapsedTime)
  })
  app.get('/metrics', {
    config: { access: 'admin' },
    schema: { tags: ['operations'], summary: 'Measurements in Prometheus\' text format', produces: [meters.registry.contentType], response: { 200: Type.String(), ...failures } }
  }, async (_request, reply) => reply.type(meters.registry.contentType).send(await meters.registry.metrics()))
}, { name: 'metrics', dependencies: ['auth', 'log'] })
