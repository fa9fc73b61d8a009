import { type Test, test } from 'tap'
import { type Caller, keyless } from '../../src/access/caller.ts'
import { giveFeedback, listFeedback, type GiveFlags } from '../../src/cli/feedback.ts'
import { longestText } from '../../src/server/schemas/feedback.ts'
import { feedbackStore } from '../interactions/feedback.ts'
import { ask, choice, says } from '../interactions/fixtures.ts'
import { type Overrides, appFor, listening } from '../support/app.ts'

const ada = { tenant: 'local', user: 'ada' }
const as = (user: string, more: Record<string, string> = {}): Record<string, string> => ({ 'x-engraft-user': user, ...more })

/** The routes over real feedback in a fresh database. */
async function open (t: Test, overrides: Overrides = {}) {
  const store = await feedbackStore(t)
  const app = await appFor(t, { feedback: store.feedback, ...overrides })
  const call = async (method: 'GET' | 'POST', url: string, body?: object, headers: Record<string, string> = as('ada')) => {
    const reply = await app.inject({ method, url, headers: { host: '127.0.0.1', ...headers }, ...(body !== undefined && { payload: body }) })
    return { status: reply.statusCode, body: reply.json(), headers: reply.headers }
  }
  const give = async (body: object, headers?: Record<string, string>) => await call('POST', '/v1/feedback', body, headers)
  return { ...store, app, call, give }
}

test('what is said comes back in the words of the contract', async t => {
  const { give, call, answered } = await open(t)
  const id = await answered(ada, 'tour')
  const given = await give({ completion_id: id, kind: 'thumb', value: false, comment: 'Too long.', author: 'reviewer' })
  t.strictSame([given.status, given.body], [201, { id: given.body.id, object: 'feedback', completion_id: id, choice: 0, session: 'tour', kind: 'thumb', value: false, comment: 'Too long.', author: 'reviewer', said: true, created_at: '2026-03-01T12:00:00.000Z' }])
  t.match(given.body.id, /^fb-/)
  t.strictSame((await call('GET', '/v1/feedback')).body, { object: 'list', data: [given.body], first_id: given.body.id, last_id: given.body.id, has_more: false })
  t.strictSame((await call('GET', `/v1/feedback?completion_id=${id}`)).body.implied, [])
  t.match(await give({ completion_id: id, kind: 'edited', value: 'A copy.', comment: null, author: null, session: null }), { status: 201, body: { said: false, comment: null } })
  t.match(await give({ session: 'tour', kind: 'outcome', value: { metric: 'booked', number: 1, currency: 'CHF' }, mood: 'fine' }), { status: 201, body: { completion_id: null, value: { metric: 'booked', number: 1, currency: undefined } }, headers: { 'x-engraft-ignored': 'mood' } })
})

test('a preference names its answers, or stands on one of them', async t => {
  const { give, call, answered } = await open(t)
  const [chosen, rejected, third] = [await answered(ada), await answered(ada), await answered(ada)]
  for (const more of [{}, { completion_id: chosen }, { completion_id: rejected }, { session: 's1' }]) t.match(await give({ kind: 'preference', value: { chosen, rejected }, ...more }), { status: 201, body: { completion_id: chosen, session: 's1' } })
  t.match(await give({ kind: 'preference', value: { chosen, rejected }, completion_id: third }), { status: 400, body: { error: { param: 'completion_id' } } })
  t.equal((await call('GET', `/v1/feedback?completion_id=${rejected}&kind=preference`)).body.data.length, 4)
})

test('of several answers to one prompt the one is named that is meant', async t => {
  const s = await open(t)
  const { id } = await ask(s, [says('Name a bird.')], '', { owner: ada, named: 's', choices: ['A wren.', 'A kite.'].map(text => choice(text)) })
  t.match(await s.give({ completion_id: id, choice: 1, kind: 'correction', value: 'A rook.' }), { status: 201, body: { completion_id: id, choice: 1 } })
  t.match(await s.give({ kind: 'preference', value: { chosen: id, rejected: id, choices: [1, 0] } }), { status: 201, body: { completion_id: id, choice: 1, value: { chosen: id, rejected: id, choices: [1, 0] } } })
  const server = { url: (await listening(s.app)).url, key: null, user: 'ada' }
  const lines: string[] = []
  await giveFeedback(server, id, { up: true, choice: '1' }, () => {})
  await listFeedback(server, { kind: 'thumb', limit: '20' }, line => { lines.push(line) })
  t.match(lines[1], / \(1\) +thumb +true$/)
})

test('what cannot be said is refused with its field', async t => {
  const { give, call, answered } = await open(t)
  const on = { completion_id: await answered(ada) }
  const wrong: [object, number, string][] = [
    [{}, 400, 'kind'],
    [{ kind: 'praise' }, 400, 'kind'],
    [{ kind: 'thumb', value: true }, 400, 'completion_id'],
    [{ kind: 'thumb', value: true, ...on, session: 's1' }, 400, 'session'],
    [{ kind: 'correction', value: 'x', session: 's1' }, 400, 'completion_id'],
    ...[1, 'true', null, undefined, [true]].map((value): [object, number, string] => [{ kind: 'thumb', value, ...on }, 400, 'value']),
    ...[-0.1, 1.1, '1', null, true].map((value): [object, number, string] => [{ kind: 'rating', value, ...on }, 400, 'value']),
    ...['', ' \n', 5, null, ['x']].map((value): [object, number, string] => [{ kind: 'correction', value, ...on }, 400, 'value']),
    [{ kind: 'correction', value: 'x'.repeat(longestText + 1), ...on }, 413, 'value'],
    [{ kind: 'edited', value: 'x'.repeat(1_000_000), ...on }, 413, 'value'],
    [{ kind: 'comment', ...on }, 400, 'comment'],
    [{ kind: 'comment', comment: ' ', ...on }, 400, 'comment'],
    [{ kind: 'comment', value: 'x', comment: 'x', ...on }, 400, 'value'],
    [{ kind: 'comment', comment: 'x'.repeat(8193), ...on }, 400, 'comment'],
    ...[null, 'x', [], {}].map((value): [object, number, string] => [{ kind: 'outcome', value, ...on }, 400, value === null || Array.isArray(value) || value === 'x' ? 'value' : 'value.metric']),
    [{ kind: 'outcome', value: { metric: 'a\u0000', number: 1 }, ...on }, 400, 'value.metric'],
    [{ kind: 'outcome', value: { metric: 'a', number: '1' }, ...on }, 400, 'value.number'],
    [{ kind: 'preference', value: { chosen: on.completion_id }, ...on }, 400, 'value.rejected'],
    [{ kind: 'preference', value: { chosen: on.completion_id, rejected: on.completion_id } }, 400, 'value'],
    [{ kind: 'thumb', value: true, completion_id: 'x'.repeat(513) }, 400, 'completion_id'],
    [{ kind: 'thumb', value: true, completion_id: 'chatcmpl-none' }, 404, 'completion_id'],
    [{ kind: 'thumb', value: true, session: 'none' }, 404, 'session'],
    ...[-1, 0.5, 128, '1'].map((choice): [object, number, string] => [{ kind: 'thumb', value: true, ...on, choice }, 400, 'choice']),
    [{ kind: 'thumb', value: true, ...on, choice: 1 }, 404, 'choice'],
    [{ kind: 'thumb', value: true, session: 's1', choice: 1 }, 400, 'choice'],
    ...['0', [0], [0, 1, 2], [0, -1], [0, 'x'], [0, 128]].map((choices): [object, number, string] => [{ kind: 'preference', value: { chosen: on.completion_id, rejected: on.completion_id, choices } }, 400, 'value.choices']),
    [{ kind: 'preference', value: { chosen: on.completion_id, rejected: on.completion_id, choices: [0, 0] } }, 400, 'value'],
    [{ kind: 'preference', value: { chosen: on.completion_id, rejected: on.completion_id, choices: [0, 1] } }, 404, 'value.choices'],
    [{ kind: 'preference', value: { chosen: on.completion_id, rejected: 'x' }, choice: 1 }, 400, 'choice'],
    [{ kind: 'thumb', value: true, ...on, author: '' }, 400, 'author']
  ]
  for (const [body, status, param] of wrong) t.match(await give(body), { status, body: { error: { param } } }, JSON.stringify(body).slice(0, 100))
  t.match(await give({ kind: 'rating', value: 1, ...on }, as('ada', { 'idempotency-key': 'x'.repeat(257) })), { status: 400, body: { error: { param: 'idempotency-key' } } })
  for (const query of ['limit=0', 'limit=101', 'limit=x', 'kind=praise', 'after=fb-none']) t.equal((await call('GET', `/v1/feedback?${query}`)).status, 400, query)
  t.equal((await call('GET', '/v1/feedback')).body.data.length, 0)
  t.match(await give({ kind: 'correction', value: `${'x'.repeat(longestText - 2)}\ud800é`, ...on }), { status: 201, body: { value: /\ufffdé$/ } }, 'the longest one, with half a character')
})

test('sent again under its key it is 200 and the same, and 409 with other words', async t => {
  const { give, answered } = await open(t)
  const on = { completion_id: await answered(ada) }
  const body = { ...on, kind: 'correction', value: 'Six.' }
  const key = as('ada', { 'idempotency-key': 'k-1' })
  const [first, again] = [await give(body, key), await give({ ...body, comment: null }, key)]
  t.strictSame([first.status, again.status, again.body], [201, 200, first.body])
  t.match(await give({ ...body, value: 'Seven.' }, key), { status: 409, body: { error: { code: 'idempotency_conflict' } } })
})

test('only keys with the scope get in, and each counts and reaches its own tenant and user', async t => {
  const caller = (tenant: string, over: Partial<Caller> = {}): Caller => ({ ...keyless, tenant, keyId: 'k', ...over })
  const keys: Record<string, Caller> = { house: caller('house'), other: caller('other'), bound: caller('house', { boundUser: 'bob' }), chat: caller('house', { scopes: new Set(['chat', 'memory', 'admin']) }) }
  let admitted = 0
  const { give, call, answered } = await open(t, { verify: async bearer => keys[bearer.slice(3)] ?? null, admit: async () => { admitted++ } })
  const id = await answered({ tenant: 'house', user: 'ada' }, 'hers')
  const by = (key: string, more: Record<string, string> = {}): Record<string, string> => ({ authorization: `Bearer ek_${key}`, ...more })
  const up = { completion_id: id, kind: 'thumb', value: true }
  t.equal((await give(up, by('none'))).status, 401)
  t.match(await give(up, by('chat')), { status: 403, body: { error: { code: 'insufficient_scope' } } })
  t.equal(admitted, 0)
  t.equal((await give(up, by('house'))).status, 201, 'a key that names nobody reaches its whole tenant')
  t.equal((await give({ ...up, user: 'ada' }, by('house'))).status, 201)
  for (const headers of [by('other'), by('bound'), by('house', as('bob')), by('other', as('ada'))]) {
    t.match(await give(up, headers), { status: 404, body: { error: { code: 'completion_not_found' } } })
    t.match(await give({ session: 'hers', kind: 'thumb', value: true }, headers), { status: 404, body: { error: { code: 'session_not_found' } } })
    t.match((await call('GET', `/v1/feedback?completion_id=${id}`, undefined, headers)).body, { data: [], implied: [] })
  }
  t.match(await give({ ...up, user: 'ada' }, by('bound')), { status: 403, body: { error: { code: 'user_mismatch' } } })
  t.equal((await call('GET', '/v1/feedback?user=ada', undefined, by('house'))).body.data.length, 2)
  t.ok(admitted > 10)
})

test('what the conversation tells stands apart from what was said', async t => {
  const s = await open(t)
  const { id } = await ask(s, [says('Tell me about cats')], 'a', { owner: ada, named: 's' })
  await ask(s, [says('Tell me about cats')], 'b', { owner: ada, named: 's' })
  await s.give({ completion_id: id, kind: 'thumb', value: true })
  for (const query of ['session=s', `completion_id=${id}`]) t.match((await s.call('GET', `/v1/feedback?${query}`)).body, { data: [{ kind: 'thumb' }], implied: [{ kind: 'regenerated', completion_id: id, session: 's' }] })
  t.equal((await s.call('GET', '/v1/feedback')).body.implied, undefined)
})

test('the terminal gives and lists, and says what it cannot', async t => {
  const s = await open(t)
  const { url } = await listening(s.app)
  const lines: string[] = []
  const print = (line: string): void => { lines.push(line) }
  const server = { url, key: null, user: 'ada' }
  const [id, worse] = [await s.answered(ada), await s.answered(ada)]
  const said: [string | undefined, GiveFlags][] = [
    [id, { up: true }], [id, { down: true, comment: 'no' }], [id, { rating: '0.5', author: 'rev' }], [id, { correction: 'Better\nwords.' }], [id, { betterThan: worse }],
    [undefined, { session: 's1', outcome: 'a=b=2' }], [id, { comment: 'Only words.' }], [id, { edited: 'x'.repeat(100) }]
  ]
  for (const [completion, flags] of said) await giveFeedback(server, completion, flags, print)
  t.ok(lines.splice(0).every(line => /^fb-\S+ is recorded\.$/.test(line)))
  await listFeedback(server, { session: 's1', limit: '20' }, print)
  t.match(lines.splice(0), [
    /^ID +SAID +BY +ON +KIND +WHAT$/, / thumb +true$/, / thumb +false · no$/, / rev +\S+ +rating +0\.5$/, / correction +Better words\.$/, / preference +\{"chosen"/,
    / session s1 +outcome +\{"metric":"a=b","number":2\}$/, / comment +Only words\.$/, / edited +x{60}…$/
  ])
  await listFeedback(server, { kind: 'thumb', limit: '1' }, print)
  t.equal(lines.splice(0).length, 2)
  await listFeedback({ ...server, user: 'bob' }, { limit: '20' }, print)
  t.strictSame(lines.splice(0), ['Nothing was said yet.'])
  const refused: [string | undefined, GiveFlags, RegExp][] = [[id, {}, /^Say what/], [id, { up: true, down: true }, /one thing at a time/], [id, { rating: 'good' }, /--rating/], [id, { outcome: 'solved' }, /METRIC=NUMBER/], [undefined, { up: true }, /completion_id/], ['none', { up: true }, /no stored completion 'none'/]]
  for (const [completion, flags, message] of refused) await t.rejects(giveFeedback(server, completion, flags, print), { name: 'ServerError', message })
})
