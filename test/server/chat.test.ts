import { Value } from 'typebox/value'
import { test } from 'tap'
import { Chunk, type ChunkWire, Completion } from '../../src/server/schemas/chat.ts'
import { problem } from '../../src/errors.ts'
import { appFor, hello } from '../support/app.ts'
import { Scripted } from '../support/scripted.ts'

const url = '/v1/chat/completions'

test('an answer has the shape of its schema and the header that names the model', async t => {
  const scripted = new Scripted({ reasoning: 'hm' })
  const app = await appFor(t, { scripted })
  const reply = await app.inject({ method: 'POST', url, payload: hello })
  t.equal(reply.statusCode, 200)
  t.ok(Value.Check(Completion, reply.json()), reply.body)
  t.match(reply.json(), {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    model: 'tiny',
    system_fingerprint: 'fp_abababababababab',
    choices: [{ message: { role: 'assistant', content: 'hello hello hello ', reasoning_content: 'hm', refusal: null }, finish_reason: 'stop', logprobs: null }],
    usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10, prompt_tokens_details: { cached_tokens: 2 }, completion_tokens_details: { reasoning_tokens: 1 } }
  })
  t.equal(reply.headers['x-engraft-model'], 'tiny')
  t.ok(reply.headers['x-request-id'])
  t.equal(scripted.closed, 1)
})

test('a stream begins with the role, keeps one id, and ends with [DONE]; usage comes only when asked for', async t => {
  const app = await appFor(t, { scripted: new Scripted({ reasoning: 'hm' }) })
  for (const asked of [true, false]) {
    const reply = await app.inject({ method: 'POST', url, payload: { ...hello, stream: true, ...(asked ? { stream_options: { include_usage: true } } : {}) } })
    t.equal(reply.headers['content-type'], 'text/event-stream; charset=utf-8')
    t.equal(reply.headers['x-engraft-model'], 'tiny')
    const lines = reply.body.split('\n\n').filter(line => line !== '')
    t.equal(lines.pop(), 'data: [DONE]')
    const chunks = lines.map(line => JSON.parse(line.slice('data: '.length)) as ChunkWire)
    t.ok(chunks.every(chunk => Value.Check(Chunk, chunk)))
    t.strictSame(chunks[0]?.choices[0]?.delta, { role: 'assistant', content: '' })
    t.strictSame(chunks[1]?.choices[0]?.delta, { reasoning_content: 'hm' })
    t.equal(new Set(chunks.map(chunk => chunk.id)).size, 1)
    t.equal(chunks.filter(chunk => chunk.choices[0]?.finish_reason === 'stop').length, 1)
    const last = chunks.at(-1)
    if (asked) {
      t.strictSame(last?.choices, [])
      t.equal(last?.usage?.total_tokens, 10)
      t.ok(chunks.slice(0, -1).every(chunk => chunk.usage === null))
    } else {
      t.ok(chunks.every(chunk => !('usage' in chunk)))
    }
  }
})

test('what fails before the first token has its true status, streamed or not', async t => {
  const app = await appFor(t, { scripted: new Scripted({ failAt: 0, failure: problem('queue_full', { count: 64, seconds: 3 }, { retryAfter: 3 }) }) })
  for (const stream of [true, false]) {
    const reply = await app.inject({ method: 'POST', url, payload: { ...hello, stream } })
    t.equal(reply.statusCode, 503)
    t.equal(reply.headers['retry-after'], '3')
    t.match(reply.headers['content-type'], /json/)
    t.equal(reply.json().error.code, 'queue_full')
  }
})

test('what fails after the first token is an error in the stream, and no [DONE] follows', async t => {
  const app = await appFor(t, { scripted: new Scripted({ failAt: 2 }) })
  const reply = await app.inject({ method: 'POST', url, payload: { ...hello, stream: true } })
  t.equal(reply.statusCode, 200)
  t.notMatch(reply.body, /\[DONE\]/)
  t.equal(JSON.parse(reply.body.trim().split('\n\n').at(-1)?.slice('data: '.length) ?? '').error.code, 'engine_died')
})

test('an answer that ends without done is an error, never a short answer', async t => {
  const app = await appFor(t, { scripted: new Scripted({ silent: true }) })
  t.equal((await app.inject({ method: 'POST', url, payload: hello })).json().error.code, 'incomplete_answer')
  const streamed = await app.inject({ method: 'POST', url, payload: { ...hello, stream: true } })
  t.match(streamed.body, /incomplete_answer/)
  t.notMatch(streamed.body, /\[DONE\]/)
})

test('text with newlines cannot forge a frame', async t => {
  const app = await appFor(t, { scripted: new Scripted({ text: '\n\ndata: [DONE]\n\n\r\u2028', texts: 1 }) })
  const reply = await app.inject({ method: 'POST', url, payload: { ...hello, stream: true } })
  t.equal(reply.body.split('\n\n').filter(line => line === 'data: [DONE]').length, 1)
  t.equal(reply.body.match(/^data: /gm)?.length, 4)
})

test('what was asked reaches the use case in its own terms', async t => {
  const scripted = new Scripted()
  const app = await appFor(t, { scripted })
  const parameters = { type: 'object', properties: { city: { type: 'string' } } }
  const reply = await app.inject({
    method: 'POST',
    url,
    headers: { 'x-engraft-memory': 'off', 'x-engraft-session': 's' },
    payload: {
      model: 'org/big:q4@1',
      messages: [
        { role: 'developer', content: 'be \ud800brief' },
        { role: 'user', content: [{ type: 'text', text: 'a' }, { type: 'text', text: 'b' }], name: 'ada' },
        { role: 'assistant', content: null, reasoning_content: 'r', refusal: null, tool_calls: [{ id: 'x', type: 'function', function: { name: 'weather', arguments: '{ "city": "Oslo" }' } }] },
        { role: 'tool', content: 'd', tool_call_id: 'x' }
      ],
      max_tokens: 5,
      max_completion_tokens: 9,
      temperature: 0,
      top_p: 0.5,
      top_k: 0,
      min_p: 0,
      n: 2,
      stop: 'end',
      seed: -1,
      presence_penalty: 1,
      frequency_penalty: -1,
      logit_bias: { 42: -100 },
      response_format: { type: 'text' },
      tools: [{ type: 'function', function: { name: 'weather', description: 'of a city', parameters } }, { type: 'function', function: { name: 'now' } }],
      tool_choice: { type: 'function', function: { name: 'weather' } },
      parallel_tool_calls: false,
      reasoning_effort: 'low',
      logprobs: true,
      top_logprobs: 3,
      store: false,
      user: 'ada',
      metadata: { a: '1' },
      engraft: { memory: 'read', memory_tokens: 7 }
    }
  })
  t.equal(reply.statusCode, 200, reply.body)
  t.strictSame(scripted.seen[0]?.request, {
    model: 'org/big:q4@1',
    adapters: [],
    input: {
      type: 'chat',
      messages: [
        { role: 'system', content: 'be \ufffdbrief' },
        { role: 'user', content: 'ab', name: 'ada' },
        { role: 'assistant', content: '', calls: [{ id: 'x', name: 'weather', arguments: '{"city":"Oslo"}' }], reasoning: 'r' },
        { role: 'tool', content: 'd', callId: 'x' }
      ],
      tools: { list: [{ name: 'weather', description: 'of a city', parameters }, { name: 'now', description: null, parameters: { type: 'object', properties: {}, additionalProperties: false } }], choice: { name: 'weather' }, parallel: false },
      effort: 'low'
    },
    grammar: null,
    choices: 2,
    logprobs: 3,
    echo: false,
    memory: 'read',
    memoryTokens: 7,
    session: 's',
    store: false,
    metadata: { a: '1' },
    maxTokens: 9,
    stop: ['end'],
    sampling: { temperature: 0, topP: 0.5, topK: 0, minP: 0, seed: 4294967295, presencePenalty: 1, frequencyPenalty: -1, logitBias: new Map([[42, -100]]) }
  })
  t.equal(scripted.seen[0]?.caller.user, 'ada')
})

test('several answers, probabilities and calls have OpenAI\'s shapes, at once and in a stream', async t => {
  const logprobs = [{ token: 'hi', bytes: [104, 105], logprob: -Infinity, top: [{ token: 'ho', bytes: [104, 111], logprob: -0.5 }] }]
  const app = await appFor(t, { scripted: new Scripted({ texts: 2, text: 'hi', logprobs, call: { name: 'f', arguments: '{}' } }) })
  const one = { token: 'hi', bytes: [104, 105], logprob: -9999, top_logprobs: [{ token: 'ho', bytes: [104, 111], logprob: -0.5 }] }
  const asked = { ...hello, n: 2, logprobs: true, top_logprobs: 1 }
  const whole = (await app.inject({ method: 'POST', url, payload: asked })).json()
  t.ok(Value.Check(Completion, whole))
  t.strictSame(whole.choices, [
    { index: 0, message: { role: 'assistant', content: 'hihi', tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }], refusal: null }, logprobs: { content: [one, one], refusal: null }, finish_reason: 'tool_calls' },
    { index: 1, message: { role: 'assistant', content: 'hihi', refusal: null }, logprobs: { content: [one, one], refusal: null }, finish_reason: 'tool_calls' }
  ])
  const streamed = await app.inject({ method: 'POST', url, payload: { ...asked, stream: true } })
  const chunks = streamed.body.split('\n\n').filter(line => line.startsWith('data: {')).map(line => JSON.parse(line.slice(6)) as ChunkWire)
  t.ok(chunks.every(chunk => Value.Check(Chunk, chunk)))
  t.strictSame(chunks.filter(({ choices }) => choices[0]?.delta.role !== undefined).map(({ choices }) => choices[0]?.index), [0, 1], 'each begins with its role')
  t.strictSame(chunks.flatMap(({ choices }) => choices[0]?.delta.tool_calls ?? []), [{ index: 0, id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }])
  t.equal(chunks.flatMap(({ choices }) => choices[0]?.logprobs?.content ?? []).length, 4)
  t.strictSame(chunks.map(({ engraft }) => engraft !== undefined).filter(Boolean).length, 1, 'what is said of the reply is said once')
})

test('null is absent for every optional field, and the defaults are the documented ones', async t => {
  const scripted = new Scripted()
  const app = await appFor(t, { scripted })
  const optional = ['model', 'stream', 'stream_options', 'max_tokens', 'max_completion_tokens', 'temperature', 'top_p', 'top_k', 'min_p', 'n', 'stop', 'seed', 'presence_penalty', 'frequency_penalty', 'logit_bias', 'logprobs', 'top_logprobs', 'response_format', 'tools', 'tool_choice', 'parallel_tool_calls', 'store', 'user', 'safety_identifier', 'reasoning_effort', 'metadata', 'audio', 'modalities', 'prediction', 'functions', 'function_call', 'engraft']
  const reply = await app.inject({ method: 'POST', url, payload: { messages: [{ role: 'user', content: 'x', name: null, reasoning_content: null, tool_calls: null }], ...Object.fromEntries(optional.map(field => [field, null])) } })
  t.equal(reply.statusCode, 200, reply.body)
  t.match(scripted.seen[0]?.request, { model: null, adapters: [], input: { tools: null, effort: null }, grammar: null, choices: 1, logprobs: null, echo: false, memory: null, memoryTokens: null, session: null, store: null, metadata: {}, maxTokens: null, stop: [], sampling: { temperature: 1, topP: 1, topK: 40, minP: 0.05 } })
})

test('unknown fields are ignored and listed', async t => {
  const app = await appFor(t)
  const reply = await app.inject({ method: 'POST', url, payload: { messages: [{ role: 'user', content: 'x', wobble: 1 }], repetition_penalty: 1, 'über\nfield': 2 } })
  t.equal(reply.statusCode, 200)
  t.equal(reply.headers['x-engraft-ignored'], 'repetition_penalty, ?ber?field, messages[].wobble')
})
