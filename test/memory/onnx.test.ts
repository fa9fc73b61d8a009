import { readFile } from 'node:fs/promises'
import { after, test } from 'tap'
import type { Embedder } from '../../src/memory/embedder.ts'
import { openOnnxEmbedder } from '../../src/memory/onnx/embedder.ts'
import { openTokenizer } from '../../src/memory/onnx/tokenizer.ts'
import { embedderModel } from '../support/model.ts'

interface Expected { readonly text: string, readonly times: number, readonly ids: readonly number[] | null, readonly count: number, readonly vector: readonly number[] }
interface Fixture { readonly vectors: readonly Expected[], readonly bits: { readonly text: string, readonly bits: readonly string[] } }

/** What Python's onnxruntime and tokenizers make of the same texts; `../fixtures/README.md` says how. */
const fixture = JSON.parse(await readFile(new URL('../fixtures/embeddings.json', import.meta.url), 'utf8')) as Fixture

const files = await embedderModel()
const embedder = await openOnnxEmbedder(files)
const dimensions = 384
after(() => embedder.close())

function cosine (a: Float32Array, b: Float32Array): number { return a.reduce((sum, value, at) => sum + value * b[at]!, 0) }

test('texts in many scripts become the tokens and the vectors that Python makes of them', async t => {
  const tokenizer = await openTokenizer(files.tokenizer.path, 256)
  const vectors = (await embedder.passages(fixture.vectors.map(({ text, times }) => text.repeat(times)))).map(({ vector }) => vector)
  for (const [at, { text, times, ids, count, vector }] of fixture.vectors.entries()) {
    const what = `${times} times ${JSON.stringify(text)}`
    const read = tokenizer.encode(text.repeat(times), '').ids
    t.equal(read.length, count, what)
    if (ids !== null) t.strictSame(read, ids, what)
    t.ok(vector.every((value, place) => Math.abs(value - vectors[at]![place]!) < 1e-4), what)
  }
})

test('every vector has the length 1', async t => {
  const { vectors } = await embedder.vectors(fixture.vectors.map(({ text }) => text))
  for (const vector of vectors) t.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-5)
})

test('the bits of a passage are the signs that Python finds at its content words, and at nothing else', async t => {
  const { text, bits } = fixture.bits
  const [passage] = await embedder.passages([text])
  const expected = Buffer.from(bits.join(''), 'hex')
  t.equal(passage!.tokenBits.length, expected.length)
  // A state next to 0 may fall on the other side on another processor.
  t.ok(differing(passage!.tokenBits, expected) <= 4)
})

test('a question has the states whose signs a passage of the same words keeps', async t => {
  const text = 'Unbelievable kayaks of Caroline!'
  const { tokens, vector } = await embedder.question(text)
  const [passage] = await embedder.passages([text])
  const signs = Uint8Array.from({ length: tokens.length * dimensions / 8 }, (_, byte) =>
    Array.from({ length: 8 }, (_, bit) => tokens[Math.floor(byte * 8 / dimensions)]![byte * 8 % dimensions + bit]! > 0 ? 1 << bit : 0).reduce((sum, value) => sum + value))
  t.strictSame(signs, passage!.tokenBits)
  t.ok(tokens.length >= 3 && tokens.every(token => Math.abs(Math.hypot(...token) - 1) < 1e-5))
  t.ok(cosine(vector, passage!.vector) > 0.99999)
})

test('stop words, punctuation and special tokens have no states, whatever the text claims', async t => {
  t.equal((await embedder.question('What is it that you and I were to do?')).tokens.length, 0)
  t.equal((await embedder.question('[CLS] [SEP] [MASK] !?')).tokens.length, 0)
  t.equal((await embedder.question("don't")).tokens.length, 0)
  t.equal((await embedder.question('天 42')).tokens.length, 2)
})

test('a passage of more than 64 content words has a vector and no bits', async t => {
  const [most, more] = await embedder.passages(['sea '.repeat(64), 'sea '.repeat(65)])
  t.equal(most!.tokenBits.length, 64 * dimensions / 8)
  t.equal(more!.tokenBits.length, 0)
  t.equal(more!.vector.length, dimensions)
})

test('texts keep their order, and their neighbours in a call do not change them', async t => {
  const texts = Array.from({ length: 40 }, (_, at) => `${'The sea was calm and '.repeat(at * 7 % 12)}number ${at} came home.`)
  const together = await embedder.passages(texts)
  for (const [at, text] of texts.entries()) {
    const [alone] = await embedder.passages([text])
    t.ok(cosine(together[at]!.vector, alone!.vector) > 0.999999, text)
    t.ok(differing(together[at]!.tokenBits, alone!.tokenBits) <= 4)
  }
})

test('what lies beyond the limit of tokens changes nothing', async t => {
  const long = 'calm sea '.repeat(200)
  const { vectors: [one, two], tokens } = await embedder.vectors([`${long}and a storm`, `${long}in the morning`])
  t.ok(cosine(one!, two!) > 0.999999)
  t.equal(tokens, 512)
  const [huge] = (await embedder.vectors([long.repeat(600)])).vectors
  t.ok(cosine(huge!, one!) > 0.999999, 'a megabyte is its beginning')
})

test('text that is no proper Unicode, or none at all, has a vector', async t => {
  const { vectors, tokens } = await embedder.vectors(['', ' ', 'lone \ud800 and \udc00', '\u0000', '\ud83d'.repeat(10)])
  t.ok(vectors.every(vector => vector.every(Number.isFinite)))
  t.ok(tokens >= 10)
  t.strictSame(await embedder.passages([]), [])
  t.strictSame(await embedder.vectors([]), { vectors: [], tokens: 0 })
})

test('a question is answered between the runs of a long call', async t => {
  const order: string[] = []
  await Promise.all([
    embedder.passages(Array.from({ length: 12 }, () => 'sea '.repeat(200))).then(() => order.push('passages')),
    embedder.question('What of the sea?').then(() => order.push('question'))
  ])
  t.strictSame(order, ['question', 'passages'])
})

test('the id is the same for the same vectors, and another for others', async t => {
  const open = async (over: Partial<Parameters<typeof openOnnxEmbedder>[0]>): Promise<Embedder> => {
    const other = await openOnnxEmbedder({ ...files, ...over })
    await other.close()
    return other
  }
  const others = await Promise.all([
    open({ maxTokens: 128 }),
    open({ manner: { pooling: 'first', question: '', passage: '' } }),
    open({ original: 'multilingual-e5-small' }),
    open({ model: { ...files.model, sha256: '0'.repeat(64) } }),
    open({ tokenizer: { ...files.tokenizer, sha256: '0'.repeat(64) } })
  ])
  t.equal(new Set([embedder.id, ...others.map(({ id }) => id)]).size, 6)
  t.equal((await open({ name: 'house', threads: 2 })).id, embedder.id)
  t.match(embedder, { name: 'all-minilm-l6-v2', dimensions, maxTokens: 256, id: /^[0-9a-f]{64}$/ })
})

function differing (one: Uint8Array, two: Uint8Array): number {
  return one.reduce((sum, byte, at) => sum + (byte ^ two[at]!).toString(2).replaceAll('0', '').length, 0)
}
