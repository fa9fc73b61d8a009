import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { test, type Test } from 'tap'
import { MemoryAdapters } from '../support/adapters.ts'
import { type Overrides, appFor, listening } from '../support/app.ts'
import { drained, exchange, until } from '../support/wire.ts'

type Piece = readonly [name: string, content: string | Buffer, filename?: string]

/** A form as it goes over the wire. */
function form (...pieces: readonly Piece[]): Buffer {
  return Buffer.concat([
    ...pieces.flatMap(([name, content, filename]) => [
      Buffer.from(`--edge\r\ncontent-disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"\r\ncontent-type: application/octet-stream`}\r\n\r\n`),
      Buffer.from(content),
      Buffer.from('\r\n')
    ]),
    Buffer.from('--edge--\r\n')
  ])
}

/** The request that carries it. */
function request (body: Buffer, headers: Record<string, string | number> = {}): Buffer {
  const all = { host: '127.0.0.1', 'content-type': 'multipart/form-data; boundary=edge', 'content-length': body.length, ...headers }
  return Buffer.concat([Buffer.from(`POST /admin/adapters HTTP/1.1\r\n${Object.entries(all).map(([name, value]) => `${name}: ${value}`).join('\r\n')}\r\n\r\n`), body])
}

async function open (t: Test, config: Overrides['config'] = {}) {
  const lines: string[] = []
  const adapters = new MemoryAdapters()
  const app = await appFor(t, { adapters, config, logger: { level: 'info', stream: { write: (line: string) => { lines.push(line) } } } })
  const { port, url } = await listening(app)
  const send = async (...pieces: readonly Piece[]) => await exchange(port, request(form(...pieces), { connection: 'close' }).toString('latin1'))
  const complaints = () => lines.map(line => JSON.parse(line) as { level: number }).filter(({ level }) => level >= 40)
  return { adapters, port, url, send, complaints }
}

function errorIn (reply: string): { code: string, param: string | null, message: string } {
  return (JSON.parse(reply.slice(reply.indexOf('\r\n\r\n'))) as { error: { code: string, param: string | null, message: string } }).error
}

test('a form of fetch arrives byte for byte, whatever its file is called', async t => {
  const { adapters, url } = await open(t, { bodyLimit: 1024 })
  const bytes = Buffer.alloc(3_000_000, 'engraft\r\n--edge')
  for (const [i, filename] of ['house.gguf', '../../etc/passwd', '/etc/passwd', 'C:\\windows\\x', 'a\u0000b', 'x'.repeat(10_240), ''].entries()) {
    const body = new FormData()
    body.set('name', `house${i}`)
    if (i === 1) body.set('base', 'org/big:q4@1')
    body.set('file', new Blob([bytes]), filename)
    const reply = await fetch(`${url}/admin/adapters`, { method: 'POST', body })
    t.equal(reply.status, 201)
    const made = await reply.json() as { name: string, size_bytes: number, source: string, digest: string, base: string }
    t.match(made, { name: `house${i}`, size_bytes: bytes.length, source: 'upload', base: i === 1 ? 'org/big:q4@1' : 'tiny' }, 'the ceiling of other bodies does not hold')
    t.equal((await fetch(`${url}/admin/adapters`, { method: 'POST', body })).status, 200, 'the same bytes')
  }
  t.equal(adapters.list().length, 7)
  t.equal(new Set(adapters.list().map(({ versions }) => versions[0]?.digest)).size, 1)
})

const file: Piece = ['file', 'GGUF', 'x.gguf']
const wrongForms: [why: string, param: string | null, pieces: readonly Piece[], message: RegExp][] = [
  ['no file', 'file', [['name', 'house']], /last part/],
  ['nothing', 'file', [], /missing/],
  ['no name', 'name', [file], /before the file/],
  ['name after the file', 'name', [file, ['name', 'house']], /before the file/],
  ['base after the file', 'base', [['name', 'house'], file, ['base', 'tiny']], /before it/],
  ['two files', 'file', [['name', 'house'], file, file], /second file/],
  ['file under another name', 'adapter', [['name', 'house'], ['adapter', 'GGUF', 'x.gguf']], /called file/],
  ['file as a text', 'file', [['name', 'house'], ['file', 'GGUF']], /filename/],
  ['name as a file', 'name', [['name', 'house', 'x'], file], /called file/],
  ['name twice', 'name', [['name', 'house'], ['name', 'other'], file], /twice/],
  ['unknown field', 'live', [['name', 'house'], ['live', 'yes'], file], /belong/],
  ['name of 10 kB', 'name', [['name', 'x'.repeat(10_240)], file], /at most 1024/],
  ['field name of 10 kB', null, [['x'.repeat(10_240), 'house'], file], /./],
  ['key of a prototype', null, [['name', 'house'], ['__proto__', 'x'], file], /./]
]

test('a form that is not as it should be is refused in words, and nothing of it is kept', async t => {
  const { adapters, send, complaints } = await open(t)
  for (const [why, param, pieces, message] of wrongForms) {
    const reply = await send(...pieces)
    t.match(reply, /^HTTP\/1.1 400/, why)
    const error = errorIn(reply)
    t.equal(error.code, 'invalid_request', why)
    if (param !== null) t.equal(error.param, param, why)
    t.match(error.message, message, why)
    t.ok(reply.length < 1200, 'what was sent does not come back whole')
  }
  for (const [name, code] of [['../house', 'name_invalid'], ['house\u0000', 'name_invalid'], ['tiny', 'name_taken'], ['', 'name_invalid'], ['x'.repeat(1024), 'name_invalid']] as const) t.equal(errorIn(await send(['name', name], file)).code, code, name.slice(0, 20))
  t.equal(errorIn(await send(['name', 'house'], ['base', 'nowhere'], file)).code, 'model_not_found')
  t.strictSame(adapters.list(), [])
  t.strictSame(complaints(), [])
})

test('bytes that are no form are refused', async t => {
  const { adapters, port, complaints } = await open(t)
  const ask = async (body: string, headers: Record<string, string | number> = {}) => errorIn(await exchange(port, request(Buffer.from(body), { connection: 'close', ...headers }).toString()))
  t.match(await ask('--edge--', { 'content-type': 'multipart/form-data' }), { code: 'invalid_request', message: /boundary/ })
  t.equal((await ask('no form at all')).code, 'upload_cut')
  t.match(await ask('--edge\r\ncontent-disposition: form-data; name="name"\r\ncontent-type: application/json\r\n\r\n{"a":1}\r\n--edge--\r\n'), { code: 'invalid_request', param: 'name' })
  t.equal((await ask('--edge\r\ncontent-disposition: form-data; name="name"\r\ncontent-type: application/json\r\n\r\n{"a"\r\n--edge--\r\n')).code, 'invalid_request')
  t.equal((await ask('', { 'content-length': 0 })).code, 'invalid_request')
  t.strictSame(adapters.calls, [])
  t.strictSame(complaints(), [])
})

test('a file is taken at its limit and refused one byte beyond, announced or not', async t => {
  const { adapters, port, send } = await open(t, { adapterLimit: 100_000 })
  t.match(await send(['name', 'fits'], ['file', Buffer.alloc(100_000), 'x']), /^HTTP\/1.1 201/)
  const announced = await send(['name', 'large'], ['file', Buffer.alloc(100_001), 'x'])
  t.match(announced, /^HTTP\/1.1 413/)
  t.match(errorIn(announced), { code: 'adapter_too_large', param: 'file', message: /100000 bytes/ })
  const body = form(['name', 'large'], ['file', Buffer.alloc(5_000_000), 'x'])
  const socket = connect(port, '127.0.0.1')
  socket.write(`POST /admin/adapters HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: multipart/form-data; boundary=edge\r\ntransfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n`)
  socket.write(body)
  socket.write('\r\n0\r\n\r\n')
  t.match(await drained(socket, 1000), /^HTTP\/1.1 413/, 'the refusal is heard by one who sends first')
  t.equal(adapters.cutAfter !== null && adapters.cutAfter <= 100_000, true)
  t.strictSame(adapters.list().map(({ name }) => name), ['fits'])
})

test('after a refusal the same connection serves the next request', async t => {
  const { adapters, port } = await open(t)
  const bad = request(form(['live', 'x'], ['file', Buffer.alloc(300_000), 'x']))
  const good = request(form(['name', 'house'], file), { connection: 'close' })
  const replies = await exchange(port, Buffer.concat([bad, good]).toString('latin1'))
  t.strictSame([...replies.matchAll(/HTTP\/1.1 (\d+)/g)].map(([, status]) => status), ['400', '201'])
  t.equal(adapters.list().length, 1)
})

test('an upload that is cut at any place ends the adding, and leaves nothing', async t => {
  const { adapters, port, url, complaints } = await open(t)
  const whole = request(form(['name', 'house'], ['file', Buffer.alloc(400_000, 'w'), 'x.gguf']))
  const head = whole.indexOf('\r\n\r\n') + 4
  const places = [head, head + 30, head + 140, ...[0.25, 0.5, 0.75].map(share => Math.floor(whole.length * share)), whole.length - 20, whole.length - 4]
  for (const [i, place] of places.entries()) {
    adapters.calls.length = 0
    adapters.cutAfter = null
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    await once(socket, 'connect')
    socket.write(whole.subarray(0, place))
    await sleep(60)
    // Both ways to go: with a reset, and in good order.
    if (i % 2 === 0) socket.destroy()
    else socket.end()
    await until(() => adapters.calls.length === 0 || adapters.cutAfter !== null, 2000)
  }
  t.ok(adapters.cutAfter !== null && adapters.cutAfter >= 399_000, 'even the end of the form must be there')
  t.strictSame(adapters.list(), [])
  t.strictSame(complaints(), [])
  t.equal((await fetch(`${url}/healthz`)).status, 200)
})

test('a form that ends before its file does is told so', async t => {
  const { adapters, port } = await open(t)
  const body = form(['name', 'house'], ['file', Buffer.alloc(50_000), 'x.gguf'])
  for (const length of [200, 25_000, body.length - 12]) t.equal(errorIn(await exchange(port, request(body.subarray(0, length), { connection: 'close' }).toString('latin1'))).code, 'upload_cut', String(length))
  t.strictSame(adapters.list(), [])
})

test('a slow line may take longer than a request, but a silent one is given up', async t => {
  const { adapters, port } = await open(t, { requestTimeout: 1 })
  const body = form(['name', 'house'], ['file', Buffer.alloc(40_000, 'w'), 'x.gguf'])
  const whole = request(body)
  const slow = connect(port, '127.0.0.1')
  const reply = drained(slow)
  for (let at = 0; at < whole.length; at += 5_000) {
    slow.write(whole.subarray(at, at + 5_000))
    await sleep(350)
  }
  slow.write(request(body).subarray(0, 40))
  const replies = await reply
  t.match(replies, /^HTTP\/1.1 201/, 'it took three times the limit of a request')
  t.match(replies, /HTTP\/1.1 408[^]*request_timeout/, 'the next request on its connection has that limit again')

  for (const place of [0.1, 0.6]) {
    const silent = connect(port, '127.0.0.1')
    silent.on('error', () => {})
    silent.write(request(form(['name', 'other'], ['file', Buffer.alloc(40_000), 'x']), {}).subarray(0, Math.floor(40_000 * place)))
    const began = performance.now()
    const heard = await drained(silent)
    t.match(heard, /^HTTP\/1.1 408/)
    t.equal(errorIn(heard).code, 'request_timeout')
    t.ok(performance.now() - began < 5000)
  }
  t.strictSame(adapters.list().map(({ name }) => name), ['house'])

  // The same for a form whose beginning never comes.
  const empty = connect(port, '127.0.0.1')
  empty.write(request(Buffer.alloc(0), { 'content-length': 100 }))
  t.match(await drained(empty), /^HTTP\/1.1 408/)
})

test('a slow store slows the caller down, and is not taken for a silent line', async t => {
  const { adapters, port } = await open(t, { requestTimeout: 1 })
  adapters.slow = 150
  const size = 32_000_000
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(request(form(['name', 'house'], ['file', Buffer.alloc(size), 'x'])))
  await sleep(2500)
  t.ok(socket.writableLength > size / 2, `${socket.writableLength} of ${size} bytes wait at the caller`)
  t.equal(adapters.cutAfter, null, 'nobody was given up')
  adapters.slow = 0
  socket.destroy()
  await until(() => adapters.cutAfter !== null)
})

test('closing the server ends an upload', async t => {
  const adapters = new MemoryAdapters()
  const app = await appFor(t, { adapters })
  const { port } = await listening(app)
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(request(form(['name', 'house'], ['file', Buffer.alloc(50_000), 'x'])).subarray(0, 30_000))
  await until(() => adapters.calls.length === 1)
  const began = performance.now()
  await app.close()
  t.ok(performance.now() - began < 2000)
  await until(() => adapters.cutAfter !== null)
  t.strictSame(adapters.list(), [])
})
