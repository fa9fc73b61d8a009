import { type Test, test } from 'tap'
import { type Caller, keyedPolicy } from '../../src/access/caller.ts'
import { parse, retentionOf } from '../../src/config.ts'
import { openPolicies } from '../../src/privacy/policies.ts'
import { openedMemories } from '../memory/opened.ts'
import { type Overrides, appFor } from '../support/app.ts'

interface Said { readonly status: number, readonly body: Record<string, unknown> & { error?: { code: string, param: string | null } } }

/** The routes over real policies and memories in a fresh database. */
async function open (t: Test, overrides: Overrides = {}) {
  const { memories, database } = await openedMemories(t)
  const app = await appFor(t, { memories, policies: openPolicies(database), ...overrides })
  return async (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, body?: object, headers: Record<string, string> = {}): Promise<Said> => {
    const reply = await app.inject({ method, url, headers: { host: '127.0.0.1', ...headers }, ...(body !== undefined && { payload: body }) })
    return { status: reply.statusCode, body: reply.json() }
  }
}

const caller = (over: Partial<Caller>): Caller => ({ tenant: 'house', keyId: 'k', scopes: new Set(['memory']), user: null, namedBy: null, policy: keyedPolicy, boundUser: null, models: null, requestsPerMinute: null, tokensPerDay: null, ...over })
const bearer = { authorization: 'Bearer ek_x' }

test('a user sees and sets what may be kept of them', async t => {
  const call = await open(t, { config: { retentionDays: 90 } })
  const everything = { memory: { read: true, write: true }, store: true, training: true }
  t.strictSame((await call('GET', '/v1/users/ada')).body, { user: 'ada', object: 'user', ...everything, retention_days: null, effective: { ...everything, retention_days: 90 } })
  const less = (await call('PATCH', '/v1/users/ada', { memory: { write: false, read: null }, training: false, retention_days: 7 })).body
  t.match(less, { memory: { read: true, write: false }, store: true, training: false, retention_days: 7, effective: { retention_days: 7 } })
  t.strictSame((await call('GET', '/v1/users/ada')).body, less)
  t.match((await call('PATCH', '/v1/users/ada', { retention_days: 900 })).body, { retention_days: 900, effective: { retention_days: 90 } }, 'never longer than the server')
  t.match((await call('PATCH', '/v1/users/ada', { store: false })).body, { effective: { memory: { read: true, write: false }, store: false, training: false } })
  t.match((await call('GET', '/v1/users/bob')).body, everything)
  t.match((await call('GET', `/v1/users/${encodeURIComponent('Ada Löve/lace')}`)).body, { user: 'Ada Löve/lace' })
})

test('a tenant may keep for a shorter time than the server', async t => {
  const call = await open(t, { config: { retentionDays: 90, tenantRetentionDays: ['local=30', 'other=5', 'a=b=7'] } })
  t.match((await call('GET', '/v1/users/ada')).body, { retention_days: null, effective: { retention_days: 30 } })
  t.match((await call('PATCH', '/v1/users/ada', { retention_days: 10 })).body, { effective: { retention_days: 10 } })
  const config = { retentionDays: 0, tenantRetentionDays: ['a=b=7', 'local=30', 'local=20'] }
  t.strictSame(['a=b', 'local', 'house'].map(tenant => retentionOf(config, tenant)), [7, 20, null])
  for (const given of ['local', 'local=', '=5', 'local=0', 'local=-1', 'local=1.5', 'local=99999']) t.throws(() => parse({}, { tenantRetentionDays: [given] }), /--tenant-retention-days .*TENANT=DAYS/, given)
})

test('memories are neither written nor searched against the policy, and can be seen and erased all the same', async t => {
  const call = await open(t)
  await call('POST', '/v1/memories', { user: 'ada', content: 'Likes tea.' })
  await call('PATCH', '/v1/users/ada', { memory: { read: false, write: false } })
  t.match(await call('POST', '/v1/memories', { user: 'ada', content: 'Likes cake.' }), { status: 403, body: { error: { code: 'memory_off' } } })
  t.match(await call('POST', '/v1/memories/search', { user: 'ada', query: 'tea' }), { status: 403, body: { error: { code: 'memory_off' } } })
  const { body } = await call('GET', '/v1/memories?user=ada')
  const [{ id } = { id: '' }] = body.data as { id: string }[]
  t.equal((await call('DELETE', `/v1/memories/${id}?user=ada`)).status, 200)
})

test('a key reaches its own user and tenant only, and what it may not keep it does not keep', async t => {
  const call = await open(t, { verify: async () => caller({ boundUser: 'ada', user: 'ada', namedBy: 'key', policy: { ...keyedPolicy, write: false } }) })
  t.match((await call('GET', '/v1/users/ada', undefined, bearer)).body, { memory: { write: true }, effective: { memory: { read: true, write: false }, training: false } })
  for (const method of ['GET', 'PATCH'] as const) t.match(await call(method, '/v1/users/bob', method === 'PATCH' ? {} : undefined, bearer), { status: 403, body: { error: { code: 'user_mismatch' } } })
  t.match(await call('POST', '/v1/memories', { content: 'x' }, bearer), { status: 403, body: { error: { code: 'memory_off' } } })
  const open_ = await open(t)
  t.match(await open_('GET', '/v1/users/ada', undefined, { 'x-engraft-user': 'bob' }), { status: 403 }, 'a proxy that names the user in the header is not got round by the path')
  const chatOnly = await open(t, { verify: async () => caller({ scopes: new Set(['chat']) }) })
  t.match(await chatOnly('GET', '/v1/users/ada', undefined, bearer), { status: 403, body: { error: { code: 'insufficient_scope' } } })
})

test('what makes no sense is refused by name', async t => {
  const call = await open(t)
  const wrong: [string, unknown][] = [['retention_days', 0], ['retention_days', -1], ['retention_days', 1.5], ['retention_days', 36_501], ['retention_days', '7'], ['store', 'no'], ['memory', true], ['memory.read', 1]]
  for (const [param, value] of wrong) {
    const body = param === 'memory.read' ? { memory: { read: value } } : { [param]: value }
    t.match(await call('PATCH', '/v1/users/ada', body), { status: 400, body: { error: { param } } }, `${param}: ${JSON.stringify(value)}`)
  }
  t.match(await call('PATCH', '/v1/users/ada', { colour: 1 }), { status: 400, body: { error: { param: 'colour' } } })
  t.equal((await call('GET', `/v1/users/${'x'.repeat(257)}`)).status, 414)
  t.equal((await call('GET', '/v1/users/a%00b')).status, 400)
})
