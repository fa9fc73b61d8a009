import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type from 'typebox'
import type { Loop, Round } from '../../training/loops.ts'
import { actorOf, callerOf } from '../plugins/auth.ts'
import type { Loops } from '../ports.ts'
import { Loop as LoopShape, type LoopBodyWire, LoopBody, LoopDecision, LoopList, LoopName, LoopPause, LoopQuery, type LoopWire, type RoundWire } from '../schemas/loop.ts'
import { failures } from '../schemas/shapes.ts'
import { trainingFrom } from '../training.ts'

/** Hours: a day's talk is learnt from together. */
const usualCooldown = 24
/** As many as a canary that a person begins. */
const usualPercent = 20
const usualSmallest = 0.1

/** What makes the next version of an adapter by itself. */
export const adminLoop: FastifyPluginAsyncTypebox<{ readonly loops: Loops }> = async (app, { loops }) => {
  const config = { access: 'admin' } as const
  const tags = ['administration']
  const response = { 200: LoopShape, ...failures }

  app.get('/admin/loop', {
    config, schema: { tags, summary: 'All loops, or the one of a name: where each is, what it waits for, and what it did last', querystring: LoopQuery, response: { 200: LoopList, ...failures } }
  }, async ({ query: { name } }) => ({ object: 'list' as const, data: (name === undefined ? await loops.list() : [await loops.find(name)]).map(loopOf) }))

  app.put('/admin/loop', {
    config, schema: { tags, summary: 'Makes a loop, or changes all of its settings', body: LoopBody, response }
  }, async request => loopOf(await loops.set(settingsFrom(request.body, callerOf(request).tenant), actorOf(request))))

  app.post('/admin/loop/run', {
    config, schema: { tags, summary: 'Begins a round now', body: LoopName, response }
  }, async request => loopOf(await loops.run(request.body.name, actorOf(request))))

  app.post('/admin/loop/pause', {
    config, schema: { tags, summary: 'Pauses a loop, or lets it go on', body: LoopPause, response }
  }, async request => loopOf(await loops.pause(request.body.name, request.body.paused, actorOf(request))))

  app.post('/admin/loop/decide', {
    config, schema: { tags, summary: 'Says what becomes of a candidate that waits for a person, or ends a round', body: LoopDecision, response }
  }, async request => loopOf(await loops.decide(request.body.name, request.body.decision, actorOf(request))))

  app.delete('/admin/loop', {
    config, schema: { tags, summary: 'Removes a loop and ends its round; what it made stays', querystring: LoopName, response: { 204: Type.Null({ description: 'It is gone.' }), ...failures } }
  }, async (request, reply) => {
    await loops.remove(request.query.name, actorOf(request))
    return reply.code(204).send(null)
  })
}

function settingsFrom (body: LoopBodyWire, own: string): Parameters<Loops['set']>[0] {
  const { name, tenant, filters, cron, rows, cooldown_hours: cooldown, budget, canary, approval, retrain, paused } = body
  return {
    tenant: tenant ?? own,
    name,
    filters: filters ?? {},
    training: trainingFrom(body),
    cron: cron ?? null,
    rows: rows ?? null,
    cooldown: cooldown ?? usualCooldown,
    budget: { minutes: budget?.minutes ?? null, rows: budget?.rows ?? null },
    canary: { percent: canary?.percent ?? usualPercent, smallest: canary?.smallest ?? usualSmallest },
    approval: approval ?? 'gate',
    retrain: retrain ?? true,
    paused: paused ?? null
  }
}

function loopOf ({ settings, step, words, fresh, next, round, rounds }: Loop): LoopWire {
  const { training: { checks, hyper, ...training }, cooldown, ...rest } = settings
  return {
    object: 'loop',
    ...rest,
    filters: { ...rest.filters },
    ...training,
    hyper: { ...hyper },
    checks: checks.map(check => ({ ...check })),
    cooldown_hours: cooldown,
    step,
    words,
    fresh,
    next_at: next === null ? null : time(next),
    round: round === null ? null : roundOf(round),
    rounds: rounds.map(roundOf)
  }
}

function roundOf ({ began, ended, ...round }: Round): RoundWire { return { ...round, began_at: time(began), ended_at: ended === null ? null : time(ended) } }

function time (ms: number): string { return new Date(ms).toISOString() }
