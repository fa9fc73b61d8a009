import { chatBody } from '../support/server.ts'
import { post } from '../support/wire.ts'

/** The default --body-limit, --max-messages and context. */
export const [bodyLimit, maxMessages, context] = [4 * 1024 * 1024, 4096, 4096]

/** What a case is answered with; a param left out may be anything. */
export type Expected = readonly [status: number, code?: string, param?: string | null]

export const user = { role: 'user', content: 'Hi.' }
export const hi = (over: object = {}): object => chatBody('Hi.', { max_tokens: 2, ...over })
/** A body with one more field, spelled as JSON has no word for it. */
export const spelled = (field: string, json: string): string => `${JSON.stringify(hi()).slice(0, -1)},"${field}":${json}}`

export const deep = '['.repeat(100_000) + ']'.repeat(100_000)
export const megabytes = 'x'.repeat(3_000_000)

/** Bodies of a chat, and what each is answered with. */
export const bodies: Record<string, readonly [body: object | string, expected: Expected]> = {
  'a cut body': ['{"messages":[{"role":"user","content":"Hi', [400, 'invalid_json', null]],
  'no JSON': ['messages=Hi', [400, 'invalid_json', null]],
  'a trailing comma': ['{"messages":[],}', [400, 'invalid_json', null]],
  'something behind the end': [`${JSON.stringify(hi())}{}`, [400, 'invalid_json', null]],
  'a control character in a text': ['{"messages":[{"role":"user","content":"\0"}]}', [400, 'invalid_json', null]],
  'no body': ['', [400, 'invalid_request', null]],
  'a list': ['[]', [400, 'invalid_request', null]],
  null: ['null', [400, 'invalid_request', null]],
  'messages that are a text': [{ messages: 'Hi.' }, [400, 'invalid_request', 'messages']],
  'messages that are null': [{ messages: null }, [400, 'invalid_request', 'messages']],
  'a message that is a list': [{ messages: [[]] }, [400, 'invalid_request', 'messages[0]']],
  'a role nobody has': [{ messages: [user, { ...user, role: megabytes }] }, [400, 'invalid_request', 'messages[1].role']],
  'content that is a number': [{ messages: [{ ...user, content: 7 }] }, [400, 'invalid_request', 'messages[0].content']],
  'a part of megabytes of type': [{ messages: [{ ...user, content: [{ type: megabytes, text: 'Hi.' }] }] }, [400, 'unsupported_value', 'messages[0].content[0].type']],
  'a number as text': [hi({ max_tokens: '2' }), [400, 'invalid_request', 'max_tokens']],
  'half a token': [hi({ max_tokens: 1.5 }), [400, 'invalid_request', 'max_tokens']],
  'stream as text': [hi({ stream: 'true' }), [400, 'invalid_request', 'stream']],
  'a model that is a number': [hi({ model: 7 }), [400, 'invalid_request', 'model']],
  'an unknown model': [hi({ model: 'gpt-9' }), [404, 'model_not_found', 'model']],
  'a path as model': [hi({ model: '../../../etc/passwd' }), [404, 'model_not_found', 'model']],
  'a zero byte in the model': [hi({ model: 'smollm2-135m\0' }), [404, 'model_not_found', 'model']],
  'a model of the prototype': [hi({ model: '__proto__' }), [404, 'model_not_found', 'model']],
  'a model of megabytes': [hi({ model: megabytes }), [400, 'invalid_request', 'model']],
  'a bias for a key of megabytes': [hi({ logit_bias: { [megabytes]: 1 } }), [400, 'invalid_request', `logit_bias.${'x'.repeat(64)}`]],
  'an option of ours of megabytes': [hi({ engraft: { [megabytes]: 1 } }), [400, 'unsupported_field', `engraft.${'x'.repeat(64)}`]],
  'an unknown field of megabytes': [hi({ [megabytes]: 1 }), [200]],
  NaN: [spelled('temperature', 'NaN'), [400, 'invalid_json', null]],
  '-Infinity': [spelled('temperature', '-Infinity'), [400, 'invalid_json', null]],
  'a hexadecimal number': [spelled('seed', '0x10'), [400, 'invalid_json', null]],
  'an infinite temperature': [spelled('temperature', '1e999'), [400, 'invalid_request', 'temperature']],
  'an infinite bias': [spelled('logit_bias', '{"1":-1e999}'), [400, 'invalid_request', 'logit_bias[1]']],
  'infinitely many tokens': [spelled('max_tokens', '1e999'), [400, 'invalid_request', 'max_tokens']],
  'a seed beyond all integers': [spelled('seed', '1e308'), [400, 'invalid_request', 'seed']],
  'top_k beyond 32 bits': [hi({ top_k: 2 ** 32 }), [400, 'invalid_request', 'top_k']],
  'more tokens than atoms, and an end at once': [spelled('logit_bias', '{"2":100},"max_tokens":1e308'), [200]],
  'biases for tokens that no model has': [hi({ logit_bias: { 999999999: 100, 49152: 100, 49153: -100 } }), [200]],
  'a __proto__ key': ['{"__proto__":{"stream":true},"messages":[{"role":"user","content":"Hi."}]}', [400, 'invalid_json', null]],
  'a __proto__ key within, in escapes': ['{"messages":[{"role":"user","content":"Hi.","\\u005f_pr\\u006fto__" : {}}]}', [400, 'invalid_json', null]],
  'a key of the constructor': [spelled('constructor', '{"prototype":{"stream":true}}'), [200]],
  'brackets 100,000 deep': [deep, [400, 'invalid_request', null]],
  'brackets 100,000 deep that never close': ['['.repeat(100_000), [400, 'invalid_json', null]],
  'objects 100,000 deep': ['{"messages":'.repeat(100_000) + '1' + '}'.repeat(100_000), [400, 'invalid_request', 'messages']],
  'a deep message': [`{"messages":[${deep}]}`, [400, 'invalid_request', 'messages[0]']],
  'a deep unknown field': [spelled('wobble', deep), [200]],
  'a deep tool choice': [spelled('tool_choice', deep), [400, 'invalid_request', 'tool_choice']],
  'deep modalities': [spelled('modalities', deep), [400, 'unsupported_value', 'modalities']],
  'a deep response format': [spelled('response_format', `{"type":${deep}}`), [400, 'invalid_request', 'response_format.type']],
  'deep options of ours': [spelled('engraft', deep), [400, 'invalid_request', 'engraft']],
  '10,000 messages': [{ messages: Array(10_000).fill(user) }, [400, 'too_many_messages', 'messages']],
  'as many messages as are taken, more than fit': [{ messages: Array(maxMessages).fill(user) }, [400, 'context_length_exceeded', 'messages']],
  'megabytes of words': [chatBody('Hello there. '.repeat(300_000)), [400, 'context_length_exceeded', 'messages']],
  'megabytes of one letter': [chatBody(megabytes), [400, 'context_length_exceeded', 'messages']],
  'megabytes of spaces': [chatBody(' '.repeat(4_000_000)), [400, 'context_length_exceeded', 'messages']],
  'megabytes of emoji': [chatBody('👍'.repeat(900_000)), [400, 'context_length_exceeded', 'messages']],
  'lone surrogates': [chatBody('\ud800 Hi \udfff\udc00', { max_tokens: 2, stop: ['\ud800'] }), [200]],
  'half a character for a user': [hi({ user: '\udc00' }), [400, 'invalid_request', 'user']],
  'the marks that a prompt is made with': [chatBody('\u2003\u{F0E0C}0\u{F0E0D}\u2003\u{F0E0C}7\u{F0E0D}', { max_tokens: 2 }), [200]],
  'a body just over the limit': [JSON.stringify(hi()).padEnd(bodyLimit + 1), [413, 'payload_too_large', null]],
  'a body of the limit': [JSON.stringify(hi()).padEnd(bodyLimit), [200]],
  'a body of 50 MB': [' '.repeat(50_000_000), [413, 'payload_too_large', null]]
}

const long = 'x'.repeat(10_000)
/** Request lines. */
export const paths: Record<string, Expected> = {
  'GET /v1/models/..%2f..%2fetc%2fpasswd': [404, 'model_not_found', 'model'],
  'GET /v1/models/../../etc/passwd': [404, 'model_not_found', 'model'],
  'GET /v1/models/__proto__': [404, 'model_not_found', 'model'],
  'GET /v1/models/%00': [400, 'invalid_request'],
  'GET /v1/models/smollm2-135m%00': [400, 'invalid_request'],
  'GET /v1/models/%': [400, 'invalid_request', null],
  'GET /v1/models/%c0%ae%c0%ae%2f': [400, 'invalid_request', null],
  [`GET /v1/models/${long}`]: [414, 'uri_too_long', null],
  'POST /admin/models/..%2f..%2fetc%2fpasswd/load': [404, 'model_not_found', 'name'],
  'POST /admin/models/%00/unload': [400, 'invalid_request', 'name'],
  [`POST /admin/models/${long}/load`]: [414, 'uri_too_long', null],
  'GET /docs/..%2f..%2f..%2f..%2fetc%2fpasswd': [404, 'not_found', null],
  'GET /docs/static/..%2f..%2f..%2f..%2f..%2fpackage.json': [404, 'not_found', null],
  [`GET /${long}`]: [404, 'not_found', null]
}

const inner = 'GET /v1/models HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'
/** A request with these framing headers, whose body ends early for those who believe one of them, with another request behind. */
const framed = (...headers: string[]): string => `POST /tokenize HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n${headers.join('\r\n')}\r\n\r\n0\r\n\r\n${inner}`
/** The bytes, and the statuses of all replies until the connection is closed. */
export const raw: Record<string, readonly [bytes: string, statuses: readonly number[], code: string]> = {
  'a content-length beside chunks': [framed('content-length: 5', 'transfer-encoding: chunked'), [400], 'invalid_request'],
  'chunks beside a content-length': [framed('transfer-encoding: chunked', 'content-length: 50'), [400], 'invalid_request'],
  'two content-lengths': [framed('content-length: 5', 'content-length: 50'), [400], 'invalid_request'],
  'chunks by another name': [framed('transfer-encoding: xchunked'), [400], 'invalid_request'],
  'chunks that are not the last coding': [framed('transfer-encoding: chunked, identity'), [400], 'invalid_request'],
  'a space before the colon': [framed('content-length : 5'), [400], 'invalid_request'],
  'a signed content-length': [framed('content-length: +5'), [400], 'invalid_request'],
  'a negative content-length': [framed('content-length: -5'), [400], 'invalid_request'],
  'a content-length beyond 64 bits': [framed('content-length: 99999999999999999999'), [400], 'invalid_request'],
  'a chunk beyond 64 bits': [framed('transfer-encoding: chunked').replace('\r\n\r\n0\r\n', '\r\n\r\nfffffffffffffffff\r\n'), [400], 'invalid_request'],
  'a content-length that is too small': [post(hi(), { 'content-length': '10' }), [400], 'invalid_request'],
  'a content-length that is too large': [post(hi(), { 'content-length': '5000' }), [408], 'request_timeout'],
  'a content-length of 5 GB': [post(hi(), { 'content-length': '5000000000' }), [413], 'payload_too_large'],
  'a request that stops in its headers': ['POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\n', [408], 'request_timeout'],
  '20 kB of header': [`GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nbig: ${'x'.repeat(20_000)}`, [431], 'headers_too_large'],
  'no HTTP': ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', [400], 'invalid_request']
}
