import { test } from 'tap'
import { keyedPolicy } from '../../src/access/caller.ts'
import { problem } from '../../src/errors.ts'
import { appFor, hello, readyState, twoBases } from '../support/app.ts'

test('models are listed with the default first, and found by names with slashes, colons and ats', async t => {
  const app = await appFor(t)
  const list = (await app.inject('/v1/models')).json()
  t.equal(list.object, 'list')
  t.strictSame(list.data[0], { id: 'tiny', object: 'model', created: 1_700_000_000, owned_by: 'engraft', root: 'tiny', parent: null, max_model_len: 4096 })
  for (const path of ['org/big:q4@1', 'org%2Fbig%3Aq4%401']) t.equal((await app.inject(`/v1/models/${path}`)).json().id, 'org/big:q4@1')
})

test('tokenize takes a prompt or messages, not both and not neither', async t => {
  const app = await appFor(t)
  const ask = async (payload: object) => await app.inject({ method: 'POST', url: '/tokenize', payload })
  t.strictSame((await ask({ prompt: 'ab' })).json(), { count: 2, max_model_len: 4096, tokens: [97, 98] })
  t.equal((await ask({ model: 'tiny', messages: [{ role: 'developer', content: 'x' }] })).json().count, 'system:x'.length)
  t.equal((await ask({})).json().error.param, 'prompt')
  t.equal((await ask({ prompt: 'x', messages: hello.messages })).json().error.param, 'messages')
  t.equal((await ask({ model: 'gone', prompt: 'x' })).json().error.code, 'model_not_found')
  t.equal((await ask({ prompt: 'x', return_token_strs: true })).headers['x-engraft-ignored'], 'return_token_strs')
})

test('base models are shown, loaded and unloaded by name', async t => {
  const app = await appFor(t)
  t.match((await app.inject('/admin/models')).json().data[1], { name: 'org/big:q4@1', default: false, status: 'ready', slots: 4, waiting: 3 })
  t.equal((await app.inject({ method: 'POST', url: '/admin/models/org%2Fbig:q4@1/load' })).json().name, 'org/big:q4@1')
  t.equal((await app.inject({ method: 'POST', url: '/admin/models/tiny/load', headers: { 'content-type': 'application/json' } })).statusCode, 200)
  t.strictSame((await app.inject({ method: 'POST', url: '/admin/models/tiny/unload' })).json().error.code, 'model_in_use')
  t.equal((await app.inject({ method: 'POST', url: '/admin/models/gone/load' })).json().error.code, 'model_not_found')
})

test('keys are made, listed and revoked, and the audit is paged', async t => {
  const calls: unknown[] = []
  const app = await appFor(t, {
    keys: {
      create: async (request, by) => { calls.push([request, by]); return { id: 'k1', secret: 'ek_k1_s' } },
      list: async () => [{ id: 'k1', name: 'n', tenant: 'default', scopes: ['chat'], user: null, models: null, requestsPerMinute: 5, tokensPerDay: null, policy: keyedPolicy, createdAt: 'c', expiresAt: null, revokedAt: null, lastUsedAt: null }],
      revoke: async (id, by) => { if (id !== 'k1') throw problem('key_not_found', { id }); calls.push([id, by]) }
    },
    audit: async page => { calls.push(page); return [] }
  })
  const made = await app.inject({ method: 'POST', url: '/admin/keys', payload: { name: 'n', expires_at: '2999-01-01T00:00:00Z', requests_per_minute: 5, tenant: null, memory: { write: false }, store: null, training: true } })
  t.equal(made.statusCode, 201)
  t.strictSame(made.json(), { id: 'k1', key: 'ek_k1_s' })
  t.strictSame(calls.shift(), [{ name: 'n', tenant: 'default', scopes: ['chat'], user: null, models: null, expiresAt: new Date('2999-01-01'), requestsPerMinute: 5, tokensPerDay: null, policy: { write: false, training: true } }, 'local'])
  t.match((await app.inject('/admin/keys')).json().data, [{ id: 'k1', requests_per_minute: 5, memory: { read: true, write: true }, store: true, training: false, memory_by_body: false }])
  t.strictSame((await app.inject({ method: 'DELETE', url: '/admin/keys/k1' })).json(), { id: 'k1', revoked: true })
  t.strictSame(calls.shift(), ['k1', 'local'])
  t.equal((await app.inject({ method: 'DELETE', url: '/admin/keys/k2' })).statusCode, 404)
  for (const [param, payload] of [['name', {}], ['scopes[0]', { name: 'n', scopes: ['root'] }], ['expires_at', { name: 'n', expires_at: 'soon' }], ['expires_at', { name: 'n', expires_at: '2001-01-01T00:00:00Z' }], ['colour', { name: 'n', colour: 1 }]] as const) {
    t.equal((await app.inject({ method: 'POST', url: '/admin/keys', payload })).json().error.param, param)
  }
  await app.inject('/admin/audit?before=9&limit=5')
  t.strictSame(calls.shift(), { before: 9, limit: 5 })
  for (const query of ['limit=0', 'limit=1001', 'limit=x', 'before=-1']) t.equal((await app.inject(`/admin/audit?${query}`)).statusCode, 400)
})

test('readiness says why not', async t => {
  t.equal((await (await appFor(t)).inject('/readyz')).statusCode, 200)
  const app = await appFor(t, { bases: twoBases({ ...readyState, status: 'loading', detail: 'reading weights' }) })
  const reply = await app.inject('/readyz')
  t.equal(reply.statusCode, 503)
  t.ok(reply.headers['retry-after'])
  t.match(reply.json().error, { code: 'model_loading', message: /tiny.*reading weights/ })
  t.equal((await app.inject('/healthz')).statusCode, 200)
  t.strictSame((await app.inject('/version')).json(), { version: '0.0.0-test' })
})

test('metrics show the engines\' counters, the answers and the requests', async t => {
  const app = await appFor(t)
  await app.inject({ method: 'POST', url: '/v1/chat/completions', payload: hello })
  await app.inject('/invented/path')
  await app.inject('/metrics')
  const { body, headers } = await app.inject('/metrics')
  t.match(headers['content-type'], /text\/plain/)
  for (const line of [
    'engraft_tokens_decoded_after_cancel_total{base="tiny"} 1', 'engraft_tokens_prompt_total{base="org/big:q4@1"} 70', 'engraft_tokens_cached_total{base="tiny"} 20',
    'engraft_base_waiting{base="tiny"} 3', 'engraft_base_slots{base="tiny"} 4', 'engraft_engine_resident_bytes{base="tiny"} 1024',
    'engraft_answers_open 0', 'engraft_websockets_open 0', 'engraft_time_to_first_token_seconds_count 1', 'engraft_answer_duration_seconds_count{result="stop"} 1',
    'engraft_http_request_duration_seconds_count{method="POST",route="/v1/chat/completions",status="200"} 1', 'engraft_http_request_duration_seconds_count{method="GET",route="unknown",status="404"} 1'
  ]) t.ok(body.split('\n').includes(line), line)
  t.match(body, /nodejs_eventloop_lag_p99_seconds/)
  t.notMatch(body, /invented/)
})

test('the document describes every route with its failures, and the page shows it', async t => {
  const app = await appFor(t)
  const document = (await app.inject('/openapi.json')).json() as { openapi: string, paths: Record<string, Record<string, { summary?: string, tags?: string[], responses: object }>> }
  t.match(document.openapi, /^3\.1/)
  for (const path of ['/v1/chat/completions', '/v1/models', '/tokenize', '/admin/keys', '/admin/audit', '/admin/models', '/healthz', '/metrics']) t.ok(document.paths[path], path)
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, route] of Object.entries(methods)) t.ok(route.summary !== undefined && route.tags !== undefined && Object.keys(route.responses).length > 0, `${method} ${path}`)
  }
  t.equal((await app.inject('/docs/')).statusCode, 200)
})

test('a request id of the caller\'s is kept when it is harmless', async t => {
  const app = await appFor(t)
  const idFor = async (id: string) => (await app.inject({ url: '/healthz', headers: { 'x-request-id': id } })).headers['x-request-id']
  t.equal(await idFor('trace-1.a_B'), 'trace-1.a_B')
  for (const bad of ['x'.repeat(129), 'a b', 'a"b', '']) t.match(await idFor(bad), /^[0-9a-f-]{36}$/)
})

test('a request leaves one line, without text, headers or query', async t => {
  const lines: string[] = []
  const app = await appFor(t, { logger: { level: 'trace', stream: { write: (line: string) => { lines.push(line) } } } })
  await app.inject({ method: 'POST', url: '/v1/chat/completions?q=canary', headers: { authorization: 'Bearer canary', 'x-request-id': 'r1' }, payload: { messages: [{ role: 'user', content: 'canary' }], user: 'canary' } })
  t.equal(lines.length, 1)
  t.match(JSON.parse(lines[0] ?? ''), { reqId: 'r1', method: 'POST', route: '/v1/chat/completions', status: 200, tenant: 'local', keyId: null, model: 'tiny', tokens: 3, msg: 'request' })
  t.notMatch(lines[0], /canary|hello/)
})
