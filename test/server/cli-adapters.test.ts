import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { writeFile } from 'node:fs/promises'
import { PassThrough } from 'node:stream'
import { test, type Test } from 'tap'
import { keyless } from '../../src/access/caller.ts'
import { addAdapter, checkAdapter, listAdapters, pinAdapter, promoteAdapter, removeAdapter, retireAdapter, rollbackAdapter } from '../../src/cli/adapters.ts'
import type { Actions } from '../../src/cli/actions.ts'
import { program } from '../../src/cli/program.ts'
import { ServerError, type Server } from '../../src/cli/server.ts'
import { problem } from '../../src/errors.ts'
import { MemoryAdapters } from '../support/adapters.ts'
import { type Overrides, appFor, listening } from '../support/app.ts'

/** A real server, the terminal's two outputs, and a file of three megabytes. */
async function open (t: Test, overrides: Overrides = {}, key: string | null = null) {
  const adapters = new MemoryAdapters()
  const { url } = await listening(await appFor(t, { adapters, ...overrides }))
  const bytes = Buffer.alloc(3_000_000, 'weights ')
  const file = `${t.testdir()}/house.gguf`
  await writeFile(file, bytes)
  const lines: string[] = []
  const progress = Object.assign(new PassThrough(), { isTTY: false })
  const server: Server = { url, key }
  return { adapters, server, file, bytes, lines, progress, print: (line: string) => { lines.push(line) } }
}

test('a file is streamed to the server, told about, and promoted when asked to', async t => {
  const { adapters, server, file, bytes, lines, progress, print } = await open(t)
  await addAdapter(server, 'house', file, {}, print, progress)
  t.equal(adapters.find('house')?.versions[0]?.digest, createHash('sha256').update(bytes).digest('hex'))
  t.match(lines.splice(0), [/^house@1 is registered: 3\.0 MB, rank 8, on tiny \(the file does not prove/, /engraft adapters promote house 1/])
  const shown = String(progress.read())
  t.match(shown, /^house\.gguf: \d+ %, .* of 3\.0 MB from this machine\n.*100 %/s)
  t.equal(shown.match(/100 %/g)?.length, 1, 'the end is told once')
  await addAdapter(server, 'house', file, { promote: true }, print, progress)
  t.strictSame(lines.splice(0), ['house@1 has these bytes already.', 'house@1 answers as house now.'])
  await addAdapter(server, 'house', file, {}, print, progress)
  t.strictSame(lines.splice(0), ['house@1 has these bytes already.'], 'what answers needs no advice')
  await addAdapter(server, 'other', file, { base: 'org/big:q4@1' }, print, progress)
  t.equal(adapters.find('other')?.base, 'org/big:q4@1')
})

test('a terminal gets a bar', async t => {
  const { server, file, print, progress } = await open(t)
  await addAdapter(server, 'house', file, {}, print, Object.assign(progress, { isTTY: true, columns: 80, cursorTo () {}, clearLine () {} }))
  t.match(String(progress.read()), /house\.gguf: [█░]+ \d+ %/)
})

test('a source is left to the server', async t => {
  const { adapters, server, print, progress } = await open(t)
  for (const [i, source] of ['file:/a.gguf', 'hf:o/r/f.gguf', 'https://x.example/f.gguf'].entries()) await addAdapter(server, `s${i}`, source, {}, print, progress)
  t.strictSame(adapters.calls.map(([, , , content]) => content), ['file:/a.gguf', 'hf:o/r/f.gguf', 'https://x.example/f.gguf'])
  t.equal(progress.read(), null)
})

test('adapters are listed in aligned columns, promoted, rolled back, pinned, retired and removed', async t => {
  const { adapters, server, lines, print, progress } = await open(t)
  await listAdapters(server, print)
  t.match(lines.splice(0), [/no adapters yet/])
  for (const source of ['file:/a.gguf', 'file:/b.gguf']) await addAdapter(server, 'house', source, {}, () => {}, progress)
  await promoteAdapter(server, 'house', '1', print)
  await promoteAdapter(server, 'house', '2', print)
  await rollbackAdapter(server, 'house', print)
  await pinAdapter(server, 'house', {}, print)
  t.strictSame(lines.splice(0), ['house@1 answers as house now.', 'house@2 answers as house now.', 'house@1 answers as house again.', 'The live version of house stays in memory.'])
  await listAdapters(server, print)
  t.strictSame(lines.splice(0), [
    'NAME   VERSION  STATE         IN MEMORY  BASE               RANK  MB   ADDED              SOURCE',
    'house  2        previous      no         tiny (unverified)  8     0.0  2026-01-02T03:04Z  file:/b.gguf',
    'house  1        live, pinned  no         tiny (unverified)  8     0.0  2026-01-02T03:04Z  file:/a.gguf'
  ])
  await pinAdapter(server, 'house', { off: true }, print)
  await removeAdapter(server, 'house@2', print)
  await retireAdapter(server, 'house', print)
  await removeAdapter(server, 'house', print)
  t.match(lines, [/may leave memory/, /^house@2 is gone\.$/, /answers no more/, /^house is gone\.$/])
  t.strictSame(adapters.list(), [])
})

test("the server's refusals are told in its own words", async t => {
  const { server, file, print, progress } = await open(t, { config: { adapterLimit: 1_000_000 } })
  await t.rejects(addAdapter(server, 'house', file, {}, print, progress), new ServerError('The adapter is larger than 1000000 bytes, the most this server takes. Raise --adapter-limit.', { code: 'adapter_too_large' }))
  await t.rejects(addAdapter(server, 'tiny', file, {}, print, progress), { message: /name of a base model/ })
  await t.rejects(promoteAdapter(server, 'gone', '1', print), { message: /no adapter 'gone'/ })
  await t.rejects(promoteAdapter(server, 'gone', 'first', print), { message: /'version' must be a whole number/ })
  await t.rejects(removeAdapter(server, '../keys/k1', print), { message: /no adapter '..\/keys\/k1'/ }, 'a name stays a name')
  await t.rejects(addAdapter(server, 'house', '/nowhere/x.gguf', {}, print, progress), { message: /no file \/nowhere\/x\.gguf/ })
})

test('the key opens the door', async t => {
  const keys = { verify: async (bearer: string) => bearer === 'ek_boss' ? { ...keyless, keyId: 'boss' } : null, config: { requireKey: true } }
  const { adapters, server, file, print, progress } = await open(t, keys, 'ek_boss')
  await addAdapter(server, 'house', file, {}, print, progress)
  t.equal(adapters.calls.at(-1)?.at(-1), 'boss')
  await t.rejects(listAdapters({ ...server, key: null }, print), { message: /API key is missing/ })
  await t.rejects(addAdapter({ ...server, key: 'ek_wrong' }, 'house', file, {}, print, progress), { message: /API key is missing/ })
})

test('a server that is not there, not ours or gone in the middle is told apart', async t => {
  const { server, file, print, progress } = await open(t)
  const other = createServer((request, reply) => {
    if (request.url?.startsWith('/admin/adapters/') === true) request.socket.destroy()
    else reply.writeHead(404).end('<html>')
  })
  await once(other.listen(0, '127.0.0.1'), 'listening')
  const elsewhere = { ...server, url: `http://127.0.0.1:${(other.address() as AddressInfo).port}` }
  await t.rejects(listAdapters(elsewhere, print), { message: /answers 404 Not Found: is this an Engraft server\?/ })
  await t.rejects(promoteAdapter(elsewhere, 'house', '1', print), { message: /^The connection to .* was lost: .+\.$/ })
  await t.rejects(addAdapter(elsewhere, 'house', file, {}, print, progress), ServerError)
  other.closeAllConnections()
  await once(other.close(), 'close')
  await t.rejects(listAdapters(elsewhere, print), { message: /^Nothing answers at http:\/\/127\.0\.0\.1:\d+: start the server/ })
  await t.rejects(listAdapters({ ...server, url: 'localhost' }, print), { message: /^'localhost' is no address/ })
})

test('a check says what the file is, or throws why it is none', async t => {
  const lines: string[] = []
  const print = (line: string) => { lines.push(line) }
  await checkAdapter('/x/house.gguf', async () => ({ base: 'tiny', baseVerified: true, rank: 8, alpha: 16, tensors: 420 }), print)
  t.match(lines, [/^house\.gguf fits tiny: rank 8, alpha 16, 420 tensors\. It says itself/])
  await t.rejects(checkAdapter('/x', async () => { throw problem('adapter_incomplete', { detail: 'x' }) }, print), { code: 'adapter_incomplete' })
})

test('what is typed reaches its action', async t => {
  const seen: unknown[] = []
  const actions = new Proxy({}, { get: (_, name) => async (...given: unknown[]) => { seen.push([name, ...given]) } }) as Actions
  const type = async (line: string) => { await program(actions, '0').parseAsync(line.split(' '), { from: 'user' }) }
  const where = { url: 'http://h:1', key: 'k' }
  for (const line of ['add house a.gguf --base tiny --promote', 'list', 'promote house 2', 'canary house 2 --percent 5', 'rollback house', 'retire house', 'pin house --off', 'remove house@2']) await type(`adapters ${line} --url http://h:1 --key k`)
  await type('adapters check a.gguf --model tiny')
  t.strictSame(seen, [
    ['adaptersAdd', 'house', 'a.gguf', { base: 'tiny', promote: true, ...where }], ['adaptersList', where], ['adaptersPromote', 'house', '2', where], ['adaptersCanary', 'house', '2', { percent: '5', ...where }], ['adaptersRollback', 'house', where],
    ['adaptersRetire', 'house', where], ['adaptersPin', 'house', { off: true, ...where }], ['adaptersRemove', 'house@2', where], ['adaptersCheck', 'a.gguf', { model: ['tiny'] }]
  ])
})
