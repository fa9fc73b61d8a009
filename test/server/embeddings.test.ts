import { Value } from 'typebox/value'
import { test } from 'tap'
import { keyless } from '../../src/access/caller.ts'
import { createEmbed, type EmbedRequest } from '../../src/chat/embed.ts'
import type { ModelLease } from '../../src/adapters/directory.ts'
import { problem } from '../../src/errors.ts'
import { Embeddings } from '../../src/server/schemas/embeddings.ts'
import { appFor } from '../support/app.ts'

const url = '/v1/embeddings'

test('vectors have the shape of their schema, as numbers and as base64', async t => {
  const app = await appFor(t)
  const ask = async (body: object) => await app.inject({ method: 'POST', url, payload: body })
  const reply = await ask({ input: ['abc', 'de'], user: 'ada', wobble: 1 })
  t.equal(reply.statusCode, 200, reply.body)
  t.ok(Value.Check(Embeddings, reply.json()))
  t.strictSame(reply.json(), { object: 'list', model: 'tiny', data: [{ object: 'embedding', index: 0, embedding: [3, 0.5] }, { object: 'embedding', index: 1, embedding: [2, 0.5] }], usage: { prompt_tokens: 2, total_tokens: 2 } })
  t.match(reply.headers, { 'x-engraft-model': 'tiny', 'x-engraft-ignored': 'wobble' })
  const { data: [one] } = (await ask({ input: [[7, 8, 9]], encoding_format: 'base64' })).json()
  t.strictSame([0, 4].map(at => Buffer.from(one.embedding, 'base64').readFloatLE(at)), [3, 0.5])
  t.equal((await ask({ input: [7, 8, 9] })).json().data[0].embedding[0], 3, 'token ids are one text')
  t.equal((await ask({ input: Array(2048).fill('a') })).json().data.length, 2048)
})

test('what cannot be embedded is a 400 that names it', async t => {
  const app = await appFor(t)
  const wrong: [param: string, body: object][] = [
    ['input', {}],
    ['input', { input: '' }],
    ['input', { input: [] }],
    ['input[1]', { input: ['a', ''] }],
    ['input[1]', { input: [[1], []] }],
    ['input', { input: ['a', [1]] }],
    ['input', { input: Array(2049).fill('a') }],
    ['input[0]', { input: [1.5] }],
    ['encoding_format', { input: 'a', encoding_format: 'int8' }],
    ['dimensions', { input: 'a', dimensions: 0 }]
  ]
  for (const [param, body] of wrong) {
    const reply = await app.inject({ method: 'POST', url, payload: body })
    t.equal(reply.statusCode, 400)
    t.match(reply.json().error, { code: 'invalid_request', param, message: /^.+\.$/ })
  }
})

/** A base whose vectors are as long as it is told, on which long texts do not fit. */
function base (over: Partial<ModelLease> = {}) {
  const seen = { batches: [] as number[], running: 0, waited: 0, released: 0, spent: 0 }
  const counting = { admit: async () => { seen.waited++; seen.running++; return () => { seen.running-- } } } as unknown as ModelLease['counting']
  const engine = {
    embed: async (texts: readonly (string | readonly number[])[]) => {
      seen.batches.push(texts.length)
      const long = texts.findIndex(text => text === 'long')
      if (long !== -1) throw problem('context_length_exceeded', { count: 9, limit: 8 }, { param: `input[${long}]` })
      return { vectors: texts.map(() => new Float32Array(4)), promptTokens: texts.length }
    }
  } as unknown as ModelLease['engine']
  const lease = { target: { model: 'tiny', digest: 'd', adapters: [] }, engine, counting, names: ['tiny'], version: null, release: () => { seen.released++ }, ...over } as ModelLease
  const embed = createEmbed({ models: { lease: () => lease }, limits: { admit: async () => {}, spend: (_, tokens) => { seen.spent += tokens } }, embedder: () => ({ name: 'mini', vectors: async texts => ({ vectors: texts.map(() => new Float32Array(3)), tokens: 2 * texts.length }) }) })
  return { seen, embed: async (request: Partial<EmbedRequest>, signal = new AbortController().signal) => await embed({ model: null, texts: ['a'], dimensions: null, ...request }, keyless, signal) }
}

test('many texts go in batches, between which others get their turn, and are counted', async t => {
  const { seen, embed } = base()
  const { vectors, promptTokens } = await embed({ texts: Array(20).fill('a') })
  t.strictSame([vectors.length, promptTokens, seen.spent], [20, 20, 20])
  t.strictSame(seen.batches, [8, 8, 4])
  t.strictSame([seen.waited, seen.running, seen.released], [3, 0, 1])
})

test('a text that does not fit is named by its place among all of them, and what was read is paid', async t => {
  const { seen, embed } = base()
  await t.rejects(embed({ texts: [...Array(9).fill('a'), 'long'] }), { code: 'context_length_exceeded', param: 'input[9]' })
  t.strictSame([seen.running, seen.released, seen.spent], [0, 1, 8])
})

test('vectors are never cut, and adapters make none', async t => {
  const { embed, seen } = base()
  await t.rejects(embed({ texts: Array(20).fill('a'), dimensions: 2 }), { code: 'unsupported_value', param: 'dimensions', message: /have 4/ })
  t.strictSame(seen.batches, [8], 'refused as soon as it is known')
  t.equal((await embed({ dimensions: 4 })).vectors.length, 1)
  await t.rejects(base({ version: 3 }).embed({}), { code: 'unsupported_value', param: 'model' })
})

test('the embedding model answers under its own name, with texts only', async t => {
  const { embed, seen } = base()
  const ask = async (over: Partial<EmbedRequest>) => await embed({ model: 'mini', texts: ['a', 'b'], dimensions: null, ...over })
  t.match(await ask({}), { model: 'mini', promptTokens: 4, vectors: { length: 2 } })
  t.equal(seen.spent, 4)
  await t.rejects(ask({ texts: ['a', [1]] }), { code: 'unsupported_value', param: 'input[1]' })
  await t.rejects(ask({ dimensions: 5 }), { code: 'unsupported_value', param: 'dimensions' })
  const app = await appFor(t, { embedder: () => ({ name: 'mini', maxTokens: 256 }) })
  t.match((await app.inject('/v1/models')).json().data.at(-1), { id: 'mini', parent: null, max_model_len: 256 }, 'listed last')
  t.equal((await app.inject('/v1/models/mini')).statusCode, 200)
})
