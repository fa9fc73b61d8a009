import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Test, test } from 'tap'
import { listAudit } from '../../src/access/audit.ts'
import type { KeyRequest } from '../../src/access/key-request.ts'
import { openKeys } from '../../src/access/keys.ts'
import { openTokens } from '../../src/access/tokens.ts'
import { query } from '../../src/database/sql.ts'
import { openErasures } from '../../src/privacy/erasures.ts'
import { People } from '../../src/privacy/people.ts'
import { openPolicies } from '../../src/privacy/policies.ts'
import { freshPath, opened } from '../database/fixtures.ts'
import { appFor } from '../support/app.ts'

type Body = Record<string, unknown> & { id: string, token: string, expires_at: string, data: { id: string, user: string }[], error?: { code: string, param: string | null } }

/** The routes over real keys, tokens and policies in a fresh database. */
async function world (t: Test, most?: number) {
  const path = freshPath(t)
  const database = await opened(t, path)
  const keys = openKeys(database)
  const policies = openPolicies(database)
  const erasures = { ...openErasures({ database, path: `${path}.erasures`, people: new People(), policies }), copies: async () => [] }
  const app = await appFor(t, { keys, verify: async bearer => await keys.verify(bearer), tokens: openTokens(database, most === undefined ? {} : { most }), policies, erasures })
  const call = async (key: string | null, method: 'GET' | 'POST' | 'DELETE', url: string, body?: object, headers: Record<string, string> = {}): Promise<{ status: number, body: Body }> => {
    const reply = await app.inject({ method, url, headers: { host: '127.0.0.1', ...key !== null && { authorization: `Bearer ${key}` }, ...headers }, ...body !== undefined && { payload: body } })
    return { status: reply.statusCode, body: reply.json() }
  }
  const key = async (over: Partial<KeyRequest> = {}): Promise<{ id: string, secret: string }> => await keys.create({ name: 'app', tenant: 'acme', scopes: ['chat', 'memory'], ...over }, 'cli')
  return { path, database, keys, call, key, erasures }
}

test('a token speaks for its one user, with what its key may and no more', async t => {
  const { keys, call, key } = await world(t)
  const { id, secret } = await key({ scopes: ['chat', 'memory', 'admin'], models: ['house'], requestsPerMinute: 7, tokensPerDay: 100, policy: { write: false, training: true } })
  const minted = await call(secret, 'POST', '/v1/tokens', { user: 'ada', ttl: 60 })
  t.match(minted, { status: 201, body: { object: 'token', user: 'ada', scopes: ['chat', 'memory'], token: /^ek_/ } })
  const seconds = (Date.parse(minted.body.expires_at) - Date.now()) / 1000
  t.ok(seconds > 50 && seconds <= 60)
  const { token } = minted.body
  const [holder, minter] = [await keys.verify(token), await keys.verify(secret)]
  t.match(holder, { tenant: 'acme', keyId: id, boundUser: 'ada', user: 'ada', models: ['house'], requestsPerMinute: 7, tokensPerDay: 100 }, 'counted with its key')
  t.strictSame(holder?.policy, minter?.policy)
  t.strictSame([...holder!.scopes], ['chat', 'memory'])

  t.equal((await call(token, 'GET', '/v1/users/ada')).status, 200)
  t.match(await call(token, 'GET', '/v1/users/bob'), { status: 403, body: { error: { code: 'user_mismatch' } } })
  t.match(await call(token, 'GET', '/v1/models', undefined, { 'x-engraft-user': 'bob' }), { status: 403, body: { error: { code: 'user_mismatch' } } })
  t.match(await call(token, 'GET', '/admin/keys'), { status: 403, body: { error: { code: 'insufficient_scope' } } })
  for (const [method, url] of [['POST', '/v1/tokens'], ['DELETE', `/v1/tokens/${minted.body.id}`]] as const) t.match(await call(token, method, url, method === 'POST' ? { user: 'ada' } : undefined), { status: 403, body: { error: { code: 'token_denied' } } }, 'and brings forth no other')
})

test('what no token can be is refused by name', async t => {
  const { call, key } = await world(t, 2)
  const { secret } = await key()
  const wrong: [string, object][] = [['user', {}], ['user', { user: '' }], ['user', { user: 'a\0' }], ['ttl', { user: 'ada', ttl: 0 }], ['ttl', { user: 'ada', ttl: -1 }], ['ttl', { user: 'ada', ttl: 86_401 }], ['ttl', { user: 'ada', ttl: '60' }], ['scopes', { user: 'ada', scopes: [] }], ['policy', { user: 'ada', policy: {} }]]
  for (const [param, body] of wrong) t.match(await call(secret, 'POST', '/v1/tokens', body), { status: 400, body: { error: { param } } }, JSON.stringify(body))
  for (const scope of ['feedback', 'admin']) t.match(await call(secret, 'POST', '/v1/tokens', { user: 'ada', scopes: [scope] }), { status: 403, body: { error: { code: 'insufficient_scope' } } })
  t.match(await call((await key({ scopes: ['admin'] })).secret, 'POST', '/v1/tokens', { user: 'ada' }), { status: 403 }, 'a key with admin only has nothing to give')
  t.match(await call((await key({ user: 'ada' })).secret, 'POST', '/v1/tokens', { user: 'ada' }), { status: 403, body: { error: { code: 'token_denied' } } })
  t.match((await call(secret, 'POST', '/v1/tokens', { user: 'ada', scopes: ['chat'] })).body, { scopes: ['chat'] })
  t.equal((await call(secret, 'POST', '/v1/tokens', { user: 'bob' })).status, 201)
  t.match(await call(secret, 'POST', '/v1/tokens', { user: 'eve' }), { status: 429, body: { error: { code: 'too_many_tokens' } } })
  t.match((await call(null, 'POST', '/v1/tokens', { user: 'ada' })).body, { token: /^ek_/ }, 'without a key there are tokens too, to build against')
})

test('a token ends at its time, with its key, or when it is revoked by the key that made it', async t => {
  const { database, keys, call, key } = await world(t)
  const [one, other] = [await key(), await key({ expiresAt: new Date(Date.now() + 5_000) })]
  const mint = async ({ secret }: typeof one): Promise<Body> => (await call(secret, 'POST', '/v1/tokens', { user: 'ada' })).body
  const [first, second, third] = [await mint(one), await mint(one), await mint(other)]
  t.ok(Date.parse(third.expires_at) - Date.now() <= 5_000, 'never later than its key')
  t.strictSame((await call(one.secret, 'GET', '/v1/tokens')).body.data.map(({ id }) => id).sort(), [first.id, second.id].sort())
  t.equal((await keys.list()).length, 2, 'tokens are no keys')
  const asBob = { 'x-engraft-user': 'bob' }
  t.strictSame((await call(one.secret, 'GET', '/v1/tokens', undefined, asBob)).body.data, [], 'a request that names a user sees nothing of others')
  t.match(await call(one.secret, 'DELETE', `/v1/tokens/${first.id}`, undefined, asBob), { status: 404 })
  t.match(await call(one.secret, 'POST', '/v1/tokens', { user: 'ada' }, asBob), { status: 403, body: { error: { code: 'user_mismatch' } } })
  t.match(await call(other.secret, 'DELETE', `/v1/tokens/${first.id}`), { status: 404, body: { error: { code: 'token_not_found' } } })
  t.match(await call(one.secret, 'DELETE', `/v1/tokens/${one.id}`), { status: 404 }, 'a key is no token')
  t.equal((await call(one.secret, 'DELETE', `/v1/tokens/${first.id}`)).status, 200)
  t.equal(await keys.verify(first.token), null)
  t.ok(await keys.verify(second.token))
  await keys.revoke(one.id, 'cli')
  t.equal(await keys.verify(second.token), null)
  t.equal((await call(second.token, 'GET', '/v1/models')).status, 401)

  t.ok(await keys.verify(third.token))
  await database.commit([query("update keys set expires_at = '2024-01-01T00:00:00.000Z' where id = :id", { id: third.id })])
  t.equal(await keys.verify(third.token), null)
  await mint(other)
  t.strictSame(await database.all(query('select id from keys where id = :id', { id: third.id })), [], 'and is gone when the next is made')

  await keys.ensureBootstrap('a'.repeat(32))
  const { token } = (await call('a'.repeat(32), 'POST', '/v1/tokens', { user: 'ada' })).body
  t.ok(await keys.verify(token))
  await keys.ensureBootstrap('b'.repeat(32))
  t.equal(await keys.verify(token), null, 'the operator changed the text it was made with')
})

test("an erased person's name is in no key, token, audit entry or file, and their keys open nothing", async t => {
  const { path, database, keys, call, key, erasures } = await world(t)
  const [app, own, elsewhere] = [await key(), await key({ name: 'Zephyrine at home', user: 'zephyrine' }), await key({ tenant: 'other', user: 'quentin' })]
  const { token } = (await call(app.secret, 'POST', '/v1/tokens', { user: 'zephyrine' })).body
  const bobs = (await call(app.secret, 'POST', '/v1/tokens', { user: 'bob' })).body
  t.match(await call(own.secret, 'DELETE', '/v1/users/zephyrine'), { status: 200, body: { object: 'erasure', erased_at: String } }, 'also where it is asked with such a key')
  for (const secret of [token, own.secret]) t.equal(await keys.verify(secret), null)
  for (const secret of [app.secret, elsewhere.secret, bobs.token]) t.ok(await keys.verify(secret))
  t.match((await keys.list()).find(({ id }) => id === own.id), { name: 'erased', user: /^erasure_/, revokedAt: String })
  t.notMatch(JSON.stringify([await listAudit(database, { limit: 99 }), await erasures.receipts({ tenant: 'acme', user: 'zephyrine' })]), /zephyrine/i)
  const files = Buffer.concat(readdirSync(dirname(path)).map(name => readFileSync(join(dirname(path), name))))
  t.notOk(files.includes('ephyrine'))
  t.equal((await call(app.secret, 'POST', '/v1/tokens', { user: 'zephyrine' })).status, 201, 'who comes back is a new person')
})
