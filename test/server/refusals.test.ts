import { test } from 'tap'
import { appFor, hello } from '../support/app.ts'
import { Scripted } from '../support/scripted.ts'

const url = '/v1/chat/completions'
const user = { role: 'user', content: 'x' }

const wrong: [field: string, body: object][] = [
  ['messages', {}],
  ['messages', { messages: [] }],
  ['messages', { messages: 'hi' }],
  ['messages[0]', { messages: ['hi'] }],
  ['messages[0].role', { messages: [{ content: 'x' }] }],
  ['messages[0].role', { messages: [{ role: 'wizard', content: 'x' }] }],
  ['messages[1].content', { messages: [user, { role: 'user', content: 7 }] }],
  ['messages[0].content', { messages: [{ role: 'user' }] }],
  ['messages[0].content', { messages: [{ role: 'assistant', content: null }] }],
  ['messages[0].content[0].type', { messages: [{ role: 'user', content: [{}] }] }],
  ['messages[0].content[0].text', { messages: [{ role: 'user', content: [{ type: 'text' }] }] }],
  ['model', { ...hello, model: '' }],
  ['model', { ...hello, model: 1 }],
  ['stream', { ...hello, stream: 'true' }],
  ['stream_options.include_usage', { ...hello, stream_options: { include_usage: 1 } }],
  ['max_tokens', { ...hello, max_tokens: 0 }],
  ['max_tokens', { ...hello, max_tokens: '12' }],
  ['max_tokens', { ...hello, max_tokens: 1.5 }],
  ['max_completion_tokens', { ...hello, max_completion_tokens: -1 }],
  ['temperature', { ...hello, temperature: 2.1 }],
  ['temperature', { ...hello, temperature: '1' }],
  ['top_p', { ...hello, top_p: 0 }],
  ['top_p', { ...hello, top_p: 1.1 }],
  ['top_k', { ...hello, top_k: -1 }],
  ['min_p', { ...hello, min_p: 2 }],
  ['n', { ...hello, n: 0 }],
  ['stop', { ...hello, stop: '' }],
  ['stop', { ...hello, stop: 'x'.repeat(257) }],
  ['stop', { ...hello, stop: Array(17).fill('x') }],
  ['stop[1]', { ...hello, stop: ['x', ''] }],
  ['seed', { ...hello, seed: 0.5 }],
  ['seed', { ...hello, seed: 2 ** 60 }],
  ['presence_penalty', { ...hello, presence_penalty: 2.5 }],
  ['frequency_penalty', { ...hello, frequency_penalty: -2.5 }],
  ['logit_bias.cat', { ...hello, logit_bias: { cat: 1 } }],
  ['logit_bias[7]', { ...hello, logit_bias: { 7: 101 } }],
  ['logit_bias', { ...hello, logit_bias: Object.fromEntries(Array.from({ length: 1025 }, (_, i) => [i, 0])) }],
  ['user', { ...hello, user: 'x'.repeat(257) }],
  ['engraft', { ...hello, engraft: 'off' }],
  ['engraft.session', { ...hello, engraft: { session: 1 } }],
  ['engraft.adapters', { ...hello, engraft: { adapters: {} } }],
  ['engraft.adapters', { ...hello, engraft: { adapters: Array(5).fill({ name: 'house' }) } }],
  ['engraft.adapters[0]', { ...hello, engraft: { adapters: ['house'] } }],
  ['engraft.adapters[0].name', { ...hello, engraft: { adapters: [{ scale: 1 }] } }],
  ['engraft.adapters[0].name', { ...hello, engraft: { adapters: [{ name: 'x'.repeat(10_240) }] } }],
  ['engraft.adapters[1].scale', { ...hello, engraft: { adapters: [{ name: 'a' }, { name: 'b', scale: 4.5 }] } }],
  ['engraft.adapters[0].scale', { ...hello, engraft: { adapters: [{ name: 'a', scale: -4.5 }] } }],
  ['engraft.adapters[0].scale', { ...hello, engraft: { adapters: [{ name: 'a', scale: '1' }] } }],
  ['engraft.adapters[0].weight', { ...hello, engraft: { adapters: [{ name: 'a', weight: 1 }] } }]
]

test('a wrong value is a 400 whose param names the field and whose message is a sentence', async t => {
  const scripted = new Scripted()
  const app = await appFor(t, { scripted })
  for (const [param, body] of wrong) {
    const reply = await app.inject({ method: 'POST', url, payload: body })
    const { error } = reply.json() as { error: { param: string, code: string, message: string } }
    t.strictSame([reply.statusCode, error.code, error.param], [400, 'invalid_request', param], error.message)
    t.match(error.message, /^'.+\.$/)
  }
  t.equal(scripted.opened, 0)
})

test('values at their limits are taken', async t => {
  const app = await appFor(t)
  for (const body of [{ temperature: 2 }, { top_p: 1 }, { min_p: 1 }, { stop: Array(16).fill('x'.repeat(256)) }, { seed: Number.MAX_SAFE_INTEGER }, { seed: Number.MIN_SAFE_INTEGER }, { presence_penalty: -2 }, { user: 'x'.repeat(256) }, { logit_bias: Object.fromEntries(Array.from({ length: 1024 }, (_, i) => [i, 100])) }]) {
    const reply = await app.inject({ method: 'POST', url, payload: { ...hello, ...body } })
    t.equal(reply.statusCode, 200, reply.body)
  }
})

const tool = (name: string, parameters: unknown = { type: 'object' }): object => ({ type: 'function', function: { name, parameters } })
const called = (given: string): object => ({ role: 'assistant', content: null, tool_calls: [{ id: 'x', type: 'function', function: { name: 'f', arguments: given } }] })
const schema = (schema: unknown, strict = false): object => ({ response_format: { type: 'json_schema', json_schema: { name: 's', schema, strict } } })

const unsupported: [code: string, param: string, body: object][] = [
  ['unsupported_field', 'functions', { functions: [{ name: 'f' }] }],
  ['unsupported_value', 'function_call', { function_call: { name: 'f' } }],
  ['unsupported_field', 'audio', { audio: { voice: 'x' } }],
  ['unsupported_value', 'modalities', { modalities: ['text', 'audio'] }],
  ['unsupported_field', 'prediction', { prediction: {} }],
  ['unsupported_field', 'web_search_options', { web_search_options: {} }],
  ['unsupported_field', 'engraft.constructor', { engraft: { constructor: 1 } }],
  ['unsupported_value', 'messages[0].content[0].type', { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }] }],
  ['unsupported_value', 'messages[0].content[0].type', { messages: [{ role: 'user', content: [{ type: 'input_audio' }] }] }],
  ['unsupported_field', 'messages[0].function_call', { messages: [{ role: 'assistant', content: null, function_call: { name: 'f' } }] }],
  ['invalid_request', 'tool_choice', { tool_choice: 'required' }],
  ['invalid_request', 'tool_choice', { tools: [tool('f')], tool_choice: 'some' }],
  ['invalid_request', 'tool_choice.function.name', { tools: [tool('f')], tool_choice: { type: 'function', function: { name: 'g' } } }],
  ['invalid_request', 'tools[1].function.name', { tools: [tool('f'), tool('f')] }],
  ['invalid_request', 'tools[0].function.name', { tools: [tool('no spaces')] }],
  ['invalid_request', 'tools[0].function.parameters.type', { tools: [tool('f', { type: 'string' })] }],
  ['unsupported_schema', 'tools[0].function.parameters', { tools: [tool('f', { type: 'object', if: { required: ['a'] } })] }],
  ['invalid_request', 'tools', { tools: Array.from({ length: 129 }, (_, i) => tool(`f${i}`)) }],
  ['invalid_request', 'messages[0].tool_calls[0].function.arguments', { messages: [called('{"a":')] }],
  ['invalid_request', 'messages[0].tool_calls[0].function.arguments', { messages: [called('[]')] }],
  ['invalid_request', 'messages[0].tool_calls[0].function', { messages: [{ role: 'assistant', content: null, tool_calls: [{ id: 'x', type: 'function' }] }] }],
  ['invalid_request', 'messages[0].tool_calls', { messages: [{ ...called('{}'), role: 'user', content: 'x' }] }],
  ['invalid_request', 'messages[0].tool_call_id', { messages: [{ role: 'tool', content: 'x' }] }],
  ['invalid_request', 'response_format.json_schema.schema', { response_format: { type: 'json_schema', json_schema: { name: 's' } } }],
  ['invalid_request', 'response_format.type', { response_format: { type: 'xml' } }],
  ['unsupported_schema', 'response_format.json_schema.schema', schema({ type: 'object', if: { required: ['a'] } })],
  ['invalid_schema', 'response_format.json_schema.schema', schema({ not: {} })],
  ['invalid_schema', 'response_format.json_schema.schema', schema({ type: 'thing' })],
  ['invalid_schema', 'response_format.json_schema.schema', schema({ type: 'object', properties: {} }, true)],
  ['invalid_request', 'logprobs', { logprobs: 5 }],
  ['invalid_request', 'top_logprobs', { logprobs: true, top_logprobs: 21 }],
  ['invalid_request', 'top_logprobs', { top_logprobs: 5 }],
  ['invalid_request', 'reasoning_effort', { reasoning_effort: 'immense' }]
]

test('what has a meaning that this server lacks is refused by name', async t => {
  const scripted = new Scripted()
  const app = await appFor(t, { scripted })
  for (const [code, param, body] of unsupported) {
    const reply = await app.inject({ method: 'POST', url, payload: { ...hello, ...body } })
    t.equal(reply.statusCode, 400)
    t.match(reply.json().error, { code, param }, param)
  }
  const header = await app.inject({ method: 'POST', url, headers: { 'x-engraft-memory': 'please' }, payload: hello })
  t.match(header.json().error, { code: 'invalid_request', param: 'x-engraft-memory' })
  t.equal(scripted.opened, 0)
})

test('a body that is no JSON object of ours is refused in our own shape', async t => {
  const app = await appFor(t)
  const cases: [payload: string, type: string, status: number, code: string][] = [
    ['{"a":', 'application/json', 400, 'invalid_json'],
    ['', 'application/json', 400, 'invalid_request'],
    ['[]', 'application/json', 400, 'invalid_request'],
    ['{"messages":[{"role":"user","content":"x"}],"__proto__":{"stream":true}}', 'application/json', 400, 'invalid_json'],
    ['{"\\u005f_proto__" : {}}', 'application/json', 400, 'invalid_json'],
    ['a=b', 'application/x-www-form-urlencoded', 415, 'unsupported_media_type'],
    [JSON.stringify(hello), 'text/plain', 415, 'unsupported_media_type']
  ]
  for (const [payload, type, status, code] of cases) {
    const reply = await app.inject({ method: 'POST', url, headers: { 'content-type': type }, payload })
    t.strictSame([reply.statusCode, reply.json().error.code], [status, code], payload)
  }
  const harmless = await app.inject({ method: 'POST', url, payload: { messages: [{ role: 'user', content: 'what is "__proto__": in JavaScript?' }] } })
  t.equal(harmless.statusCode, 200)
})

test('paths that nothing answers, and hostile ids, are refused in our own shape', async t => {
  const app = await appFor(t)
  const cases: [path: string, status: number, code: string][] = [
    ['/nowhere?secret=1', 404, 'not_found'],
    ['/v1/models/%00', 400, 'invalid_request'],
    ['/v1/models/%', 400, 'invalid_request'],
    ['/v1/models/..%2f..%2fetc%2fpasswd', 404, 'model_not_found'],
    [`/v1/models/${'x'.repeat(10_000)}`, 414, 'uri_too_long'],
    [`/admin/models/${'x'.repeat(10_000)}/load`, 414, 'uri_too_long'],
    ['/admin/models/a%00b/load', 400, 'invalid_request']
  ]
  for (const [path, status, code] of cases) {
    const reply = await app.inject({ method: path.startsWith('/admin') ? 'POST' : 'GET', url: path })
    t.strictSame([reply.statusCode, reply.json().error.code], [status, code], path.slice(0, 50))
    t.ok(reply.headers['x-request-id'])
    t.notMatch(reply.body, /secret/)
  }
  t.equal((await app.inject({ method: 'DELETE', url })).statusCode, 404)
})

test('a failure that was not meant for callers is shown as internal_error', async t => {
  const app = await appFor(t, { scripted: new Scripted({ failAt: 0, failure: new Error('secret path') }) })
  const reply = await app.inject({ method: 'POST', url, payload: hello })
  t.equal(reply.statusCode, 500)
  t.equal(reply.json().error.code, 'internal_error')
  t.notMatch(reply.body, /secret/)
})
