import { test } from 'tap'
import { type Caller, keyless } from '../../src/access/caller.ts'
import { appFor, hello } from '../support/app.ts'
import { Scripted } from '../support/scripted.ts'

const key = (id: string, more: Partial<Caller> = {}): Caller => ({ ...keyless, tenant: 'acme', keyId: id, scopes: new Set(['chat']), ...more })
const keys: Record<string, Caller> = {
  ek_chat: key('chat'),
  ek_admin: key('admin', { scopes: new Set(['admin']) }),
  ek_bound: key('bound', { boundUser: 'ada', user: 'ada' }),
  'any format at all': key('boot'),
  bootstrap: key('boot')
}
const verify = async (bearer: string) => keys[bearer] ?? null
const bearer = (text: string) => ({ authorization: `Bearer ${text}` })

const keylessCases: [name: string, headers: Record<string, string>, status: number, code: string | null][] = [
  ['plain', {}, 200, null],
  ['localhost', { host: 'localhost:8080' }, 200, null],
  ['127.8.9.1', { host: '127.8.9.1' }, 200, null],
  ['IPv6', { host: '[::1]:8080' }, 200, null],
  ['a made-up key, as SDKs send it', bearer('sk-none'), 200, null],
  ['own origin', { host: '127.0.0.1:8080', origin: 'http://127.0.0.1:8080' }, 200, null],
  ['allowed origin', { origin: 'https://app.example' }, 200, null],
  ['a key of ours that is wrong', bearer('ek_wrong'), 401, 'invalid_api_key'],
  ['rebound name', { host: 'evil.example' }, 403, 'foreign_host'],
  ['name that begins like loopback', { host: '127.0.0.1.evil.example' }, 403, 'foreign_host'],
  ['name that begins with localhost', { host: 'localhost.evil.example' }, 403, 'foreign_host'],
  ['no loopback address', { host: '192.168.0.2:8080' }, 403, 'foreign_host'],
  ['foreign origin', { origin: 'https://evil.example' }, 403, 'foreign_origin'],
  ['other port', { host: '127.0.0.1:8080', origin: 'http://127.0.0.1:3000' }, 403, 'foreign_origin'],
  ['null origin', { origin: 'null' }, 403, 'foreign_origin'],
  ...['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip', 'via', 'cf-connecting-ip', 'true-client-ip']
    .map(name => [name, { [name]: '10.0.0.1' }, 401, 'forwarded_request'] as [string, Record<string, string>, number, string])
]

test('without a key only programs on this machine come in', async t => {
  const app = await appFor(t, { verify, config: { allowOrigin: ['https://app.example'] } })
  for (const [name, headers, status, code] of keylessCases) {
    const reply = await app.inject({ url: '/v1/models', headers: { host: '127.0.0.1:8080', ...headers } })
    t.strictSame([reply.statusCode, code === null ? null : reply.json().error.code], [status, code], name)
  }
})

test('a good key opens the door from anywhere, also one without our prefix', async t => {
  const app = await appFor(t, { verify })
  for (const text of ['ek_chat', 'bootstrap']) {
    const reply = await app.inject({ url: '/v1/models', headers: { ...bearer(text), host: 'api.example', 'x-forwarded-for': '10.0.0.1', origin: 'https://evil.example' } })
    t.equal(reply.statusCode, 200)
    t.equal(reply.headers['access-control-allow-origin'], undefined)
  }
})

test('where a key is needed nothing else will do', async t => {
  for (const config of [{ requireKey: true }, { host: '0.0.0.0' }]) {
    const app = await appFor(t, { verify, config })
    for (const headers of [{}, bearer('sk-none'), bearer('ek_wrong'), { authorization: 'Basic eDp5' }]) {
      for (const url of ['/v1/models', '/metrics', '/openapi.json', '/docs/', '/docs/static/index.html', '/admin/keys', '/v1/ws']) {
        const reply = await app.inject({ url, headers })
        t.strictSame([reply.statusCode, reply.json().error.code, reply.headers['www-authenticate']], [401, 'invalid_api_key', 'Bearer'], url)
      }
    }
    for (const url of ['/healthz', '/health', '/readyz', '/version']) t.equal((await app.inject(url)).statusCode, 200)
    t.equal((await app.inject({ url: '/openapi.json', headers: bearer('ek_chat') })).statusCode, 200)
  }
})

test('a key opens only what its scopes name', async t => {
  const app = await appFor(t, { verify, config: { requireKey: true } })
  const cases: [method: 'GET' | 'POST' | 'DELETE', url: string, key: string, status: number][] = [
    ['POST', '/v1/chat/completions', 'ek_chat', 200], ['POST', '/v1/chat/completions', 'ek_admin', 403],
    ['GET', '/metrics', 'ek_admin', 200], ['GET', '/metrics', 'ek_chat', 403],
    ['GET', '/admin/keys', 'ek_admin', 200], ['GET', '/admin/keys', 'ek_chat', 403],
    ['POST', '/admin/keys', 'ek_chat', 403], ['DELETE', '/admin/keys/x', 'ek_chat', 403],
    ['GET', '/admin/models', 'ek_chat', 403], ['POST', '/admin/models/tiny/unload', 'ek_chat', 403],
    ['GET', '/admin/audit', 'ek_chat', 403], ['GET', '/admin/audit', 'ek_admin', 200]
  ]
  for (const [method, url, name, status] of cases) {
    const reply = await app.inject({ method, url, headers: bearer(name), ...(method === 'POST' ? { payload: hello } : {}) })
    t.equal(reply.statusCode, status, `${name} ${method} ${url}`)
    if (status === 403) t.equal(reply.json().error.code, 'insufficient_scope')
  }
})

test('the end user is the header\'s, then safety_identifier, then user; a bound key speaks for its own only', async t => {
  const scripted = new Scripted()
  const app = await appFor(t, { verify, scripted })
  const ask = async (headers: Record<string, string>, body: object) => await app.inject({ method: 'POST', url: '/v1/chat/completions', headers, payload: { ...hello, ...body } })
  const seen = () => scripted.seen.at(-1)?.caller.user
  await ask({ 'x-engraft-user': 'eve' }, { user: 'bob', safety_identifier: 'cy' })
  t.equal(seen(), 'eve')
  await ask({}, { user: 'bob', safety_identifier: 'cy' })
  t.equal(seen(), 'cy')
  await ask({}, { user: 'bob' })
  t.equal(seen(), 'bob')
  await ask({}, {})
  t.equal(seen(), null)
  await ask(bearer('ek_bound'), {})
  t.equal(seen(), 'ada')
  for (const reply of [await ask(bearer('ek_bound'), { user: 'bob' }), await ask({ ...bearer('ek_bound'), 'x-engraft-user': 'bob' }, {})]) t.strictSame([reply.statusCode, reply.json().error.code], [403, 'user_mismatch'])
  t.equal((await ask({ 'x-engraft-user': 'x'.repeat(257) }, {})).json().error.param, 'x-engraft-user')
})

test('a key sees and uses only its own models', async t => {
  const app = await appFor(t, { verify: async () => key('k', { models: ['tiny'] }) })
  const headers = bearer('ek_k')
  t.strictSame((await app.inject({ url: '/v1/models', headers })).json().data.map((model: { id: string }) => model.id), ['tiny'])
  t.equal((await app.inject({ url: '/v1/models/org/big:q4@1', headers })).statusCode, 404)
  t.equal((await app.inject({ method: 'POST', url: '/tokenize', headers, payload: { model: 'org/big:q4@1', prompt: 'x' } })).statusCode, 404)
})

test('CORS is for the allowed origins only, preflight included', async t => {
  const app = await appFor(t, { verify, config: { allowOrigin: ['https://app.example'], requireKey: true } })
  const preflight = (origin: string) => app.inject({ method: 'OPTIONS', url: '/v1/chat/completions', headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' } })
  const allowed = await preflight('https://app.example')
  t.equal(allowed.statusCode, 204)
  t.match(allowed.headers, { 'access-control-allow-origin': 'https://app.example', 'access-control-allow-headers': 'authorization', vary: 'Origin' })
  const foreign = await preflight('https://evil.example')
  t.ok(foreign.statusCode >= 400)
  t.equal(foreign.headers['access-control-allow-origin'], undefined)
  const reply = await app.inject({ url: '/v1/models', headers: { ...bearer('ek_chat'), origin: 'https://app.example' } })
  t.match(reply.headers['access-control-expose-headers'], /x-engraft-model/)
})
