import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { type ClientOptions, WebSocket } from 'ws'
import { keyless } from '../../src/access/caller.ts'
import { problem } from '../../src/errors.ts'
import { type Overrides, appFor, hello, listening } from '../support/app.ts'
import { Scripted } from '../support/scripted.ts'
import { settled, until } from '../support/wire.ts'

interface Frame { type: string, id?: string, data?: { id: string, choices: { delta: { content?: string } }[], usage?: { total_tokens: number } | null }, error?: { code: string, param: string | null }, ignored?: string[], cancelled?: boolean }

async function open (t: Test, port: number, options: ClientOptions = {}, protocols: string[] = []) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`, protocols, options)
  const frames: Frame[] = []
  socket.on('message', data => frames.push(JSON.parse(String(data)) as Frame))
  socket.on('error', () => {})
  t.teardown(() => socket.terminate())
  await once(socket, 'open')
  const send = (frame: object | string) => socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame))
  const of = (id: string) => frames.filter(frame => frame.id === id)
  return { socket, frames, send, of, ended: (id: string) => of(id).some(frame => frame.type !== 'chunk') }
}

/** The status and body with which an upgrade is refused. */
async function refusal (port: number, options: ClientOptions = {}, protocols: string[] = []): Promise<{ status: number, code: string, retryAfter: string | undefined }> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`, protocols, options)
  socket.on('error', () => {})
  const [, reply] = await once(socket, 'unexpected-response') as [unknown, import('node:http').IncomingMessage]
  let body = ''
  for await (const piece of reply) body += String(piece)
  return { status: reply.statusCode ?? 0, code: (JSON.parse(body) as { error: { code: string } }).error.code, retryAfter: reply.headers['retry-after'] }
}

async function served (t: Test, overrides: Overrides = {}) {
  const app = await appFor(t, overrides)
  return { app, ...await listening(app) }
}

test('several answers come at the same time on one socket, each with its own id', async t => {
  const { port } = await served(t, { scripted: new Scripted({ texts: 5, every: 20 }) })
  const { send, frames, of, ended } = await open(t, port)
  send({ type: 'create', id: 'a', body: { ...hello, stream_options: { include_usage: true } } })
  send({ type: 'create', id: 'b', body: { ...hello, wobble: 1, stream: false } })
  await until(() => ended('a') && ended('b'))
  for (const id of ['a', 'b']) {
    t.equal(of(id).at(-1)?.type, 'done')
    t.equal(of(id).map(frame => frame.data?.choices[0]?.delta.content ?? '').join(''), 'hello '.repeat(5))
  }
  t.equal(of('a').at(-2)?.data?.usage?.total_tokens, 12)
  t.strictSame(of('b').at(-1)?.ignored, ['wobble'])
  const order = frames.map(frame => frame.id)
  t.ok(order.indexOf('b') < order.lastIndexOf('a'), 'interleaved')
})

test('a cancelled answer is closed at once, says done, and frees its id', async t => {
  const scripted = new Scripted({ texts: 1000, every: 20 })
  const { port } = await served(t, { scripted })
  const { send, of, ended } = await open(t, port)
  send({ type: 'create', id: 'a', body: hello })
  await until(() => of('a').length > 2)
  const asked = performance.now()
  send({ type: 'cancel', id: 'a' })
  await until(() => ended('a'))
  t.strictSame(of('a').at(-1), { type: 'done', id: 'a', cancelled: true })
  t.ok(scripted.closedAt - asked < 100)
  send({ type: 'cancel', id: 'a' })
  send({ type: 'create', id: 'a', body: hello })
  await until(() => scripted.opened === 2)
})

test('an id under way and an answer too many are refused, and the others go on', async t => {
  const { port } = await served(t, { scripted: new Scripted({ texts: 10, every: 20 }), config: { answersPerSocket: 2 } })
  const { send, of, ended } = await open(t, port)
  for (const id of ['a', 'a', 'b', 'c']) send({ type: 'create', id, body: hello })
  await until(() => ended('b') && of('a').some(frame => frame.type === 'done'))
  t.equal(of('a').find(frame => frame.type === 'error')?.error?.code, 'id_in_use')
  t.equal(of('c')[0]?.error?.code, 'too_many_answers')
})

test('frames that cannot be used are answered with invalid_frame, with an id where one could be read', async t => {
  const { port } = await served(t)
  const { send, socket, frames, of, ended } = await open(t, port)
  const cases: [frame: object | string | Buffer, id: string | undefined][] = [
    ['not json', undefined], ['[]', undefined], ['null', undefined], ['{"__proto__":{}}', undefined],
    [Buffer.from('{"type":"create","id":"a"}'), undefined],
    [{ type: 'create' }, undefined], [{ type: 'create', id: '' }, undefined], [{ type: 'create', id: 'x'.repeat(129) }, undefined], [{ type: 'create', id: 7 }, undefined],
    [{ type: 'dance', id: 'd' }, 'd']
  ]
  for (const [frame, id] of cases) {
    const before = frames.length
    if (Buffer.isBuffer(frame)) socket.send(frame, { binary: true })
    else send(frame)
    await until(() => frames.length > before)
    t.match(frames.at(-1), { type: 'error', error: { code: 'invalid_frame' } })
    t.equal(frames.at(-1)?.id, id)
  }
  send({ type: 'create', id: 'x'.repeat(128), body: hello })
  await until(() => ended('x'.repeat(128)))
  t.equal(of('x'.repeat(128)).at(-1)?.type, 'done')
})

test('a body is held to the same rules as over HTTP', async t => {
  const { app, port } = await served(t)
  const { send, of, ended } = await open(t, port)
  const bodies = [undefined, {}, { messages: [] }, { ...hello, max_tokens: '12' }, { ...hello, n: 0 }, { ...hello, tools: [{}] }, { ...hello, tool_choice: 'required' }, { ...hello, logprobs: 1 }, { ...hello, response_format: { type: 'json_schema', json_schema: { name: 's', schema: { type: 'thing' } } } }, { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }, { ...hello, engraft: { memory: 'please' } }]
  for (const [i, body] of bodies.entries()) {
    send({ type: 'create', id: `b${i}`, body })
    await until(() => ended(`b${i}`))
    const overHttp = await app.inject({ method: 'POST', url: '/v1/chat/completions', headers: { 'content-type': 'application/json' }, payload: JSON.stringify(body) ?? '' })
    t.strictSame({ error: of(`b${i}`)[0]?.error }, overHttp.json())
  }
})

test('several answers to one prompt, their probabilities and calls come in the same chunks as over HTTP', async t => {
  const logprobs = [{ token: 'hi', bytes: [104, 105], logprob: -1, top: [] }]
  const scripted = new Scripted({ texts: 1, text: 'hi', logprobs, call: { name: 'f', arguments: '{}' } })
  const { app, port } = await served(t, { scripted })
  const { send, of, ended } = await open(t, port)
  const body = { ...hello, n: 2, logprobs: true, tools: [{ type: 'function', function: { name: 'f' } }], tool_choice: 'required' }
  send({ type: 'create', id: 'a', body })
  await until(() => ended('a'))
  const overHttp = (await app.inject({ method: 'POST', url: '/v1/chat/completions', payload: { ...body, stream: true } })).body.split('\n\n').filter(line => line.startsWith('data: {')).map(line => JSON.parse(line.slice(6)) as object)
  t.strictSame(of('a').flatMap(({ data }) => data === undefined ? [] : [{ ...data, id: '' }]), overHttp.map(chunk => ({ ...chunk, id: '' })))
  t.match(JSON.stringify(overHttp), /"tool_calls".*"finish_reason":"tool_calls"/)
  t.strictSame(scripted.seen[0]?.request, scripted.seen[1]?.request && { ...scripted.seen[1].request, sampling: scripted.seen[0]?.request.sampling })
})

test('an answer that fails ends with an error frame, and the socket lives on', async t => {
  const { port } = await served(t, { scripted: new Scripted({ failAt: 2 }) })
  const { send, of, ended, socket } = await open(t, port)
  send({ type: 'create', id: 'a', body: hello })
  await until(() => ended('a'))
  t.equal(of('a').at(-1)?.error?.code, 'engine_died')
  t.equal(socket.readyState, WebSocket.OPEN)
})

test('only engraft.v1 is ever chosen, and the key comes by subprotocol or by header', async t => {
  const lines: string[] = []
  const { port } = await served(t, {
    verify: async bearer => bearer === 'ek_good_one' ? { ...keyless, keyId: 'good' } : null,
    config: { requireKey: true },
    logger: { level: 'trace', stream: { write: (line: string) => { lines.push(line) } } }
  })
  const key = `engraft.key.${Buffer.from('ek_good_one').toString('base64url')}`
  t.equal((await open(t, port, {}, ['engraft.v1', key])).socket.protocol, 'engraft.v1')
  t.equal((await open(t, port, {}, [key, 'engraft.v1'])).socket.protocol, 'engraft.v1')
  t.equal((await open(t, port, { headers: { authorization: 'Bearer ek_good_one' } })).socket.protocol, '')
  const alone = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`, [key])
  const [error] = await once(alone, 'error') as [Error]
  t.match(error.message, /no subprotocol/)
  t.match(await refusal(port), { status: 401, code: 'invalid_api_key' })
  t.match(await refusal(port, {}, ['engraft.v1', `engraft.key.${Buffer.from('ek_bad').toString('base64url')}`]), { status: 401, code: 'invalid_api_key' })
  await until(() => lines.length > 0)
  t.notMatch(lines.join(''), /ek_|engraft\.key/)
})

test('a key that is revoked opens no further answer on a socket that is already open', async t => {
  let revoked = false
  const { port } = await served(t, { verify: async () => revoked ? null : { ...keyless, keyId: 'k' }, config: { requireKey: true } })
  const { send, of, ended } = await open(t, port, { headers: { authorization: 'Bearer ek_x' } })
  send({ type: 'create', id: 'a', body: hello })
  await until(() => ended('a'))
  revoked = true
  send({ type: 'create', id: 'b', body: hello })
  await until(() => ended('b'))
  t.equal(of('a').at(-1)?.type, 'done')
  t.equal(of('b')[0]?.error?.code, 'invalid_api_key')
})

test('a keyless upgrade is held to loopback, to our own origin and to no proxy', async t => {
  const { port } = await served(t, { config: { allowOrigin: ['https://app.example'] } })
  t.match(await refusal(port, { headers: { origin: 'https://evil.example' } }), { status: 403, code: 'foreign_origin' })
  t.match(await refusal(port, { headers: { host: 'evil.example' } }), { status: 403, code: 'foreign_host' })
  t.match(await refusal(port, { headers: { 'x-forwarded-for': '10.0.0.1' } }), { status: 401, code: 'forwarded_request' })
  for (const origin of [`http://127.0.0.1:${port}`, 'https://app.example']) t.equal((await open(t, port, { headers: { origin } })).socket.readyState, WebSocket.OPEN)
})

test('a socket too many is refused with 503', async t => {
  const { port } = await served(t, { config: { sockets: 1 } })
  const first = await open(t, port)
  t.match(await refusal(port), { status: 503, code: 'too_many_sockets', retryAfter: '10' })
  first.socket.close()
  await once(first.socket, 'close')
  await sleep(50)
  await open(t, port)
})

test('a message over the limit closes the socket with 1009', async t => {
  const { port } = await served(t, { config: { bodyLimit: 2048 } })
  const { socket, send } = await open(t, port)
  send(' '.repeat(2049))
  const [code] = await once(socket, 'close') as [number]
  t.equal(code, 1009)
})

test('closing the socket closes its answers within 100 ms', async t => {
  const scripted = new Scripted({ texts: 1000, every: 5 })
  const { app, port } = await served(t, { scripted })
  for (let round = 0; round < 30; round++) {
    scripted.opened = scripted.closed = 0
    const { socket, send } = await open(t, port)
    for (const id of ['a', 'b', 'c']) send({ type: 'create', id, body: hello })
    await until(() => scripted.opened === 3)
    const left = performance.now()
    socket.terminate()
    await until(() => scripted.closed === 3)
    if (scripted.closedAt - left > 100) t.fail(`took ${scripted.closedAt - left} ms`)
  }
  t.match((await app.inject('/metrics')).body, /^engraft_answers_open 0$/m)
})

test('a paused socket pauses its own answers and no other socket\'s', async t => {
  const scripted = new Scripted(request => request.maxTokens === 1 ? { texts: 50 } : { texts: 1_000_000, text: 'x'.repeat(4096) })
  const { port } = await served(t, { scripted })
  const slow = await open(t, port)
  slow.socket.pause()
  slow.send({ type: 'create', id: 'a', body: hello })
  slow.send({ type: 'create', id: 'b', body: hello })
  await until(() => scripted.pulled > 0)
  const paused = await settled(() => scripted.pulled)
  t.ok(paused < 3_000, `pulled ${paused} events of 4 KiB`)
  const other = await open(t, port)
  other.send({ type: 'create', id: 'c', body: { ...hello, max_tokens: 1 } })
  await until(() => other.ended('c'))
  t.equal(other.of('c').at(-1)?.type, 'done')
  t.equal(scripted.pulled, paused + 50)
})

test('a socket that stalls is terminated and its answers closed', async t => {
  const scripted = new Scripted({ texts: 1_000_000, text: 'x'.repeat(4096) })
  const { port } = await served(t, { scripted, config: { stallTimeout: 1 } })
  const { socket, send } = await open(t, port)
  socket.pause()
  send({ type: 'create', id: 'a', body: hello })
  await until(() => scripted.closed === 1)
  t.ok(scripted.seen[0]?.signal.aborted)
})

test('a client that never reads cannot make the server queue replies', async t => {
  const { app, port } = await served(t)
  const { socket, send } = await open(t, port)
  socket.pause()
  const unusable = JSON.stringify({ type: 'dance', id: 'd'.repeat(128) })
  for (let i = 0; i < 100_000; i++) send(unusable)
  await sleep(1500)
  const [peer] = app.websocketServer.clients
  t.ok((peer?.bufferedAmount ?? Infinity) < 1024 * 1024, `${peer?.bufferedAmount} bytes are queued`)
  t.ok(socket.bufferedAmount > 1024 * 1024, 'the rest waits at the client')
})

test('draining tells each late answer, closes with 1001, and refuses new sockets and answers', async t => {
  const scripted = new Scripted(request => request.maxTokens === 1 ? { texts: 3, every: 100 } : { texts: 1000, every: 50 })
  const { app, port } = await served(t, { scripted })
  const { socket, send, of, ended } = await open(t, port)
  send({ type: 'create', id: 'quick', body: { ...hello, max_tokens: 1 } })
  send({ type: 'create', id: 'late', body: hello })
  await until(() => scripted.opened === 2)
  const closed = once(socket, 'close') as Promise<[number]>
  const drain = app.drain(AbortSignal.timeout(700))
  send({ type: 'create', id: 'new', body: hello })
  await until(() => ended('new'))
  t.equal(of('new')[0]?.error?.code, 'shutting_down')
  t.match(await refusal(port), { status: 503, code: 'shutting_down' })
  t.equal((await closed)[0], 1001)
  await drain
  t.equal(of('quick').at(-1)?.type, 'done')
  t.equal(of('late').at(-1)?.error?.code, 'shutting_down')
  await app.close()
})

test('draining cuts a socket that does not answer its close', async t => {
  const scripted = new Scripted({ texts: 1_000_000, text: 'x'.repeat(4096) })
  const { app, port } = await served(t, { scripted })
  const { socket, send } = await open(t, port)
  socket.pause()
  send({ type: 'create', id: 'a', body: hello })
  await until(() => scripted.pulled > 0)
  await settled(() => scripted.pulled)
  const began = performance.now()
  await app.drain(AbortSignal.timeout(100))
  await app.close()
  t.ok(performance.now() - began < 4000)
  t.equal(scripted.closed, 1)
})

test('a plain GET is told that this is a WebSocket', async t => {
  const { app } = await served(t)
  const reply = await app.inject('/v1/ws')
  t.equal(reply.statusCode, 426)
  t.equal(reply.json().error.code, 'upgrade_required')
})

test('a failure that was not meant for callers stays in the log', async t => {
  const lines: string[] = []
  const { port } = await served(t, { scripted: new Scripted({ failAt: 1, failure: new Error('secret path') }), logger: { level: 'info', stream: { write: (line: string) => { lines.push(line) } } } })
  const { send, of, ended } = await open(t, port)
  send({ type: 'create', id: 'a', body: hello })
  await until(() => ended('a'))
  t.equal(of('a').at(-1)?.error?.code, problem('internal_error', {}).code)
  t.notMatch(JSON.stringify(of('a')), /secret/)
  t.match(lines.join(''), /secret path/)
})
