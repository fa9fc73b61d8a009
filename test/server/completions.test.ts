import { Value } from 'typebox/value'
import { test } from 'tap'
import { abreast } from '../../src/server/abreast.ts'
import type { ChatEvent } from '../../src/chat/answer.ts'
import { problem } from '../../src/errors.ts'
import { TextChunk, type TextChunkWire, TextCompletion } from '../../src/server/schemas/completions.ts'
import { appFor, listening } from '../support/app.ts'
import { Scripted } from '../support/scripted.ts'
import { until } from '../support/wire.ts'

const url = '/v1/completions'

test('a completion has the shape of its schema, at once and in a stream', async t => {
  const app = await appFor(t)
  const reply = await app.inject({ method: 'POST', url, payload: { prompt: 'Once', wobble: 1 } })
  t.equal(reply.statusCode, 200, reply.body)
  t.ok(Value.Check(TextCompletion, reply.json()), reply.body)
  t.match(reply.json(), { object: 'text_completion', model: 'tiny', choices: [{ index: 0, text: 'hello hello hello ', logprobs: null, finish_reason: 'stop' }], usage: { total_tokens: 10 } })
  t.match(reply.headers, { 'x-engraft-model': 'tiny', 'x-engraft-ignored': 'wobble' })
  const streamed = await app.inject({ method: 'POST', url, payload: { prompt: 'Once', stream: true, stream_options: { include_usage: true } } })
  t.equal(streamed.headers['content-type'], 'text/event-stream; charset=utf-8')
  const lines = streamed.body.split('\n\n').filter(line => line !== '')
  t.equal(lines.pop(), 'data: [DONE]')
  const chunks = lines.map(line => JSON.parse(line.slice(6)) as TextChunkWire)
  t.ok(chunks.every(chunk => Value.Check(TextChunk, chunk)))
  t.equal(chunks.map(({ choices }) => choices[0]?.text ?? '').join(''), 'hello hello hello ')
  t.strictSame(chunks.map(({ choices }) => choices[0]?.finish_reason), [null, null, null, 'stop', undefined])
  t.match(chunks.at(-1), { choices: [], usage: { total_tokens: 10 } })
})

test('what was asked reaches the use case in its own terms, a prompt at a time', async t => {
  const scripted = new Scripted()
  const app = await appFor(t, { scripted })
  const asked = async (prompt: unknown, over: object = {}) => {
    scripted.seen.length = 0
    const reply = await app.inject({ method: 'POST', url, payload: { prompt, ...over } })
    t.equal(reply.statusCode, 200, reply.body)
    return scripted.seen.map(({ request }) => request)
  }
  t.strictSame(await asked('a\ud800', { model: 'm', max_tokens: 0, echo: true, logprobs: 0, n: 2, stop: ['x'], seed: 1, temperature: 0, suffix: '', best_of: 1, user: 'ada', engraft: { adapters: [{ name: 'house' }] } }), [{
    model: 'm',
    adapters: [{ name: 'house', scale: 1 }],
    input: { type: 'text', text: 'a\ufffd' },
    grammar: null,
    choices: 2,
    logprobs: 0,
    echo: true,
    memory: 'off',
    memoryTokens: null,
    session: null,
    store: false,
    metadata: {},
    maxTokens: 0,
    stop: ['x'],
    sampling: { temperature: 0, topP: 1, topK: 40, minP: 0.05, seed: 1, presencePenalty: 0, frequencyPenalty: 0, logitBias: new Map() }
  }])
  t.match((await asked([1, 2]))[0], { input: { type: 'tokens', tokens: [1, 2] }, maxTokens: 16, choices: 1, echo: false, logprobs: null })
  t.strictSame((await asked(['a', 'b'])).map(({ input }) => input), [{ type: 'text', text: 'a' }, { type: 'text', text: 'b' }])
  t.strictSame((await asked([[1], [2, 3]])).map(({ input }) => input), [{ type: 'tokens', tokens: [1] }, { type: 'tokens', tokens: [2, 3] }])
})

test('the choices of the first prompt are numbered first, and the usage is that of all', async t => {
  const scripted = new Scripted(({ input }) => ({ text: input.type === 'text' ? input.text : '', texts: 2, every: input.type === 'text' && input.text === 'a' ? 20 : 1 }))
  const app = await appFor(t, { scripted, config: { slots: 2 } })
  const asked = { prompt: ['a', 'b', 'c'], n: 2 }
  const reply = (await app.inject({ method: 'POST', url, payload: asked })).json()
  t.strictSame(reply.choices.map(({ index, text }: { index: number, text: string }) => [index, text]), [[0, 'aa'], [1, 'aa'], [2, 'bb'], [3, 'bb'], [4, 'cc'], [5, 'cc']])
  t.match(reply.usage, { prompt_tokens: 21, completion_tokens: 6, total_tokens: 27, prompt_tokens_details: { cached_tokens: 6 } })
  t.equal(scripted.closed, 3)
  const streamed = await app.inject({ method: 'POST', url, payload: { ...asked, stream: true } })
  const chunks = streamed.body.split('\n\n').filter(line => line.startsWith('data: {')).map(line => JSON.parse(line.slice(6)) as TextChunkWire)
  t.equal(new Set(chunks.map(({ id }) => id)).size, 1, 'one reply has one id')
  t.strictSame([0, 1, 2, 3, 4, 5].map(index => chunks.flatMap(({ choices }) => choices).filter(choice => choice.index === index).map(({ text }) => text).join('')), ['aa', 'aa', 'bb', 'bb', 'cc', 'cc'])
})

test('no more prompts are answered at once than there are slots', async t => {
  let open = 0
  let most = 0
  const answerOf = (name: string) => async function * (): AsyncGenerator<ChatEvent> {
    most = Math.max(most, ++open)
    await new Promise(resolve => setTimeout(resolve, 5))
    yield { type: 'start', id: name, created: 1, model: 'tiny', version: null, digest: 'd', session: null, memories: [], forgetful: false }
    open--
    yield { type: 'done', recorded: null, prompt: '', usage: { promptTokens: 1, cachedTokens: 0, completionTokens: 0, reasoningTokens: 0 } }
  }
  const events = await Array.fromAsync(abreast(['a', 'b', 'c', 'd', 'e'].map(answerOf), { choices: 1, width: 2, signal: new AbortController().signal }))
  t.equal(most, 2)
  t.strictSame(events.map(({ type }) => type), ['start', 'done'])
})

test('when one prompt fails, the others are ended and the reply is the failure', async t => {
  const scripted = new Scripted(({ input }) => input.type === 'text' && input.text === 'bad' ? { failAt: 0, failure: problem('queue_full', { count: 1, seconds: 3 }, { retryAfter: 3 }) } : { firstAfter: 60_000 })
  const app = await appFor(t, { scripted })
  const reply = await app.inject({ method: 'POST', url, payload: { prompt: ['good', 'bad', 'good'] } })
  t.equal(reply.json().error.code, 'queue_full')
  t.equal(scripted.closed, 3)
})

test('a reply names one version: a promote between its prompts is told', async t => {
  let asked = 0
  const scripted = new Scripted(() => ({ start: { model: 'house@1', version: 1, digest: String(asked++) } }))
  const app = await appFor(t, { scripted })
  const reply = await app.inject({ method: 'POST', url, payload: { prompt: ['a', 'b'] } })
  t.strictSame([reply.statusCode, reply.json().error.code], [503, 'weights_changed'])
  t.equal(scripted.closed, 2)
})

test('whoever leaves ends all of their prompts', async t => {
  const scripted = new Scripted({ texts: 100_000, every: 1 })
  const { url: base } = await listening(await appFor(t, { scripted }))
  const caller = new AbortController()
  const reply = await fetch(base + url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ prompt: ['a', 'b'], stream: true }), signal: caller.signal })
  await reply.body?.getReader().read()
  caller.abort()
  await until(() => scripted.closed === 2)
  t.equal(scripted.opened, 2)
})

test('probabilities have OpenAI\'s older form: lists side by side, places in characters', async t => {
  const bytes = [...Buffer.from('é')]
  const scripted = new Scripted({
    texts: 2,
    text: '👍 é',
    logprobs: [
      { token: '👍 ', bytes: [...Buffer.from('👍 ')], logprob: null, top: [] },
      { token: '\ufffd', bytes: bytes.slice(0, 1), logprob: -1, top: [{ token: 'x', bytes: [120], logprob: -0.5 }] },
      { token: '\ufffd', bytes: bytes.slice(1), logprob: -Infinity, top: [{ token: '\ufffd', bytes: bytes.slice(1), logprob: -Infinity }] }
    ]
  })
  const app = await appFor(t, { scripted })
  const { choices: [choice] } = (await app.inject({ method: 'POST', url, payload: { prompt: 'x', logprobs: 1, echo: true } })).json()
  t.strictSame(choice.logprobs, {
    tokens: ['👍 ', 'bytes:\\xc3', 'bytes:\\xa9', '👍 ', 'bytes:\\xc3', 'bytes:\\xa9'],
    token_logprobs: [null, -1, -9999, null, -1, -9999],
    top_logprobs: [null, { x: -0.5, 'bytes:\\xc3': -1 }, { 'bytes:\\xa9': -9999 }, null, { x: -0.5, 'bytes:\\xc3': -1 }, { 'bytes:\\xa9': -9999 }],
    text_offset: [0, 2, 2, 3, 5, 5]
  })
})

const wrong: [code: string, param: string, body: object][] = [
  ['invalid_request', 'prompt', {}],
  ['invalid_request', 'prompt', { prompt: null }],
  ['invalid_request', 'prompt', { prompt: [] }],
  ['invalid_request', 'prompt', { prompt: ['a', 1] }],
  ['invalid_request', 'prompt', { prompt: Array(129).fill('a') }],
  ['invalid_request', 'prompt[1]', { prompt: [[1], []] }],
  ['invalid_request', 'prompt[0]', { prompt: [-1] }],
  ['invalid_request', 'prompt[0]', { prompt: [2 ** 31] }],
  ['invalid_request', 'prompt[0][0]', { prompt: [['a']] }],
  ['invalid_request', 'max_tokens', { max_tokens: -1 }],
  ['invalid_request', 'logprobs', { logprobs: 21 }],
  ['invalid_request', 'logprobs', { logprobs: true }],
  ['invalid_request', 'echo', { echo: 1 }],
  ['invalid_request', 'n', { n: 0 }],
  ['unsupported_field', 'suffix', { suffix: 'end' }],
  ['unsupported_value', 'best_of', { best_of: 2 }],
  ['unsupported_value', 'store', { store: true }],
  ['unsupported_field', 'engraft.memory', { engraft: { memory: 'off' } }],
  ['unsupported_field', 'engraft.session', { engraft: { session: 's' } }]
]

test('what cannot be honoured is a 400 that names it', async t => {
  const scripted = new Scripted()
  const app = await appFor(t, { scripted })
  for (const [code, param, body] of wrong) {
    const reply = await app.inject({ method: 'POST', url, payload: param.startsWith('prompt') ? body : { prompt: 'x', ...body } })
    t.equal(reply.statusCode, 400)
    t.match(reply.json().error, { code, param, message: /^.+\.$/ }, JSON.stringify(body).slice(0, 60))
  }
  const header = await app.inject({ method: 'POST', url, headers: { 'x-engraft-memory': 'on' }, payload: { prompt: 'x' } })
  t.match(header.json().error, { code: 'unsupported_value', param: 'x-engraft-memory' })
  t.equal((await app.inject({ method: 'POST', url, headers: { 'x-engraft-memory': 'off' }, payload: { prompt: 'x' } })).statusCode, 200)
  t.equal(scripted.opened, 1)
})
