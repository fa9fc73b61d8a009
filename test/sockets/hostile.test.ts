import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { appFor, hello, listening } from '../support/app.ts'
import { drained, exchange, post } from '../support/wire.ts'

interface Line { readonly level: number, readonly reqId?: string, readonly route: string | null, readonly status: number, readonly msg: string, readonly err?: unknown }

/** Where an app's log lines go, and the lines so far. */
function logged () {
  const lines: Line[] = []
  return { lines, logger: { level: 'info', stream: { write: (line: string) => { lines.push(JSON.parse(line) as Line) } } } }
}

const idIn = (reply: string) => /^x-request-id: (\S+)\r$/im.exec(reply)?.[1]
const errorIn = (reply: string) => (JSON.parse(reply.slice(reply.indexOf('\r\n\r\n'))) as { error: { code: string } }).error

test('a body that drips is answered 408 in our own shape, and so are dripping headers; each has one line in the log', async t => {
  const { lines, logger } = logged()
  const app = await appFor(t, { config: { requestTimeout: 2 }, logger })
  const { port } = await listening(app)
  const whole = post({ ...hello, pad: 'x'.repeat(1000) })
  for (const [name, from] of [['body', whole.indexOf('{') + 1], ['headers', 20]] as const) {
    lines.length = 0
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    let at = from
    socket.write(whole.slice(0, at))
    const drip = setInterval(() => { if (socket.writable) socket.write(whole.slice(at, ++at)) }, 100)
    const began = performance.now()
    const reply = await drained(socket)
    clearInterval(drip)
    t.match(reply, /^HTTP\/1.1 408 Request Timeout/, name)
    t.equal(errorIn(reply).code, 'request_timeout')
    t.ok(performance.now() - began < 4000)
    t.ok(idIn(reply))
    t.strictSame(lines.map(({ level, reqId, route, status, msg }) => ({ level, reqId, route, status, msg })), [{ level: 30, reqId: idIn(reply), route: name === 'body' ? '/v1/chat/completions' : null, status: 408, msg: 'request' }])
  }
  const measured = (await app.inject('/metrics')).body
  t.match(measured, /engraft_http_request_duration_seconds_count\{method="POST",route="\/v1\/chat\/completions",status="408"\} 1/)
  t.notMatch(measured, 'status="499"')
})

test('a body whose chunks are broken is answered 400 in our own shape, under its own id', async t => {
  const { lines, logger } = logged()
  const { port } = await listening(await appFor(t, { logger }))
  lines.length = 0
  const socket = connect(port, '127.0.0.1')
  socket.write('POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nx-request-id: mine\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n')
  setTimeout(() => socket.write('no length\r\n'), 100)
  const reply = await drained(socket)
  t.match(reply, /^HTTP\/1.1 400/)
  t.equal(errorIn(reply).code, 'invalid_request')
  t.equal(idIn(reply), 'mine')
  t.strictSame(lines.map(({ reqId, status }) => ({ reqId, status })), [{ reqId: 'mine', status: 400 }])
})

test('a body that is too large is 413 by its announced length and by its real one', async t => {
  const app = await appFor(t, { config: { bodyLimit: 2048 } })
  const { port } = await listening(app)
  const announced = await exchange(port, post('{', { 'content-length': '999999999' }))
  t.match(announced, /^HTTP\/1.1 413/)
  t.equal(errorIn(announced).code, 'payload_too_large')
  const chunked = 'POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n' + `400\r\n${' '.repeat(1024)}\r\n`.repeat(3)
  t.match(await exchange(port, chunked), /^HTTP\/1.1 413/)
  const fitting = await exchange(port, post(JSON.stringify(hello).padEnd(2048), { connection: 'close' }))
  t.match(fitting, /^HTTP\/1.1 200/)
  t.match(await exchange(port, post(JSON.stringify(hello).padEnd(2049), { connection: 'close' })), /^HTTP\/1.1 413/)
})

test('a content-length that lies harms nobody', async t => {
  const app = await appFor(t)
  const { port } = await listening(app)
  const short = connect(port, '127.0.0.1')
  short.on('error', () => {})
  short.end(post(hello, { 'content-length': '5000' }))
  t.notMatch(await drained(short), /^HTTP\/1.1 200/)
  const long = await exchange(port, post(hello, { 'content-length': '10' }))
  t.match(long, /^HTTP\/1.1 400/)
  t.equal((await app.inject({ method: 'POST', url: '/v1/chat/completions', payload: hello })).statusCode, 200)
})

test('bytes that are no request are answered in our own shape', async t => {
  const { lines, logger } = logged()
  const { port } = await listening(await appFor(t, { logger }))
  lines.length = 0
  const garbage = await exchange(port, '\x16\x03\x01 not http\r\n\r\n')
  t.match(garbage, /^HTTP\/1.1 400/)
  t.equal(errorIn(garbage).code, 'invalid_request')
  const huge = await exchange(port, `GET /healthz HTTP/1.1\r\nhost: x\r\nbig: ${'x'.repeat(20_000)}\r\n\r\n`)
  t.match(huge, /^HTTP\/1.1 431/)
  t.equal(errorIn(huge).code, 'headers_too_large')
  t.ok(idIn(garbage))
  t.strictSame(lines.map(({ reqId, status }) => [reqId, status]), [[idIn(garbage), 400], [idIn(huge), 431]])
})

test('an upgrade to anything but a WebSocket is an ordinary request', async t => {
  const app = await appFor(t)
  const { port } = await listening(app)
  const reply = await exchange(port, post(hello, { upgrade: 'h2c', connection: 'Upgrade, HTTP2-Settings, close', 'http2-settings': 'AAMAAABkAAQAAP__' }), 2000)
  t.match(reply, /^HTTP\/1.1 200/)
})

test('a caller who leaves in the middle of its body leaves nothing behind', async t => {
  const { lines, logger } = logged()
  const app = await appFor(t, { logger })
  const { port } = await listening(app)
  for (const share of [0.25, 0.5, 0.75]) {
    const whole = post({ ...hello, pad: 'x'.repeat(1000) })
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(whole.slice(0, Math.floor(whole.length * share)))
    await once(socket, 'connect')
    setTimeout(() => socket.destroy(), 50)
    await once(socket, 'close')
  }
  await sleep(100)
  t.strictSame(lines.filter(line => line.level >= 40 || line.err !== undefined), [])
})
