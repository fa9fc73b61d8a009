import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'tap'
import { variant } from '../adapters/builder.ts'
import { sendFile, serve } from '../models/server.ts'
import { endlessBias, residentBytes, startServer } from '../support/server.ts'
import { until } from '../support/wire.ts'
import { act, ask, begin, fixturePath, fixtures, remove, says, stored, upload, type Answered, type Kind } from './swapping.ts'

test('adapters come, go and change on a running server', async t => {
  const server = await startServer(t, ['--resident-adapters', '3'])

  await t.test('an upload changes nothing until it is promoted', async t => {
    t.match(await upload(server, 'house', fixtures.support), { status: 201, version: 1 })
    t.match(await upload(server, 'house', fixtures.support), { status: 200, version: 1 }, 'the same bytes give the version they have')
    t.match(await ask(server, 'house'), { status: 404, code: 'adapter_not_live' })
    t.match(await ask(server, 'house@1'), { status: 200, model: 'house@1', text: says.support }, 'but a version can be named')
    t.equal(await act(server, 'house', 'promote', { version: 1 }), 200)
    t.match(await ask(server, 'house'), { model: 'house@1', text: says.support })
  })

  await t.test('promote and rollback move the name, and rollback restores the old answer token for token', async t => {
    const before = await ask(server, 'house')
    t.match(await upload(server, 'house', fixtures.json), { status: 201, version: 2 })
    t.equal(await act(server, 'house', 'promote', { version: 2 }), 200)
    t.match(await ask(server, 'house'), { model: 'house@2', text: says.json })
    t.equal(await act(server, 'house', 'rollback'), 200)
    t.strictSame(await ask(server, 'house'), before)
  })

  await t.test('the same bytes live under two names, stored once', async t => {
    const count = (await stored(server)).length
    t.match(await upload(server, 'twin', fixtures.support), { status: 201, version: 1 })
    t.equal((await stored(server)).length, count)
    await act(server, 'twin', 'promote', { version: 1 })
    t.match(await ask(server, 'twin'), { model: 'twin@1', text: says.support })
    t.equal(await remove(server, 'twin', null), 409, 'a live one cannot be removed')
    await act(server, 'twin', 'retire')
    t.equal(await remove(server, 'twin', null), 204)
    t.match(await ask(server, 'house'), { text: says.support }, 'the other name keeps the file')
  })

  await t.test('a request can put adapters on the base by name and scale', async t => {
    const base = await ask(server, 'smollm2-135m')
    t.match(await ask(server, 'smollm2-135m', { engraft: { adapters: [{ name: 'house', scale: 1 }] } }), { text: says.support })
    t.equal((await ask(server, 'smollm2-135m', { engraft: { adapters: [{ name: 'house', scale: 0 }] } })).text, base.text)
    t.match(await ask(server, 'smollm2-135m', { engraft: { adapters: [{ name: 'nobody', scale: 1 }] } }), { status: 404 })
  })

  await t.test('answers under way end on the version they began with, and a leased version cannot be removed', async t => {
    await act(server, 'house', 'promote', { version: 1 })
    const under = await begin(server, 'house', { max_tokens: 400, ...endlessBias })
    await act(server, 'house', 'promote', { version: 2 })
    await act(server, 'house', 'promote', { version: 2 })
    t.equal(await remove(server, 'house', 1), 409)
    t.match(await ask(server, 'house'), { model: 'house@2', text: says.json }, 'new ones have the new version')
    t.match(await under.rest(), { models: ['house@1'], end: '[DONE]' })
    await act(server, 'house', 'promote', { version: 1 })
  })

  await t.test('promoting under streaming load breaks no answer and mixes no versions', async t => {
    const kinds = new Map<number, Kind>([[1, 'support'], [2, 'json']])
    for (let i = 0; i < 4; i++) kinds.set((await upload(server, 'house', variant(fixtures[i % 2 === 0 ? 'support' : 'json'], i + 1))).version, i % 2 === 0 ? 'support' : 'json')
    const loading = new AbortController()
    const all: Answered[] = []
    const readers = Array.from({ length: 4 }, async () => { while (!loading.signal.aborted) all.push(await ask(server, 'house')) })
    for (let i = 0; i < 40; i++) t.equal(await act(server, 'house', 'promote', { version: 1 + i % 6 }), 200)
    await until(() => all.length > 30, 60_000)
    loading.abort()
    await Promise.all(readers)
    for (const { status, model, text } of all) {
      const kind = kinds.get(Number(model.split('@')[1]))
      if (status !== 200 || kind === undefined || text !== says[kind]) t.fail(`${status} ${model}: ${text}`)
    }
    t.ok(new Set(all.map(answer => answer.model)).size > 1, 'more than one version answered')
  })

  await t.test('a bad file is refused with its reason, and nothing of it stays', async t => {
    const before = await stored(server)
    const rss = await residentBytes(server.process.pid ?? 0)
    const nan = Buffer.from(fixtures.support)
    nan.writeUInt16LE(0x7e00, nan.length - 64)
    const cases: [string, Buffer, number, string][] = [
      ['empty', Buffer.alloc(0), 422, 'adapter_malformed'],
      ['not GGUF', Buffer.from('hello, I am a poem'), 422, 'adapter_malformed'],
      ['cut', fixtures.support.subarray(0, 500_000), 422, 'adapter_malformed'],
      ['not finite', nan, 422, 'adapter_not_finite']
    ]
    for (const [name, bytes, status, code] of cases) t.match(await upload(server, 'bad', bytes), { status, code }, name)
    t.match(await upload(server, 'smollm2-135m', fixtures.support), { status: 409, code: 'name_taken' })
    t.match(await upload(server, '../etc', fixtures.support), { status: 400, code: 'name_invalid' })
    t.strictSame(await stored(server), before)
    t.ok(await residentBytes(server.process.pid ?? 0) - rss < 64e6)
    t.match(await ask(server, 'house@1'), { text: says.support }, 'and it still answers')
  })

  await t.test('an upload that is cut at each quarter leaves nothing', async t => {
    const before = await stored(server)
    const head = '--x\r\ncontent-disposition: form-data; name="name"\r\n\r\ncut\r\n--x\r\ncontent-disposition: form-data; name="file"; filename="a.gguf"\r\ncontent-type: application/octet-stream\r\n\r\n'
    const whole = Buffer.concat([Buffer.from(head), fixtures.support, Buffer.from('\r\n--x--\r\n')])
    for (const quarter of [1, 2, 3]) {
      const socket = connect(server.port, '127.0.0.1')
      socket.write(`POST /admin/adapters HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: multipart/form-data; boundary=x\r\ncontent-length: ${whole.length}\r\n\r\n`)
      socket.write(whole.subarray(0, whole.length * quarter / 4))
      await new Promise(resolve => setTimeout(resolve, 100))
      socket.destroy()
    }
    await until(async () => (await stored(server)).length === before.length)
    t.match(await upload(server, 'cut', fixtures.support), { status: 201, version: 1 }, 'and no number was used up')
  })

  await t.test('a file that changed on disk is never loaded', async t => {
    const { version } = await upload(server, 'worn', variant(fixtures.json, 77))
    const info = await (await fetch(`${server.url}/admin/adapters/worn`)).json() as { versions: { digest: string }[] }
    const digest = info.versions[0]?.digest ?? ''
    const path = join(server.data, 'vault', digest.slice(0, 2), `${digest}.gguf`)
    const bytes = await readFile(path)
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 9) ^ 1, bytes.length - 9)
    await writeFile(path, bytes)
    t.match(await ask(server, `worn@${version}`), { status: 500, code: 'adapter_damaged' })
    t.equal(await act(server, 'worn', 'promote', { version }), 500)
  })

  t.equal(await server.stop(), 0)
})

test('adapters come from a hub, and one that is larger than allowed is cut off there', async t => {
  const hub = await serve(t, (request, response) => {
    const digest = createHash('sha256').update(fixtures.support).digest('hex')
    sendFile(request, response, fixtures.support, { headers: { 'x-linked-etag': `"${digest}"`, 'x-linked-size': String(fixtures.support.length) } })
  })
  const server = await startServer(t, [], { HF_ENDPOINT: hub.origin })
  const source = 'hf:clinic/tone/tone.gguf'
  t.equal((await server.post('/admin/adapters', { name: 'tone', source })).status, 201)
  t.match(await ask(server, 'tone@1'), { text: says.support })
  t.match(await (await server.post('/admin/adapters', { name: 'gone', source: 'file:/nowhere/at-all.gguf' })).json(), { error: { code: 'source_failed' } })
  t.strictSame(await readdir(join(server.data, 'fetching')).catch(() => []), [], 'nothing of it is left beside the vault')
  await server.stop()
  const strict = await startServer(t, ['--adapter-limit', '100000'], { HF_ENDPOINT: hub.origin }, server.data)
  t.match(await (await strict.post('/admin/adapters', { name: 'big', source })).json(), { error: { code: 'adapter_too_large' } })
  t.match(await upload(strict, 'big', fixtures.support), { status: 413, code: 'adapter_too_large' })
  t.strictSame(await readdir(join(server.data, 'fetching')).catch(() => []), [])
})

test('what is live survives kill -9 and a restart, also against --adapter', async t => {
  const server = await startServer(t)
  await upload(server, 'house', fixtures.support)
  await upload(server, 'house', fixtures.json)
  await act(server, 'house', 'promote', { version: 1 })
  const before = await ask(server, 'house')
  await act(server, 'house', 'promote', { version: 2 })
  await act(server, 'house', 'rollback')
  server.process.kill('SIGKILL')
  await once(server.process, 'exit')
  const fixture = fixturePath('json')
  const again = await startServer(t, ['--adapter', `house=${fixture}`, '--adapter', `other=${fixture}`], {}, server.data)
  t.strictSame(await ask(again, 'house'), before, 'the same version answers, token for token')
  t.match(await ask(again, 'other'), { model: 'other@1', text: says.json }, 'one that was not live goes live')
})
