import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type Test } from 'tap'
import { openOnnxEmbedder } from '../../src/memory/onnx/embedder.ts'
import { mannerOf } from '../../src/memory/onnx/manner.ts'
import { tableModel, wordTokenizer, type TableOptions } from './onnx-builder.ts'

const words = ['sea', 'storm', 'the', 'query', 'passage', ':', '##farer']
/** A direction of its own for each of 4 special tokens and the words. */
const rows = Array.from({ length: 4 + words.length }, (_, id) => Array.from({ length: 16 }, (_, at) => at === id ? 1 : -0.125))

async function files (t: Test, model: Buffer | string, tokenizer = wordTokenizer(words)) {
  const dir = t.testdir()
  const [modelPath, tokenizerPath] = [join(dir, 'model.onnx'), join(dir, 'tokenizer.json')]
  await writeFile(modelPath, model)
  await writeFile(tokenizerPath, tokenizer)
  const file = (path: string, bytes: Buffer | string) => ({ path, sha256: createHash('sha256').update(bytes).digest('hex') })
  return { name: 'tiny', model: file(modelPath, model), tokenizer: file(tokenizerPath, tokenizer) }
}

async function open (t: Test, original: string) {
  const embedder = await openOnnxEmbedder({ ...await files(t, tableModel({ rows })), original })
  t.teardown(() => embedder.close())
  return embedder
}

test('a model without a manner of its own is asked plainly', async t => {
  const embedder = await open(t, 'house-embedder')
  const { vectors: [vector], tokens } = await embedder.vectors(['the sea'])
  t.equal(tokens, 4)
  // Tokens 2, 6, 4 and 3 are in the text, so their directions are in the mean.
  t.strictSame([...vector!.keys()].filter(at => vector![at]! > 0), [2, 3, 4, 6])
  t.strictSame((await embedder.question('the sea')).vector, vector)
  t.strictSame((await embedder.passages(['the sea']))[0]!.vector, vector)
})

test('a model of the e5 family gets its prefixes, which are read and are no content', async t => {
  const embedder = await open(t, 'intfloat/e5-small-v2')
  const { vectors: [question, passage, plain] } = await embedder.vectors(['query: the seafarer', 'passage: the seafarer', 'the seafarer'])
  const asked = await embedder.question('the seafarer')
  t.strictSame(asked.vector, question)
  t.equal(asked.tokens.length, 2, 'sea and ##farer')
  const [kept] = await embedder.passages(['the seafarer'])
  t.strictSame(kept!.vector, passage)
  t.equal(kept!.tokenBits.length, 2 * 2)
  t.notSame(plain, question)
})

test('a model of the bge family gives the state of its first token', async t => {
  const embedder = await open(t, 'BAAI/bge-m3')
  const [sea, storm] = (await embedder.vectors(['sea', 'storm storm'])).vectors
  t.strictSame([...sea!.keys()].filter(at => sea![at]! > 0), [2])
  t.strictSame(sea, storm)
})

test('a lone surrogate is read as what UTF-8 keeps of it', async t => {
  const tokenizer = JSON.stringify({ ...JSON.parse(wordTokenizer([...words.slice(1), '\ufffd'])), normalizer: null })
  const embedder = await openOnnxEmbedder(await files(t, tableModel({ rows }), tokenizer))
  t.teardown(() => embedder.close())
  const [broken, kept, unknown] = (await embedder.vectors(['\ud800', '\ufffd', 'unknown'])).vectors
  t.strictSame(broken, kept)
  t.notSame(broken, unknown)
})

test('families are told by whole words of the name', async t => {
  t.match(mannerOf('intfloat/multilingual-e5-small'), { pooling: 'mean', question: 'query: ', passage: 'passage: ' })
  t.match(mannerOf('BAAI/bge-small-en-v1.5'), { pooling: 'first', question: /^Represent this sentence/, passage: '' })
  t.match(mannerOf('bge-m3'), { pooling: 'first', question: '', passage: '' })
  for (const name of ['all-minilm-l6-v2', 'e50', 'bgelike', '']) t.match(mannerOf(name), { pooling: 'mean', question: '', passage: '' }, name)
})

/** Files that are no embedding model to use. */
const unusable: Record<string, [Buffer | string, RegExp]> = {
  text: ['<html>log in</html>', /model\.onnx cannot be loaded as an ONNX model \(.+\)\. Fetch it again/],
  'cut short': [tableModel({ rows }).subarray(0, 400), /cannot be loaded as an ONNX model/],
  empty: ['', /cannot be loaded as an ONNX model/],
  'a model of images': [tableModel({ rows, input: 'pixel_values' }), /asks for the input 'pixel_values'/],
  'already pooled': [tableModel({ rows, gives: 'rows', output: 'sentence_embedding' }), /no state for each token .*only sentence_embedding\. Export the model without pooling/],
  'in half precision': [tableModel({ rows, gives: 'halves' }), /gives its states as float16/],
  'of a dimension that bits cannot keep': [tableModel({ rows: rows.map(row => row.slice(0, 12)) }), /vectors of 12 numbers, and only multiples of 8/],
  "smaller than its tokenizer's vocabulary": [tableModel({ rows: rows.slice(0, 8) }), /cannot read this text .*The tokenizer may be another model's/]
}

for (const [what, [model, reason]] of Object.entries(unusable)) {
  test(`a model that is ${what} is refused with what to do`, async t => {
    await t.rejects(openOnnxEmbedder(await files(t, model)), { name: 'EmbedderError', message: reason })
  })
}

for (const [what, tokenizer, reason] of [
  ['no JSON', '{"version"', /is not a tokenizer in the form/],
  ['of another form', '{"model": {"type": "WordSalad"}}', /is not a tokenizer in the form/],
  ['without special tokens', JSON.stringify({ ...JSON.parse(wordTokenizer(words)), post_processor: null }), /puts no special tokens around a text/]
] as const) {
  test(`a tokenizer that is ${what} is refused with what to do`, async t => {
    await t.rejects(openOnnxEmbedder(await files(t, tableModel({ rows }), tokenizer)), { name: 'EmbedderError', message: reason })
  })
}

test('a file that is not there is named', async t => {
  const there = await files(t, tableModel({ rows }))
  const gone = { path: join(t.testdirName, 'none'), sha256: '0' }
  await t.rejects(openOnnxEmbedder({ ...there, model: gone }), { name: 'EmbedderError', message: /none cannot be loaded/ })
  await t.rejects(openOnnxEmbedder({ ...there, tokenizer: gone }), { name: 'EmbedderError', message: /none cannot be read \(ENOENT\)/ })
})

test('vectors of zeros, and of what is no number, are never given out', async t => {
  const last = (values: Partial<TableOptions>['rows']) => tableModel({ rows: [...rows.slice(0, 4), ...values!] })
  for (const bad of [NaN, Infinity]) {
    const embedder = await openOnnxEmbedder(await files(t, last(words.map(() => rows[0]!.map(() => bad)))))
    await t.rejects(embedder.vectors(['sea']), { name: 'EmbedderError', message: /of zeros or of what is no number/ }, String(bad))
    await embedder.close()
  }
  const zeros = await openOnnxEmbedder(await files(t, tableModel({ rows: rows.map(row => row.map(() => 0)) })))
  await t.rejects(zeros.passages(['sea']), { name: 'EmbedderError', message: /of zeros/ })
  await zeros.close()
})
