import { once } from 'node:events'
import { test } from 'tap'
import { openSocket } from '../support/socket.ts'
import { chatBody, endlessBias, events, startServer } from '../support/server.ts'
import { until } from '../support/wire.ts'

const long = { max_tokens: 3000, ...endlessBias }

test('when the engine is killed in mid-answer every caller is told, and the next one is answered', async t => {
  const server = await startServer(t)
  const frames = events(await server.post('/v1/chat/completions', chatBody('Count.', { stream: true, ...long })))
  for (let i = 0; i < 3; i++) await frames.next()
  const whole = server.post('/v1/chat/completions', chatBody('Count.', long))
  const { frames: heard, socket, create } = await openSocket(t, server.port)
  create('w', chatBody('Count.', long))
  await until(() => heard.length > 2)

  process.kill(server.enginePid(), 'SIGKILL')
  const rest = await Array.fromAsync(frames)
  t.match(JSON.parse(rest.at(-1)?.slice(6) ?? '{}'), { error: { code: 'engine_died', type: 'server_error' } }, 'the stream ends in an error')
  t.notOk(rest.includes('data: [DONE]'), 'and does not pretend to be complete')
  t.match(await (await whole).json(), { error: { code: 'engine_died' } })
  t.equal((await whole).status, 503)
  await until(() => heard.at(-1)?.type === 'error')
  t.match(heard.at(-1), { type: 'error', id: 'w', error: { code: 'engine_died' } })
  const again = await server.post('/v1/chat/completions', chatBody('Still there?', { max_tokens: 2 }))
  t.equal(again.status, 200)
  t.equal(await server.metric('engraft_engine_restarts_total'), 1)
  socket.close()
})

test('a shutdown under load lets short answers end, tells long ones, and exits in time', async t => {
  const server = await startServer(t, ['--shutdown-timeout', '3'])
  const short = server.post('/v1/chat/completions', chatBody('Hi.', { max_tokens: 8 }))
  const frames = events(await server.post('/v1/chat/completions', chatBody('Count.', { stream: true, ...long })))
  await frames.next()
  const { frames: heard, socket, create } = await openSocket(t, server.port)
  create('w', chatBody('Count.', long))
  await until(() => heard.length > 2)

  const closed = once(socket, 'close') as Promise<[CloseEvent]>
  const began = performance.now()
  const stopped = server.stop()
  await until(async () => await fetch(`${server.url}/readyz`).then(reply => reply.status === 503, () => true))
  const late = await server.post('/v1/chat/completions', chatBody('Hi.')).catch(() => null)
  t.match(await late?.json(), { error: { code: 'shutting_down' } }, 'new work is refused')
  t.equal((await short).status, 200, 'a short answer ends')
  t.match(JSON.parse((await Array.fromAsync(frames)).at(-1)?.slice(6) ?? '{}'), { error: { code: 'shutting_down' } }, 'a long stream is told')
  t.equal((await closed)[0].code, 1001)
  t.match(heard.at(-1), { type: 'error', id: 'w', error: { code: 'shutting_down' } })
  t.equal(await stopped, 0)
  t.ok(performance.now() - began < 10_000, `ended after ${Math.round(performance.now() - began)} ms`)
})

test('a second signal ends a server at once that still waits for answers', async t => {
  const server = await startServer(t)
  const frames = events(await server.post('/v1/chat/completions', chatBody('Count.', { stream: true, ...long })))
  await frames.next()
  const began = performance.now()
  const stopped = server.stop()
  await until(async () => await fetch(`${server.url}/readyz`).then(reply => reply.status === 503, () => true))
  server.process.kill('SIGTERM')
  await stopped
  t.ok(performance.now() - began < 5_000)
  await Array.fromAsync(frames).catch(() => {})
})

test('a killed server leaves no engine behind, and its folder opens again', async t => {
  const server = await startServer(t)
  const engine = server.enginePid()
  server.process.kill('SIGKILL')
  await once(server.process, 'exit')
  await until(() => { try { return !process.kill(engine, 0) } catch { return true } })
  const again = await startServer(t, [], {}, server.data)
  t.equal((await again.post('/v1/chat/completions', chatBody('Hi.'))).status, 200)
})

test('a server that others could reach does not start without a key, and answers only with one', async t => {
  await t.rejects(startServer(t, ['--host', '0.0.0.0']), { message: /engraft keys create/ })
  const key = 'bootstrap-0123456789-0123456789-0123456789'
  const server = await startServer(t, ['--host', '0.0.0.0'], { ENGRAFT_BOOTSTRAP_KEY: key })
  const url = `http://127.0.0.1:${server.port}/v1/chat/completions`
  const ask = (headers: Record<string, string>): Promise<Response> => fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(chatBody('Hi.')) })
  t.equal((await ask({})).status, 401)
  t.equal((await ask({ authorization: 'Bearer sk-wrong' })).status, 401)
  t.equal((await ask({ authorization: `Bearer ${key}` })).status, 200)
  t.notMatch(server.log(), key)
})

test('bad settings are all named at once, before anything is started', async t => {
  await t.rejects(startServer(t, ['--slots', '0', '--gpu', 'abacus'], { ENGRAFT_PORTT: '1' }), { message: /--slots.*\n.*--gpu.*abacus.*\n|ENGRAFT_PORTT/s })
})

test('two bases run in children of their own, the second is loaded when first used and unloaded when idle', async t => {
  const { baseModel } = await import('../support/model.ts')
  const { path } = await baseModel()
  const server = await startServer(t, ['--model', 'smollm2-135m', '--model', `twin=${path}`, '--idle-unload', '3', '--context', '512'])
  const states = async (): Promise<Record<string, string>> => {
    const { data } = await (await fetch(`${server.url}/admin/models`)).json() as { data: { name: string, status: string }[] }
    return Object.fromEntries(data.map(({ name, status }) => [name, status]))
  }
  t.strictSame(await states(), { 'smollm2-135m': 'ready', twin: 'unloaded' })
  const replies = await Promise.all(['smollm2-135m', 'twin'].map(async model => await (await server.post('/v1/chat/completions', chatBody('Name three colours.', { model }))).json() as { model: string, choices: { message: { content: string } }[] }))
  t.strictSame(replies.map(reply => reply.model), ['smollm2-135m', 'twin'])
  t.equal(replies[0]?.choices[0]?.message.content, replies[1]?.choices[0]?.message.content)
  t.strictSame(await states(), { 'smollm2-135m': 'ready', twin: 'ready' })
  await until(async () => (await states()).twin === 'unloaded', 30_000)
  t.equal((await states())['smollm2-135m'], 'ready', 'the default stays')
})
