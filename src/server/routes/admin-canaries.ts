import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type, { type Static } from 'typebox'
import type { Look, Manner, Told } from '../../canary/canaries.ts'
import { actorOf } from '../plugins/auth.ts'
import type { Canaries } from '../ports.ts'
import { Canary, CanaryBody } from '../schemas/canaries.ts'
import { PathName, failures } from '../schemas/shapes.ts'

/** Ten points: a smaller one takes more judged answers than most have, a larger one would let much pass. */
const usualSmallest = 0.1

/** A version that a share of people get before all do. */
export const adminCanaries: FastifyPluginAsyncTypebox<{ canaries: Canaries }> = async (app, { canaries }) => {
  const config = { access: 'admin' } as const
  const one = (summary: string) => ({ tags: ['administration'], summary, params: Type.Object({ name: PathName }), response: { 200: Canary, ...failures } })

  app.post('/admin/adapters/:name/canary', {
    config, schema: { ...one('Gives a share of people another version, until a rule that is told now or a person decides'), body: CanaryBody }
  }, async request => {
    const { version, percent, smallest } = request.body
    return canaryOf(await canaries.start(request.params.name, { version, percent, smallest: smallest ?? usualSmallest }, actorOf(request)))
  })

  app.get('/admin/adapters/:name/canary', {
    config, schema: one('The canary under way, or the last one')
  }, async request => canaryOf(await canaries.find(request.params.name)))

  app.delete('/admin/adapters/:name/canary', {
    config, schema: one('Ends the canary under way: the candidate goes off')
  }, async request => canaryOf(await canaries.end(request.params.name, actorOf(request))))

  app.post('/admin/adapters/:name/canary/extend', {
    config, schema: one('Lets a canary that waits for a person go on for as many judged answers again')
  }, async request => canaryOf(await canaries.extend(request.params.name, actorOf(request))))
}

function canaryOf ({ began, ended, looks, now, manner, ...told }: Told): Static<typeof Canary> {
  return {
    ...told,
    object: 'canary',
    plan: { ...told.plan, needed: { ...told.plan.needed } },
    began_at: iso(began),
    ended_at: ended === null ? null : iso(ended),
    judged: now,
    tried: { candidate: { ...told.tried.candidate }, live: { ...told.tried.live } },
    manner: { candidate: mannerOf(manner.candidate), live: mannerOf(manner.live) },
    looks: looks.map(lookOf)
  }
}

function lookOf ({ at, tenths, words, candidate, live, difference }: Look) { return { at: iso(at), tenths, words, candidate, live, difference } }
function mannerOf ({ first, tokens }: Manner) { return { first_ms: first, tokens } }
function iso (ms: number): string { return new Date(ms).toISOString() }
