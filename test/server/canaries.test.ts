import { Value } from 'typebox/value'
import { test } from 'tap'
import { keyless, type Caller } from '../../src/access/caller.ts'
import type { Told } from '../../src/canary/canaries.ts'
import { problem } from '../../src/errors.ts'
import { Canary } from '../../src/server/schemas/canaries.ts'
import type { Canaries } from '../../src/server/ports.ts'
import { canary } from '../../src/cli/canary.ts'
import { ServerError } from '../../src/cli/server.ts'
import { appFor, listening } from '../support/app.ts'

const url = '/admin/adapters/house/canary'
const arm = { answers: 3, people: 2, rate: 2 / 3 }
const told: Told = {
  id: 'canary_1',
  adapter: 'house',
  candidate: 2,
  live: 1,
  percent: 20,
  began: Date.parse('2026-03-01T08:00:00Z'),
  ended: null,
  outcome: null,
  words: 'It goes on.',
  waits: false,
  extensions: 0,
  plan: { smallest: 0.1, rate: 0.5, judged: 0, design: 1, needed: { candidate: 246, live: 984 } },
  looks: [{ at: Date.parse('2026-03-01T09:00:00Z'), tenths: 1, words: 'It goes on.', candidate: arm, live: arm, difference: { mean: 0, low: -0.5, high: 0.5 } }],
  now: { candidate: arm, live: { answers: 0, people: 0, rate: null }, difference: null },
  tried: { candidate: { answers: 4, failed: 1 }, live: { answers: 9, failed: 0 } },
  manner: { candidate: { first: 12.5, tokens: 30 }, live: { first: null, tokens: null } }
}

/** Canaries that say what they were asked. */
function recorded (): { readonly canaries: Canaries, readonly calls: unknown[] } {
  const calls: unknown[] = []
  const call = (verb: string) => async (name: string, ...rest: unknown[]): Promise<Told> => {
    calls.push([verb, name, ...rest])
    if (name !== 'house') throw problem('adapter_not_found', { adapter: name })
    return told
  }
  return { calls, canaries: { start: call('start'), find: call('find'), end: call('end'), extend: call('extend') } }
}

test('a canary is begun, shown, extended and ended, each as it stands', async t => {
  const { canaries, calls } = recorded()
  const app = await appFor(t, { canaries })
  for (const ask of [{ method: 'POST', url, payload: { version: 2, percent: 20 } }, { method: 'POST', url, payload: { version: 2, percent: 5, smallest: 0.25 } }, { method: 'GET', url }, { method: 'POST', url: `${url}/extend` }, { method: 'DELETE', url }] as const) {
    const reply = await app.inject(ask)
    t.equal(reply.statusCode, 200, reply.body)
    t.ok(Value.Check(Canary, reply.json()), JSON.stringify([...Value.Errors(Canary, reply.json())]))
  }
  t.strictSame(calls, [
    ['start', 'house', { version: 2, percent: 20, smallest: 0.1 }, 'local'], ['start', 'house', { version: 2, percent: 5, smallest: 0.25 }, 'local'],
    ['find', 'house'], ['extend', 'house', 'local'], ['end', 'house', 'local']
  ])
  t.match((await app.inject({ url })).json(), {
    object: 'canary',
    began_at: '2026-03-01T08:00:00.000Z',
    ended_at: null,
    judged: { candidate: arm, difference: null },
    manner: { candidate: { first_ms: 12.5, tokens: 30 }, live: { first_ms: null } },
    looks: [{ at: '2026-03-01T09:00:00.000Z', tenths: 1, difference: { low: -0.5 } }]
  })
})

test('what makes no canary is refused before anybody is asked, and only an administrator may', async t => {
  const { canaries, calls } = recorded()
  const keys: Record<string, Caller> = { ek_chat: { ...keyless, keyId: 'chat', scopes: new Set(['chat']) }, ek_admin: { ...keyless, keyId: 'boss', scopes: new Set(['admin']) } }
  const app = await appFor(t, { canaries, verify: async bearer => keys[bearer] ?? null, config: { requireKey: true } })
  const as = (key: string) => ({ authorization: `Bearer ${key}` })
  for (const payload of [{}, { version: 2 }, { percent: 20 }, { version: 2, percent: 0 }, { version: 2, percent: 100 }, { version: 2, percent: 20.5 }, { version: 0, percent: 20 }, { version: 2, percent: 20, smallest: 0 }, { version: 2, percent: 20, smallest: 0.9 }, { version: 2, percent: 20, more: 1 }]) {
    t.equal((await app.inject({ method: 'POST', url, payload, headers: as('ek_admin') })).statusCode, 400, JSON.stringify(payload))
  }
  for (const method of ['GET', 'DELETE', 'POST'] as const) t.equal((await app.inject({ method, url, headers: as('ek_chat'), ...method === 'POST' && { payload: { version: 2, percent: 20 } } })).statusCode, 403)
  t.strictSame(calls, [])
  t.equal((await app.inject({ method: 'DELETE', url, headers: as('ek_admin') })).statusCode, 200)
  t.strictSame(calls, [['end', 'house', 'boss']])
  t.equal((await app.inject({ url: '/admin/adapters/shop/canary', headers: as('ek_admin') })).json().error.code, 'adapter_not_found')
})

test('the terminal begins, shows, extends and ends a canary in plain words', async t => {
  const { canaries, calls } = recorded()
  const { url } = await listening(await appFor(t, { canaries }))
  const lines: string[] = []
  const type = async (version: string | undefined, flags: object): Promise<string[]> => {
    await canary({ url, key: null }, 'house', version, flags, line => { lines.push(line) })
    return lines.splice(0)
  }
  t.strictSame(await type('2', {}), [
    'house@2 answers 20 of 100 people as house now.',
    'It is decided by 246 judged answers of it and 984 of house@1: that many see a difference of 10 points from 50.0 % good answers, which is assumed.'
  ])
  await type('2', { percent: '5', smallest: '0.25' })
  t.strictSame(await type(undefined, {}), [
    'house@2 against house@1, for 20 of 100 people, since 2026-03-01T08:00Z.',
    'It goes on.',
    'VERSION  GOOD    JUDGED  PEOPLE  ANSWERS  FAILED  FIRST TOKEN  TOKENS',
    'house@2  66.7 %  3       2       4        1       13 ms        30',
    'house@1  -       0       0       9        0       -            -'
  ])
  await type(undefined, { extend: true })
  await type(undefined, { end: true })
  t.strictSame(calls.map(call => (call as unknown[])[0]), ['start', 'start', 'find', 'extend', 'end'])
  t.match(calls[1], ['start', 'house', { version: 2, percent: 5, smallest: 0.25 }])
  for (const [version, flags] of [['2', { end: true }], [undefined, { percent: '5' }], [undefined, { end: true, extend: true }]] as const) await t.rejects(type(version, flags), ServerError)
  await t.rejects(canary({ url, key: null }, 'shop', undefined, {}, () => {}), { message: /no adapter 'shop'/ })
})
