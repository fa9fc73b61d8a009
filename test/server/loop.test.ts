import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Value } from 'typebox/value'
import { test } from 'tap'
import { keyless, type Caller } from '../../src/access/caller.ts'
import type { Actions } from '../../src/cli/actions.ts'
import { decideLoop, moveLoop, removeLoop, setLoop, showLoop } from '../../src/cli/loop.ts'
import { program } from '../../src/cli/program.ts'
import { ServerError } from '../../src/cli/server.ts'
import { problem } from '../../src/errors.ts'
import type { Loops } from '../../src/server/ports.ts'
import { Loop as LoopShape } from '../../src/server/schemas/loop.ts'
import type { Loop, LoopSettings } from '../../src/training/loops.ts'
import { appFor, listening } from '../support/app.ts'

const usual: LoopSettings = { tenant: 'local', name: 'house', filters: {}, training: { base: null, method: null, hyper: {}, checks: [], examples: 3, judge: null }, cron: null, rows: 200, cooldown: 24, budget: { minutes: null, rows: null }, canary: { percent: 20, smallest: 0.1 }, approval: 'gate', retrain: true, paused: false }
const began = Date.parse('2026-03-01T08:00:00Z')
const round = { id: 'round_2', number: 2, reason: 'rows', began, ended: null, dataset: 'ds_1', run: 'run_1', version: 2, canary: null, outcome: null, words: null } as const
const loop: Loop = { settings: usual, step: 'waiting', words: 'house@2 waits for a person.', fresh: 3, next: null, round, rounds: [{ ...round, number: 1, ended: began, outcome: 'refused', words: 'The gate says no.' }] }

/** Loops that say what they were asked. */
function recorded (): { readonly loops: Loops, readonly calls: unknown[] } {
  const calls: unknown[] = []
  const call = (verb: string) => async (name: string, ...rest: unknown[]): Promise<Loop> => {
    calls.push([verb, name, ...rest])
    if (name === 'barn') throw problem('loop_not_found', { name }, { param: 'name' })
    return loop
  }
  return { calls, loops: { list: async () => [loop], find: call('find'), set: async (settings, by) => { calls.push(['set', settings, by]); return { ...loop, settings: { ...settings, paused: settings.paused ?? false } } }, pause: call('pause'), run: call('run'), decide: call('decide'), remove: async (name, by) => { await call('remove')(name, by) } } }
}

test('a loop is made, shown, moved, judged and removed', async t => {
  const { loops, calls } = recorded()
  const app = await appFor(t, { loops })
  const all = {
    name: 'house',
    tenant: 'acme',
    filters: { cap: { share: 0.1 } },
    base: 'tiny',
    method: 'kto',
    hyper: { epochs: 2, seed: null },
    checks: [{ name: 'short', type: 'words', least: 1, most: 9 }],
    examples: 0,
    judge: 'tiny',
    cron: '0 3 * * 1',
    rows: null,
    cooldown_hours: 0.5,
    budget: { minutes: 30, rows: 5000 },
    canary: { percent: 5, smallest: 0.2 },
    approval: 'person',
    retrain: false,
    paused: true
  }
  for (const ask of [
    { method: 'PUT', url: '/admin/loop', payload: { name: 'house', rows: 200 } },
    { method: 'PUT', url: '/admin/loop', payload: all },
    { method: 'POST', url: '/admin/loop/run', payload: { name: 'house' } },
    { method: 'POST', url: '/admin/loop/pause', payload: { name: 'house', paused: true } },
    { method: 'POST', url: '/admin/loop/decide', payload: { name: 'house', decision: 'canary' } }
  ] as const) {
    const reply = await app.inject(ask)
    t.equal(reply.statusCode, 200, reply.body)
    t.ok(Value.Check(LoopShape, reply.json()), JSON.stringify([...Value.Errors(LoopShape, reply.json())]))
  }
  t.equal((await app.inject({ method: 'DELETE', url: '/admin/loop?name=house' })).statusCode, 204)
  const training = { base: 'tiny', method: 'kto', hyper: { epochs: 2 }, checks: [{ name: 'short', type: 'words', least: 1, most: 9 }], examples: 0, judge: 'tiny' }
  t.strictSame(calls, [
    ['set', { ...usual, paused: null }, 'local'],
    ['set', { tenant: 'acme', name: 'house', filters: { cap: { share: 0.1 } }, training, cron: '0 3 * * 1', rows: null, cooldown: 0.5, budget: { minutes: 30, rows: 5000 }, canary: { percent: 5, smallest: 0.2 }, approval: 'person', retrain: false, paused: true }, 'local'],
    ['run', 'house', 'local'],
    ['pause', 'house', true, 'local'],
    ['decide', 'house', 'canary', 'local'],
    ['remove', 'house', 'local']
  ])
  t.match((await app.inject('/admin/loop')).json(), { object: 'list', data: [{ object: 'loop', name: 'house', step: 'waiting', words: 'house@2 waits for a person.', fresh: 3, round: { began_at: '2026-03-01T08:00:00.000Z', ended_at: null }, rounds: [{ outcome: 'refused' }] }] })
  t.match((await app.inject('/admin/loop?name=house')).json(), { data: [{ name: 'house' }] })
  t.match((await app.inject('/metrics')).body, /^engraft_loop_step\{loop="house",step="waiting"\} 1$/m)
})

test('what no loop can be asked', async t => {
  const { loops, calls } = recorded()
  const app = await appFor(t, { loops })
  for (const [method, url, payload, status, code, param] of [
    ['PUT', '/admin/loop', { name: '../x', rows: 1 }, 400, 'invalid_request', 'name'],
    ['PUT', '/admin/loop', { name: 'house', rows: 0 }, 400, 'invalid_request', 'rows'],
    ['PUT', '/admin/loop', { name: 'house', rows: 1, cooldown_hours: -1 }, 400, 'invalid_request', 'cooldown_hours'],
    ['PUT', '/admin/loop', { name: 'house', rows: 1, budget: { minutes: 0 } }, 400, 'invalid_request', 'budget.minutes'],
    ['PUT', '/admin/loop', { name: 'house', rows: 1, canary: { percent: 100 } }, 400, 'invalid_request', 'canary.percent'],
    ['PUT', '/admin/loop', { name: 'house', rows: 1, checks: [{ name: 'x', type: 'pattern' }] }, 400, 'invalid_request', 'checks[0].pattern'],
    ['POST', '/admin/loop/decide', { name: 'house', decision: 'maybe' }, 400, 'invalid_request', 'decision'],
    ['POST', '/admin/loop/run', {}, 400, 'invalid_request', 'name'],
    ['POST', '/admin/loop/run', { name: 'barn' }, 404, 'loop_not_found', 'name'],
    ['GET', '/admin/loop?name=barn', undefined, 404, 'loop_not_found', 'name'],
    ['DELETE', '/admin/loop', undefined, 400, 'invalid_request', 'name']
  ] as const) {
    const reply = await app.inject({ method, url, ...payload !== undefined && { payload } })
    t.equal(reply.statusCode, status, `${method} ${url} ${JSON.stringify(payload)}: ${reply.body}`)
    t.match(reply.json(), { error: { code, param } })
  }
  t.notOk(calls.some(call => (call as string[])[0] === 'set'))
  const caller: Caller = { ...keyless, scopes: new Set(['chat', 'memory', 'feedback']) }
  const guarded = await appFor(t, { loops, verify: async () => caller, config: { requireKey: true } })
  t.equal((await guarded.inject({ url: '/admin/loop', headers: { authorization: 'Bearer x' } })).statusCode, 403)
})

test('the terminal makes loops, tells how they stand, and moves them', async t => {
  const { loops, calls } = recorded()
  const { url } = await listening(await appFor(t, { loops }))
  const server = { url, key: null }
  const lines: string[] = []
  const print = (line: string): void => { lines.push(line) }
  await showLoop(server, undefined, print)
  t.match(lines.splice(0), ['house (local), after 200 new pieces of evidence: waiting', 'house@2 waits for a person.', /^ROUND +BEGUN +BECAUSE +RUN +VERSION +OUTCOME +WORDS$/, /^2 +2026-03-01 08:00 +enough new evidence +run_1 +@2 +under way/, /^1 .* refused +The gate says no\.$/])
  const checks = join(t.testdir(), 'checks.json')
  await writeFile(checks, '[{"name": "signed", "type": "pattern", "pattern": "x$"}]')
  const said: unknown[] = []
  const acting = new Proxy({}, { get: (_, action: string) => async (...given: unknown[]) => { said.push([action, ...given]) } }) as Actions
  await program(acting, '0').parseAsync(['loop', 'set', 'house', '--rows', '50', '--checks', checks, '--hyper', 'epochs=2', '--budget-minutes', '30', '--approval', 'person', '--no-retrain'], { from: 'user' })
  const [[, name, flags]] = said as [[string, string, Parameters<typeof setLoop>[2]]]
  await setLoop(server, name, flags, print)
  t.match(calls.at(-1), ['set', { name: 'house', rows: 50, cooldown: 24, training: { hyper: { epochs: 2 }, checks: [{ name: 'signed' }] }, budget: { minutes: 30, rows: null }, approval: 'person', retrain: false }])
  for (const move of ['run', 'pause', 'resume'] as const) await moveLoop(server, 'house', move, print)
  await decideLoop(server, 'house', 'live', print)
  await removeLoop(server, 'house', print)
  t.match(calls.slice(-5), [['run', 'house'], ['pause', 'house', true], ['pause', 'house', false], ['decide', 'house', 'live'], ['remove', 'house']])
  await program(acting, '0').parseAsync(['loop'], { from: 'user' })
  await program(acting, '0').parseAsync(['loop', 'pause', 'house'], { from: 'user' })
  t.match(said.slice(1), [['loopShow', undefined], ['loopMove', 'pause', 'house']])
  await t.rejects(setLoop(server, 'house', { rows: 'many' }, print), ServerError)
  await t.rejects(moveLoop(server, 'barn', 'run', print), /There is no loop 'barn'/)
})
