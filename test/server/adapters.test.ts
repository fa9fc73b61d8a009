import type { InjectOptions } from 'fastify'
import { Value } from 'typebox/value'
import { test } from 'tap'
import { type Caller, keyless } from '../../src/access/caller.ts'
import type { ErrorCode } from '../../src/errors.ts'
import { Adapter, AdapterVersion } from '../../src/server/schemas/adapters.ts'
import { Chunk, type ChunkWire, Completion } from '../../src/server/schemas/chat.ts'
import { Model } from '../../src/server/schemas/models.ts'
import { MemoryAdapters } from '../support/adapters.ts'
import { appFor, hello, readyState, twoBases } from '../support/app.ts'
import { Scripted } from '../support/scripted.ts'

const admin = '/admin/adapters'
const add = (name: string, source: string, base?: string) => ({ method: 'POST', url: admin, payload: { name, source, ...(base !== undefined && { base }) } }) as const
const act = (name: string, verb: string, payload?: object) => ({ method: 'POST', url: `${admin}/${name}/${verb}`, ...(payload !== undefined && { payload }) }) as const

test('an adapter is registered, promoted, rolled back, pinned, retired and removed, each seen at once', async t => {
  const adapters = new MemoryAdapters()
  const app = await appFor(t, { adapters })
  const first = await app.inject(add('house', 'file:/a.gguf'))
  t.equal(first.statusCode, 201)
  t.ok(Value.Check(AdapterVersion, first.json()), first.body)
  t.match(first.json(), { name: 'house', version: 1, size_bytes: 12, base: 'tiny', base_verified: false, rank: 8, alpha: 16, source: 'file:/a.gguf', created_at: '2026-01-02T03:04:05.678Z', state: 'ready', live: false, resident: false, leases: 0 })
  t.match(first.json().digest, /^[0-9a-f]{64}$/)
  const again = await app.inject(add('house', 'file:/a.gguf'))
  t.equal(again.statusCode, 200, 'the same bytes')
  t.strictSame(again.json(), first.json())
  t.equal((await app.inject(add('house', 'file:/b.gguf', 'tiny'))).json().version, 2)

  t.match((await app.inject(act('house', 'promote', { version: 1 }))).json(), { live: 1, previous: null })
  const promoted = (await app.inject(act('house', 'promote', { version: 2 }))).json()
  t.ok(Value.Check(Adapter, promoted))
  t.match(promoted, { name: 'house', base: 'tiny', live: 2, previous: 1, pinned: false, versions: [{ version: 2, state: 'live', live: true }, { version: 1, state: 'previous', live: false }] })
  t.match((await app.inject(act('house', 'rollback'))).json(), { live: 1, previous: 2 })
  t.equal((await app.inject(act('house', 'pin', { pinned: true }))).json().pinned, true)
  t.equal((await app.inject(act('house', 'pin', { pinned: false }))).json().pinned, false)
  t.match((await app.inject(`${admin}/house`)).json(), { name: 'house', live: 1 })
  t.match((await app.inject(`${admin}/house/versions`)).json(), { object: 'list', data: [{ version: 2 }, { version: 1 }] })
  t.match((await app.inject(admin)).json(), { object: 'list', data: [{ name: 'house', versions: [{ version: 2 }, { version: 1 }] }] })

  const removed = await app.inject({ method: 'DELETE', url: `${admin}/house?version=2` })
  t.strictSame([removed.statusCode, removed.body], [204, ''])
  t.match((await app.inject(act('house', 'retire'))).json(), { live: null, versions: [{ version: 1, state: 'ready' }] })
  t.equal((await app.inject({ method: 'DELETE', url: `${admin}/house` })).statusCode, 204)
  t.strictSame((await app.inject(admin)).json().data, [])
  t.ok(adapters.calls.every(call => call.at(-1) === 'local'), 'the audit learns who asked')
})

test('a version is resident when the engine of its base has it', async t => {
  const adapters = new MemoryAdapters()
  const { version: { digest } } = await adapters.add({ name: 'house', base: null, content: 'file:/a' }, 'test')
  await adapters.add({ name: 'house', base: null, content: 'file:/b' }, 'test')
  const app = await appFor(t, { adapters, bases: twoBases({ ...readyState, adapters: { ...readyState.adapters, resident: [digest] } }) })
  t.match((await app.inject(`${admin}/house`)).json().versions, [{ version: 2, resident: false }, { version: 1, resident: true }])
})

const refusedByRegistry: readonly ErrorCode[] = ['adapter_malformed', 'adapter_wrong_type', 'adapter_wrong_architecture', 'adapter_wrong_shape', 'adapter_incomplete', 'adapter_wrong_base', 'adapter_not_finite', 'adapter_load_failed', 'adapter_no_effect', 'adapter_damaged', 'source_failed', 'storage_full', 'storage_failed']

test('every refusal of the registry keeps its code and its status', async t => {
  const app = await appFor(t)
  await app.inject(add('house', 'file:/a'))
  await app.inject(act('house', 'promote', { version: 1 }))
  const cases: [ask: InjectOptions | string, status: number, code: ErrorCode][] = [
    [`${admin}/gone`, 404, 'adapter_not_found'],
    [`${admin}/gone/versions`, 404, 'adapter_not_found'],
    [act('gone', 'promote', { version: 1 }), 404, 'adapter_not_found'],
    [act('house', 'promote', { version: 9 }), 404, 'adapter_not_found'],
    [act('gone', 'rollback'), 404, 'adapter_not_found'],
    [act('gone', 'retire'), 404, 'adapter_not_found'],
    [act('gone', 'pin', { pinned: true }), 404, 'adapter_not_found'],
    [{ method: 'DELETE', url: `${admin}/gone` }, 404, 'adapter_not_found'],
    [{ method: 'DELETE', url: `${admin}/house?version=9` }, 404, 'adapter_not_found'],
    [{ method: 'DELETE', url: `${admin}/house` }, 409, 'adapter_in_use'],
    [{ method: 'DELETE', url: `${admin}/house?version=1` }, 409, 'adapter_in_use'],
    [act('house', 'rollback'), 409, 'no_previous_version'],
    [add('../etc', 'file:/a'), 400, 'name_invalid'],
    [add('tiny', 'file:/a'), 409, 'name_taken'],
    [add('other', 'file:/a', 'nowhere'), 404, 'model_not_found']
  ]
  for (const [ask, status, code] of cases) {
    const reply = await app.inject(typeof ask === 'string' ? { url: ask } : ask)
    t.strictSame([reply.statusCode, reply.json().error.code], [status, code], JSON.stringify(ask))
  }
  const form = (code: string) => ({ method: 'POST', url: admin, headers: { 'content-type': 'multipart/form-data; boundary=b' }, payload: `--b\r\ncontent-disposition: form-data; name="name"\r\n\r\nhouse\r\n--b\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\nbad:${code}\r\n--b--\r\n` }) as const
  for (const code of refusedByRegistry) t.equal((await app.inject(form(code))).json().error.code, code)
  t.equal((await app.inject(`${admin}/house`)).json().versions.length, 1)
})

test('a wrong body or query is a 400 that names the field', async t => {
  const adapters = new MemoryAdapters()
  const app = await appFor(t, { adapters })
  const post = (path: string, payload: unknown) => ({ method: 'POST', url: `${admin}${path}`, payload: payload as object }) as const
  const cases: [ReturnType<typeof post> | { method: 'DELETE', url: string }, param: string | null][] = [
    [post('', {}), 'name'], [post('', { name: 'house' }), 'source'], [post('', { name: '', source: 'file:/a' }), 'name'], [post('', { name: 7, source: 'file:/a' }), 'name'],
    [post('', { name: 'x'.repeat(10_240), source: 'file:/a' }), 'name'], [post('', { name: 'house', source: '/a' }), 'source'], [post('', { name: 'house', source: 'http://x/a' }), 'source'], [post('', { name: 'house', source: 'file:' }), 'source'],
    [post('', { name: 'house', source: ['file:/a'] }), 'source'], [post('', { name: 'house', source: 'file:/a', base: 7 }), 'base'], [post('', { name: 'house', source: 'file:/a', live: true }), 'live'], [post('', []), null],
    [post('/house/promote', {}), 'version'], [post('/house/promote', { version: 0 }), 'version'], [post('/house/promote', { version: '1' }), 'version'], [post('/house/promote', { version: 1.5 }), 'version'], [post('/house/promote', { version: null }), 'version'], [post('/house/promote', { version: 1, percent: 5 }), 'percent'],
    [post('/house/pin', {}), 'pinned'], [post('/house/pin', { pinned: 'yes' }), 'pinned'],
    ...['0', '-1', 'x', '', '1e3', '%00'].map(version => [{ method: 'DELETE', url: `${admin}/house?version=${version}` }, 'version'] as [{ method: 'DELETE', url: string }, string])
  ]
  for (const [ask, param] of cases) {
    const reply = await app.inject(ask)
    t.match(reply.json(), { error: { code: 'invalid_request', param } }, JSON.stringify(ask).slice(0, 120))
    t.equal(reply.statusCode, 400)
    t.ok(reply.body.length < 500, 'what was sent does not come back whole')
  }
  t.equal((await app.inject({ method: 'POST', url: admin, headers: { 'content-type': 'text/plain' }, payload: 'x' })).json().error.code, 'unsupported_media_type')
  t.equal((await app.inject({ method: 'POST', url: admin })).json().error.code, 'unsupported_media_type')
  t.equal((await app.inject({ method: 'POST', url: admin, headers: { 'content-type': 'application/json' }, payload: '{' })).json().error.code, 'invalid_json')
  t.equal((await app.inject({ method: 'POST', url: '/v1/chat/completions', headers: { 'content-type': 'multipart/form-data; boundary=b' }, payload: '--b--' })).statusCode, 415, 'forms are for uploads only')
  t.strictSame(adapters.calls, [], 'nothing of it reached the registry')
})

test('hostile names in paths are refused or unknown, and never become one', async t => {
  const adapters = new MemoryAdapters()
  const app = await appFor(t, { adapters })
  const long = 'x'.repeat(10_240)
  for (const [name, status, code] of [['..%2f..%2fetc%2fpasswd', 404, 'adapter_not_found'], ['house%00', 400, 'invalid_request'], ['%0d%0a', 400, 'invalid_request'], [long, 414, 'uri_too_long'], ['%', 400, 'invalid_request'], ['__proto__', 404, 'adapter_not_found']] as const) {
    for (const ask of [`${admin}/${name}`, `${admin}/${name}/versions`, act(name, 'promote', { version: 1 }), act(name, 'rollback'), act(name, 'retire'), act(name, 'pin', { pinned: true }), { method: 'DELETE', url: `${admin}/${name}` } as const]) {
      const reply = await app.inject(typeof ask === 'string' ? { url: ask } : ask)
      t.strictSame([reply.statusCode, reply.json().error.code], [status, code], JSON.stringify(ask).slice(0, 80))
    }
  }
  t.strictSame(adapters.list(), [])
})

test('only a key with the scope admin may touch adapters, and the audit learns which', async t => {
  const adapters = new MemoryAdapters()
  const keys: Record<string, Caller> = { ek_chat: { ...keyless, keyId: 'chat', scopes: new Set(['chat']) }, ek_admin: { ...keyless, keyId: 'boss', scopes: new Set(['admin']) } }
  const app = await appFor(t, { adapters, verify: async bearer => keys[bearer] ?? null, config: { requireKey: true } })
  const asks = [{ method: 'GET', url: admin }, { method: 'GET', url: `${admin}/house` }, add('house', 'file:/a'), act('house', 'promote', { version: 1 }), act('house', 'rollback'), act('house', 'retire'), act('house', 'pin', { pinned: true }), { method: 'DELETE', url: `${admin}/house` }, { method: 'POST', url: '/v1/load_lora_adapter', payload: {} }, { method: 'POST', url: '/v1/unload_lora_adapter', payload: {} }] as const
  for (const ask of asks) {
    t.equal((await app.inject({ ...ask, headers: { authorization: 'Bearer ek_chat' } })).json().error.code, 'insufficient_scope', ask.url)
    t.equal((await app.inject(ask)).statusCode, 401, ask.url)
  }
  t.strictSame(adapters.calls, [])
  t.equal((await app.inject({ ...add('house', 'file:/a'), headers: { authorization: 'Bearer ek_admin' } })).statusCode, 201)
  t.strictSame(adapters.calls, [['add', 'house', null, 'file:/a', 'boss']])
})

test("vLLM's clients load and unload in vLLM's own words", async t => {
  const adapters = new MemoryAdapters()
  const app = await appFor(t, { adapters })
  const load = { method: 'POST', url: '/v1/load_lora_adapter', payload: { lora_name: 'sql', lora_path: '/data/sql.gguf', load_inplace: false } } as const
  for (const round of ['first', 'again']) {
    const loaded = await app.inject(load)
    t.strictSame([loaded.statusCode, loaded.body], [200, "Success: LoRA adapter 'sql' added successfully."], round)
    t.match(loaded.headers['content-type'], /^text\/plain/)
  }
  t.match(adapters.find('sql'), { live: 1, versions: [{ source: 'file:/data/sql.gguf' }] })
  const unloaded = await app.inject({ method: 'POST', url: '/v1/unload_lora_adapter', payload: { lora_name: 'sql', lora_int_id: 1 } })
  t.strictSame([unloaded.statusCode, unloaded.body], [200, "Success: LoRA adapter 'sql' removed successfully."])
  t.match(adapters.find('sql'), { live: null, versions: [{ version: 1 }] })
  t.equal((await app.inject({ method: 'POST', url: '/v1/unload_lora_adapter', payload: { lora_name: 'gone' } })).json().error.code, 'adapter_not_found')
  for (const [param, url, payload] of [['lora_name', 'load', { lora_path: '/a' }], ['lora_path', 'load', { lora_name: 'a' }], ['lora_name', 'unload', {}]] as const) t.equal((await app.inject({ method: 'POST', url: `/v1/${url}_lora_adapter`, payload })).json().error.param, param)
})

test('live adapters are models after the bases, and versions are found by name', async t => {
  const adapters = new MemoryAdapters()
  for (const source of ['file:/a', 'file:/b']) await adapters.add({ name: 'house', base: 'org/big:q4@1', content: source }, 'test')
  await adapters.add({ name: 'idle', base: null, content: 'file:/c' }, 'test')
  await adapters.promote('house', 2, 'test')
  const app = await appFor(t, { adapters })
  const { data } = (await app.inject('/v1/models')).json()
  t.strictSame(data.map((model: { id: string }) => model.id), ['tiny', 'org/big:q4@1', 'house'])
  t.strictSame(data[2], { id: 'house', object: 'model', created: Date.UTC(2026, 0, 2, 3, 4, 5) / 1000, owned_by: 'engraft', root: 'house@2', parent: 'org/big:q4@1', max_model_len: 4096 })
  t.ok(data.every((model: unknown) => Value.Check(Model, model)))
  t.strictSame((await app.inject('/v1/models/house')).json(), data[2])
  t.match((await app.inject('/v1/models/house@1')).json(), { id: 'house@1', root: 'house@1', parent: 'org/big:q4@1' })
  t.match((await app.inject('/v1/models/idle%401')).json(), { id: 'idle@1', parent: 'tiny' }, 'a version needs no promote')
  for (const [id, code] of [['idle', 'adapter_not_live'], ['house@3', 'model_not_found'], ['house@0', 'model_not_found'], ['house@', 'model_not_found'], ['house@1@1', 'model_not_found'], ['@1', 'model_not_found'], ['tiny@1', 'model_not_found']] as const) t.equal((await app.inject(`/v1/models/${id}`)).json().error.code, code, id)
  t.equal((await app.inject({ method: 'POST', url: '/tokenize', payload: { model: 'house@1', prompt: 'ab' } })).json().count, 2, 'an adapter has the tokens of its base')
})

test('an adapter whose base is not served is no model', async t => {
  const adapters = new MemoryAdapters()
  await adapters.add({ name: 'house', base: 'tiny', content: 'file:/a' }, 'test')
  await adapters.promote('house', 1, 'test')
  const { list } = twoBases()
  const big = list().slice(1)
  const app = await appFor(t, { adapters, bases: { ...twoBases(), list: () => big, find: name => big.find(base => base.name === name) ?? null } })
  t.strictSame((await app.inject('/v1/models')).json().data.map((model: { id: string }) => model.id), ['org/big:q4@1'])
  t.equal((await app.inject('/v1/models/house')).json().error.code, 'model_not_found')
  t.equal((await app.inject(`${admin}/house`)).json().versions[0].resident, false)
})

test('an allow-list names adapters without a version', async t => {
  const adapters = new MemoryAdapters()
  for (const name of ['house', 'other']) {
    await adapters.add({ name, base: null, content: 'file:/a' }, 'test')
    await adapters.promote(name, 1, 'test')
  }
  const app = await appFor(t, { adapters, verify: async () => ({ ...keyless, keyId: 'k', models: ['house'] }) })
  const headers = { authorization: 'Bearer ek_k' }
  t.strictSame((await app.inject({ url: '/v1/models', headers })).json().data.map((model: { id: string }) => model.id), ['house'])
  for (const [id, status] of [['house', 200], ['house@1', 200], ['other', 404], ['other@1', 404], ['tiny', 404], ['org/big:q4@1', 404]] as const) t.equal((await app.inject({ url: `/v1/models/${id}`, headers })).statusCode, status, id)
})

test('a request may mix adapters, and the answer says which version and weights it is of', async t => {
  const scripted = new Scripted({ start: { model: 'house@7', version: 7, digest: 'cd'.repeat(32) } })
  const app = await appFor(t, { scripted })
  const payload = { ...hello, model: 'house', engraft: { memory: 'off', adapters: [{ name: 'sql@2', scale: -0.5 }, { name: 'tone' }, { name: 'dry', scale: null }, { name: 'top', scale: 4 }] } }
  const whole = await app.inject({ method: 'POST', url: '/v1/chat/completions', payload })
  t.equal(whole.headers['x-engraft-ignored'], undefined)
  t.strictSame(scripted.seen[0]?.request.adapters, [{ name: 'sql@2', scale: -0.5 }, { name: 'tone', scale: 1 }, { name: 'dry', scale: 1 }, { name: 'top', scale: 4 }])
  t.ok(Value.Check(Completion, whole.json()))
  t.match(whole.json(), { model: 'house@7', system_fingerprint: 'fp_cdcdcdcdcdcdcdcd', engraft: { version: 7, digest: 'cd'.repeat(32) } })
  t.equal(whole.headers['x-engraft-model'], 'house@7')

  const streamed = await app.inject({ method: 'POST', url: '/v1/chat/completions', payload: { ...payload, stream: true, stream_options: { include_usage: true } } })
  t.equal(streamed.headers['x-engraft-model'], 'house@7')
  const chunks = streamed.body.split('\n\n').filter(line => line.startsWith('data: {')).map(line => JSON.parse(line.slice(6)) as ChunkWire)
  t.ok(chunks.every(chunk => Value.Check(Chunk, chunk)))
  t.strictSame(chunks.filter(chunk => chunk.engraft !== undefined).map(chunk => [chunk.choices[0]?.finish_reason, chunk.engraft]), [['stop', { version: 7, digest: 'cd'.repeat(32), memories: [], session: null, recorded: null }]])
})

test('a base that answers alone has no version', async t => {
  const app = await appFor(t)
  for (const engraft of [undefined, null, {}, { adapters: null }, { adapters: [] }]) t.match((await app.inject({ method: 'POST', url: '/v1/chat/completions', payload: { ...hello, ...(engraft !== undefined && { engraft }) } })).json().engraft, { version: null, digest: 'ab'.repeat(32) })
})

test('metrics count adapters by where they are, and what the engines did with them', async t => {
  const adapters = new MemoryAdapters()
  const digests: string[] = []
  for (const [name, source] of [['a', 'file:/1'], ['a', 'file:/2'], ['b', 'file:/1'], ['b', 'file:/3'], ['c', 'file:/4']] as const) digests.push((await adapters.add({ name, base: null, content: source }, 'test')).version.digest)
  const bases = twoBases({ ...readyState, adapters: { ...readyState.adapters, resident: [digests[0] ?? '', digests[1] ?? ''], busy: 1 } })
  const { body } = await (await appFor(t, { adapters, bases })).inject('/metrics')
  for (const line of [
    'engraft_adapters{base="tiny",tier="hot"} 1', 'engraft_adapters{base="tiny",tier="warm"} 1', 'engraft_adapters{base="tiny",tier="disk"} 2', 'engraft_adapters{base="org/big:q4@1",tier="disk"} 0',
    'engraft_adapter_loads_total{base="tiny"} 5', 'engraft_adapter_load_seconds_total{base="tiny"} 1.25', 'engraft_adapter_evictions_total{base="tiny"} 2', 'engraft_adapter_switches_total{base="tiny"} 9'
  ]) t.ok(body.split('\n').includes(line), line)
})
