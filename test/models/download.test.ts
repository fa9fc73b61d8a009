import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test, type Test } from 'tap'
import { openModels, sourceSettings, type Models, type Progress, type SourceSettings } from '../../src/models/models.ts'
import { httpsSource } from '../../src/models/sources/https.ts'
import { seeded, smallBase } from '../gguf/builder.ts'
import { sendFile, serve } from './server.ts'

const settings: SourceSettings = { ...sourceSettings({}), answerTimeout: 500, stallTimeout: 500 }
/** A base whose weights are noise, so that bytes in the wrong place change the hash. */
const weights = 1_000_000
const base = smallBase([], weights)
const noise = seeded(7)
for (let at = base.length - weights; at < base.length; at++) base[at] = noise(256)
const digest = sha256(base)

function sha256 (bytes: Buffer): string { return createHash('sha256').update(bytes).digest('hex') }

function open (t: Test, over: Partial<SourceSettings> = {}): { dir: string, models: Models } {
  const dir = t.testdir()
  return { dir, models: openModels({ dir, settings: { ...settings, ...over } }) }
}

test('a file at a URL is fetched, described from its own header, and found again without the network', async t => {
  const server = await serve(t, (request, response) => sendFile(request, response, base))
  const { dir, models } = open(t)
  const url = `${server.origin}/House-7B.Q4.gguf`
  t.equal(await models.find(url), null)
  const file = await models.resolve(url)
  t.match(file, { name: 'house-7b.q4', sha256: digest, size: base.length, contextLength: 512, licence: 'mit' })
  t.ok(file.path.startsWith(dir))
  t.ok(base.equals(await readFile(file.path)))
  t.strictSame(await models.find(`house=${url}`), { ...file, name: 'house' })
  t.strictSame(await models.resolve(url), file)
  t.equal(server.requests.length, 1)
  t.notOk(existsSync(`${file.path}.part`) || existsSync(`${file.path}.part.json`) || existsSync(`${file.path}.lock`), 'nothing is left beside it')
})

test('progress only grows and ends at the whole', async t => {
  const server = await serve(t, (request, response) => sendFile(request, response, base))
  const events: Progress[] = []
  await open(t).models.resolve(`${server.origin}/a.gguf`, { progress: event => events.push(event) })
  t.ok(events.length > 0)
  t.match(events.at(-1), { received: base.length, total: base.length, source: `${server.origin}/a.gguf` })
  t.strictSame(events.map(event => event.received), events.map(event => event.received).toSorted((a, b) => a - b))
})

test('a transfer cut again and again at random places arrives byte for byte', async t => {
  const die = seeded(42)
  const server = await serve(t, (request, response, n) => sendFile(request, response, base, n < 8 ? { cutAfter: 1 + die(200_000) } : {}))
  const file = await open(t).models.resolve(`${server.origin}/a.gguf`)
  t.equal(file.sha256, digest)
  t.ok(base.equals(await readFile(file.path)))
  t.equal(server.requests.length, 8)
  t.ok(server.requests.slice(1).some(request => Number(/\d+/.exec(request.headers.range ?? '0')?.[0]) > 0), 'it went on from the middle')
})

test('what one run leaves the next one continues, by Range and If-Range', async t => {
  const server = await serve(t, (request, response, n) => sendFile(request, response, base, n === 1 ? { hangAfter: 400_000 } : {}))
  const { models } = open(t, { stallTimeout: 60_000 })
  const controller = new AbortController()
  const url = `${server.origin}/a.gguf`
  await t.rejects(models.resolve(url, { signal: controller.signal, progress: ({ received }) => { if (received > 0) controller.abort(new Error('Ctrl-C')) } }), /Ctrl-C/)
  const file = await models.resolve(url)
  t.equal(file.sha256, digest)
  t.ok(Number(/\d+/.exec(server.requests[1]!.headers.range ?? '')?.[0]) > 0)
  t.equal(server.requests[1]!.headers['if-range'], '"v1"')
})

test('a file that changed at the source meanwhile is fetched anew, never mixed', async t => {
  const second = Buffer.from(base)
  second[second.length - 1]! ^= 1
  const server = await serve(t, (request, response, n) => n === 1 ? sendFile(request, response, base, { cutAfter: 300_000 }) : sendFile(request, response, second, { etag: '"v2"' }))
  const file = await open(t).models.resolve(`${server.origin}/a.gguf`)
  t.equal(file.sha256, sha256(second))
})

test('a server without Range support starts over and still delivers', async t => {
  const server = await serve(t, (_request, response, n) => {
    response.writeHead(200, { 'content-length': base.length, etag: '"v1"' })
    if (n === 1) response.write(base.subarray(0, 200_000), () => response.destroy())
    else response.end(base)
  })
  t.equal((await open(t).models.resolve(`${server.origin}/a.gguf`)).sha256, digest)
})

test('a server that answers a Range with other bytes is not believed', async t => {
  const server = await serve(t, (request, response, n) => {
    if (n === 1) return sendFile(request, response, base, { cutAfter: 300_000 })
    response.writeHead(206, { 'content-range': `bytes 5-${base.length - 1}/${base.length}`, 'content-length': base.length - 5 }).end(base.subarray(5))
  })
  await t.rejects(open(t).models.resolve(`${server.origin}/a.gguf`), /answered with others/)
})

/** Servers that never deliver: what the message must say, and that it costs seconds. */
const failing: Record<string, [Parameters<typeof serve>[1], RegExp]> = {
  'answers 404': [(_, response) => response.writeHead(404).end(), /answered 404/],
  'answers 500 with a body': [(_, response) => response.writeHead(500).end('x'.repeat(10_000)), /answered 500/],
  'hangs before its headers': [() => {}, /did not answer within 0\.5 s/],
  'hangs at once in the body': [(request, response) => sendFile(request, response, base, { hangAfter: 0 }), /sent nothing for 0\.5 s/],
  'cuts at once': [(_, response) => response.destroy(), /socket|closed/],
  'redirects in a circle': [(request, response) => response.writeHead(302, { location: request.url }).end(), /redirects more than 8 times/],
  'redirects to plain http elsewhere': [(_, response) => response.writeHead(302, { location: 'http://192.0.2.1/a.gguf' }).end(), /not https/],
  'redirects to a local file': [(_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(), /not https/],
  'does not say how much comes': [(_, response) => { response.writeHead(200); response.write(base); response.end() }, /does not say how large/],
  'sends a web page': [(_, response) => response.writeHead(200, { 'content-length': 19 }).end('<html>log in</html>'), /not a GGUF file/],
  'sends a GGUF that is cut short': [(_, response) => response.writeHead(200, { 'content-length': 5000 }).end(base.subarray(0, 5000)), /damaged or incomplete/]
}

for (const [what, [behaviour, reason]] of Object.entries(failing)) {
  test(`a source that ${what} fails within seconds, and says how to bring the file by hand`, async t => {
    const server = await serve(t, behaviour)
    const { dir, models } = open(t)
    const began = performance.now()
    const url = `${server.origin}/a.gguf`
    const error: Error = await models.resolve(url).then(() => { throw new Error('was fetched') }, thrown => thrown)
    t.equal(error.name, 'ModelError')
    t.match(error.message, reason)
    t.ok(error.message.includes(url) && error.message.includes('--model /path/to/a.gguf') && error.message.includes(dir), error.message)
    t.ok(performance.now() - began < 4000)
    t.equal(await models.find(url), null)
  })
}

test('a closed port fails at once', async t => {
  const probe = createServer()
  await new Promise<void>(resolve => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as { port: number }
  await new Promise(resolve => probe.close(resolve))
  const began = performance.now()
  await t.rejects(open(t).models.resolve(`http://127.0.0.1:${port}/a.gguf`), /ECONNREFUSED/)
  t.ok(performance.now() - began < 3000)
})

test('plain http is refused for any other machine', async t => {
  await t.rejects(open(t).models.resolve('http://models.example/a.gguf'), /not https/)
})

test('a server that announces less than the file has is noticed', async t => {
  const server = await serve(t, (_, response) => {
    response.writeHead(200, { 'content-length': base.length - 100 })
    response.write(base.subarray(0, base.length - 100), () => response.end())
  })
  await t.rejects(open(t).models.resolve(`${server.origin}/a.gguf`), /damaged or incomplete/)
})

test('two pulls of one file at once fetch it once, and both get it whole', async t => {
  const server = await serve(t, (request, response) => { setTimeout(() => sendFile(request, response, base), 300) })
  const { dir, models } = open(t)
  const other = openModels({ dir, settings })
  const seen: string[] = []
  const url = `${server.origin}/a.gguf`
  const [one, two] = await Promise.all([models.resolve(url, { progress: event => seen.push(event.source) }), other.resolve(url, { progress: event => seen.push(event.source) })])
  t.strictSame(one, two)
  t.equal(one.sha256, digest)
  t.equal(server.requests.length, 1)
  t.ok(seen.includes('another process'), 'the one that waits says so')
})

test('a waiting pull can be left', async t => {
  const server = await serve(t, () => {})
  const { models } = open(t, { answerTimeout: 2000 })
  const first = models.resolve(`${server.origin}/a.gguf`).catch(() => {})
  const began = performance.now()
  await new Promise(resolve => setTimeout(resolve, 200))
  await t.rejects(models.resolve(`${server.origin}/a.gguf`, { signal: AbortSignal.timeout(300) }), { name: 'TimeoutError' })
  t.ok(performance.now() - began < 1500)
  await first
})

test('a folder that cannot be written is named', { skip: process.getuid?.() === 0 && 'root may write anywhere' }, async t => {
  const server = await serve(t, (request, response) => sendFile(request, response, base))
  const { dir, models } = open(t)
  await chmod(dir, 0o500)
  t.teardown(() => chmod(dir, 0o700))
  await t.rejects(models.resolve(`${server.origin}/a.gguf`), /cannot be written/)
})

test('a file in the place of the models folder is an error with its path', async t => {
  const dir = t.testdir({ models: 'a file' })
  const server = await serve(t, (request, response) => sendFile(request, response, base))
  const models = openModels({ dir: join(dir, 'models'), settings })
  await t.rejects(models.resolve(`${server.origin}/a.gguf`), { name: 'ModelError', message: new RegExp(dir) })
})

test('a model larger than the free disk is refused before a byte is fetched', async t => {
  const server = await serve(t, (_, response) => { response.writeHead(200, { 'content-length': 2 ** 50 }).write('GGUF') })
  const { models } = open(t)
  await t.rejects(models.resolve(`${server.origin}/a.gguf`), /has \d+ MB free, and 1125899907 MB are needed/)
})

test('a part that another run left damaged is noticed by the pinned digest and fetched anew', async t => {
  const server = await serve(t, (request, response) => sendFile(request, response, base, { headers: { 'x-linked-etag': `"${digest}"`, 'x-linked-size': String(base.length) } }))
  const { dir, models } = open(t, { hubEndpoint: server.origin })
  const folder = join(dir, 'hf/o/r/main')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'a.gguf.part'), Buffer.alloc(500_000))
  await writeFile(join(folder, 'a.gguf.part.json'), JSON.stringify({ source: 'hf:o/r/a.gguf', tag: '"v1"', sha256: digest }))
  const file = await models.resolve('hf:o/r/a.gguf')
  t.ok(base.equals(await readFile(file.path)))
  t.equal(server.requests.length, 2)
})

test('a body that nobody reads for a while survives garbage collection', async t => {
  const server = await serve(t, (request, response) => sendFile(request, response, base))
  const source = httpsSource(`${server.origin}/a.gguf`, settings)
  const { bytes } = await source.open({ offset: 0, tag: null }, { signal: new AbortController().signal, scratch: '', report () {} })
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let turn = 0; turn < 5; turn++) {
    collect()
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  const hash = createHash('sha256')
  for await (const chunk of bytes) hash.update(chunk)
  t.equal(hash.digest('hex'), digest)
})
