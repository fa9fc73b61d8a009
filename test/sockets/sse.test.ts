import { connect } from 'node:net'
import { test } from 'tap'
import { appFor, hello, listening } from '../support/app.ts'
import { Scripted } from '../support/scripted.ts'
import { drained, exchange, post, settled, until } from '../support/wire.ts'

const stream = { ...hello, stream: true }
const endless = { texts: 1_000_000, text: 'x'.repeat(4096) }

test('each event is written when it is there, not when the answer is complete', async t => {
  const app = await appFor(t, { scripted: new Scripted({ texts: 5, every: 100 }) })
  const { url } = await listening(app)
  const reply = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(stream) })
  const times: number[] = []
  for await (const piece of reply.body ?? []) if (piece.length > 0) times.push(performance.now())
  t.ok(times.length >= 5, `${times.length} pieces`)
  t.ok((times.at(-1) ?? 0) - (times[0] ?? 0) > 300, 'spread over the time of the answer')
})

test('comments keep a silent stream alive, before the first event and after', async t => {
  const app = await appFor(t, { keepAliveMs: 50, scripted: new Scripted({ firstAfter: 180, texts: 2, every: 130 }) })
  const { port } = await listening(app)
  const reply = await exchange(port, post(stream, { connection: 'close' }))
  const first = reply.indexOf('data: ')
  t.ok(first > 0)
  for (const half of [reply.slice(0, first), reply.slice(first)]) t.ok((half.match(/: keep-alive\n\n/g)?.length ?? 0) >= 2)
  t.match(reply, /\[DONE\]/)
})

test('a busy stream has no comments', async t => {
  const app = await appFor(t, { keepAliveMs: 100, scripted: new Scripted({ texts: 20, every: 20 }) })
  const { port } = await listening(app)
  t.notMatch(await exchange(port, post(stream, { connection: 'close' })), /keep-alive\n/)
})

test('a failure after a keep-alive is an error in the stream', async t => {
  const app = await appFor(t, { keepAliveMs: 50, scripted: new Scripted({ firstAfter: 120, failAt: 0 }) })
  const { port } = await listening(app)
  const reply = await exchange(port, post(stream, { connection: 'close' }))
  t.match(reply, /^HTTP\/1.1 200/)
  t.match(reply, /data: \{"error":\{.*engine_died/)
  t.notMatch(reply, /DONE/)
})

test('a caller who leaves closes the answer within 100 ms, a hundred times over, and leaves no listener behind', async t => {
  const warnings: Error[] = []
  process.on('warning', warning => warnings.push(warning))
  const scripted = new Scripted({ texts: 10_000, every: 5 })
  const app = await appFor(t, { scripted })
  const { port } = await listening(app)
  let slowest = 0
  for (let i = 0; i < 100; i++) {
    scripted.script = i % 2 === 0 ? { firstAfter: 60_000 } : { texts: 10_000, every: 5 }
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(post({ ...hello, stream: i % 4 < 2 }))
    await until(() => scripted.opened === i + 1)
    if (i % 2 === 1) await until(() => scripted.pulled > 0)
    scripted.pulled = 0
    const left = performance.now()
    socket.destroy()
    await until(() => scripted.closed === i + 1)
    slowest = Math.max(slowest, scripted.closedAt - left)
  }
  t.ok(slowest < 100, `slowest: ${slowest.toFixed(1)} ms`)
  t.ok(scripted.seen.every(({ signal }) => signal.aborted))
  t.strictSame(warnings.filter(warning => warning.name === 'MaxListenersExceededWarning'), [])
  t.match((await app.inject('/metrics')).body, /^engraft_answers_open 0$/m)
})

test('a slow reader pauses its own answer and nobody else\'s', async t => {
  const scripted = new Scripted(request => request.maxTokens === 1 ? { texts: 50 } : endless)
  const app = await appFor(t, { scripted })
  const { port } = await listening(app)
  const slow = connect(port, '127.0.0.1')
  slow.on('error', () => {})
  slow.write(post(stream))
  slow.pause()
  await until(() => scripted.pulled > 0)
  const paused = await settled(() => scripted.pulled)
  t.ok(paused < 3_000, `pulled ${paused} events of 4 KiB`)
  const other = await exchange(port, post({ ...stream, max_tokens: 1 }, { connection: 'close' }))
  t.match(other, /DONE/)
  t.equal(scripted.pulled, paused + 50)
  slow.destroy()
  await until(() => scripted.closed === 2)
})

test('a reader who stalls is dropped, and its answer closed', async t => {
  const scripted = new Scripted(endless)
  const app = await appFor(t, { scripted, config: { stallTimeout: 1 } })
  const { port } = await listening(app)
  const slow = connect(port, '127.0.0.1')
  slow.on('error', () => {})
  slow.write(post(stream))
  slow.pause()
  await until(() => scripted.closed === 1)
  t.ok(scripted.seen[0]?.signal.aborted)
})

test('a reader who is slow but not stalled keeps its answer', async t => {
  const scripted = new Scripted({ texts: 4, every: 700 })
  const app = await appFor(t, { scripted, config: { stallTimeout: 1 } })
  const { port } = await listening(app)
  t.match(await exchange(port, post(stream, { connection: 'close' })), /DONE/)
})

test('draining lets an answer end, refuses new ones, and tells the late at the deadline', async t => {
  const scripted = new Scripted(request => request.maxTokens === 1 ? { texts: 3, every: 100 } : { texts: 1000, every: 50 })
  const app = await appFor(t, { scripted })
  const { port } = await listening(app)
  const quick = exchange(port, post({ ...stream, max_tokens: 1 }, { connection: 'close' }))
  const endless = exchange(port, post(stream, { connection: 'close' }))
  await until(() => scripted.opened === 2)
  const began = performance.now()
  const drain = app.drain(AbortSignal.timeout(700))
  t.equal((await app.inject('/readyz')).statusCode, 503)
  const refused = await exchange(port, post(stream, { connection: 'close' }))
  t.match(refused, /^HTTP\/1.1 503/)
  t.match(refused, /retry-after: 5/i)
  t.match(refused, /shutting_down/)
  t.match(await quick, /DONE/)
  await drain
  await app.close()
  t.ok(performance.now() - began < 1500)
  const told = await endless
  t.match(told, /data: \{"error":\{.*shutting_down/)
  t.notMatch(told, /DONE/)
})

test('draining does not wait for a reader who stalls', async t => {
  const scripted = new Scripted(endless)
  const app = await appFor(t, { scripted })
  const { port } = await listening(app)
  const slow = connect(port, '127.0.0.1')
  slow.write(post(stream))
  slow.pause()
  await until(() => scripted.pulled > 0)
  await settled(() => scripted.pulled)
  const began = performance.now()
  await app.drain(AbortSignal.timeout(100))
  await app.close()
  t.ok(performance.now() - began < 2500)
  t.notMatch(await drained(slow), /DONE/)
  await until(() => scripted.closed === 1)
})

test('a caller who left is logged as such, with what it got', async t => {
  const lines: string[] = []
  const scripted = new Scripted({ texts: 1000, every: 5 })
  const app = await appFor(t, { scripted, logger: { level: 'info', stream: { write: (line: string) => { lines.push(line) } } } })
  const { port } = await listening(app)
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(post(stream))
  await until(() => scripted.pulled > 0)
  socket.destroy()
  await until(() => lines.length === 2)
  t.match(JSON.parse(lines[1] ?? ''), { level: 30, status: 499, model: 'tiny', msg: 'request' })
  t.match((await app.inject('/metrics')).body, /engraft_http_request_duration_seconds_count\{method="POST",route="\/v1\/chat\/completions",status="499"\} 1/)
})

test('an idle server drains at once, also after a caller has left', async t => {
  const scripted = new Scripted({ firstAfter: 60_000 })
  const app = await appFor(t, { scripted })
  const { port } = await listening(app)
  const gone = connect(port, '127.0.0.1')
  gone.write(post(stream))
  await until(() => scripted.opened === 1)
  gone.destroy()
  await until(() => scripted.closed === 1)
  const began = performance.now()
  await app.drain(AbortSignal.timeout(5000))
  t.ok(performance.now() - began < 200)
})
