import { chatBody } from '../support/server.ts'
import { deep, type Expected, hi, spelled } from './bad-requests.ts'

const levels = 20_000
const schemaOf = (schema: unknown, over: object = {}): object => hi({ response_format: { type: 'json_schema', json_schema: { name: 's', schema, ...over } } })
/** JSON text of a schema with others in it, all the way down: it is too deep to be made as a value. */
const nested = (open: string, close: string, inner: string): string => `{"type":"json_schema","json_schema":{"name":"s","schema":${open.repeat(levels)}${inner}${close.repeat(levels)}}}`
const tool = (name: string, parameters: unknown = { type: 'object' }): object => ({ type: 'function', function: { name, parameters } })
const history = (given: string, over: object = {}): object => hi({ messages: [{ role: 'user', content: 'Hi.' }, { role: 'assistant', content: null, tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: given }, ...over }] }, { role: 'tool', tool_call_id: 'a', content: 'x' }] })
const schemaAt = 'response_format.json_schema.schema'
const parametersAt = 'tools[0].function.parameters'

/** Chats that ask for shapes nobody can keep to, or for too much, and what each is answered with. */
export const chats: Record<string, readonly [body: object | string, expected: Expected]> = {
  'a schema that nothing fits': [schemaOf({ type: 'object', properties: { a: { enum: [] } }, required: ['a'], additionalProperties: false }), [400, 'invalid_schema', schemaAt]],
  'bounds that cross': [schemaOf({ type: 'array', items: { type: 'integer', minimum: 5, maximum: 4 }, minItems: 1 }), [400, 'invalid_schema', schemaAt]],
  'a schema that needs itself': [schemaOf({ $defs: { a: { type: 'object', properties: { a: { $ref: '#/$defs/a' } }, required: ['a'], additionalProperties: false } }, $ref: '#/$defs/a' }), [400, 'invalid_schema', schemaAt]],
  'a reference to itself': [schemaOf({ $ref: '#' }), [400, 'invalid_schema', schemaAt]],
  'a reference to nothing': [schemaOf({ $ref: '#/$defs/a' }), [400, 'invalid_schema', schemaAt]],
  'a reference to another server': [schemaOf({ $ref: 'https://example.org/a.json' }), [400, 'unsupported_schema', schemaAt]],
  'a keyword that cannot be kept': [schemaOf({ type: 'object', if: { required: ['a'] } }), [400, 'unsupported_schema', schemaAt]],
  'schemas in schemas': [spelled('response_format', nested('{"items":', '}', '{}')), [400, 'unsupported_schema', schemaAt]],
  'choices in choices': [spelled('response_format', nested('{"anyOf":[', ']}', '{}')), [400, 'unsupported_schema', schemaAt]],
  'lists as a schema': [spelled('response_format', `{"type":"json_schema","json_schema":{"name":"s","schema":${deep}}}`), [400, 'invalid_request', schemaAt]],
  'a pattern of brackets': [schemaOf({ type: 'string', pattern: `^${'('.repeat(levels)}a${')'.repeat(levels)}$` }), [400, 'unsupported_schema', schemaAt]],
  'a pattern of repeats': [schemaOf({ type: 'string', pattern: '^((((a{1,1000}){1,1000}){1,1000}){1,1000})$' }), [400, 'unsupported_schema', schemaAt]],
  'a pattern that never ends': [schemaOf({ type: 'string', pattern: '^(a' }), [400, 'invalid_schema', schemaAt]],
  'a list of a billion': [schemaOf({ type: 'array', items: { type: 'integer' }, minItems: 1e9 }), [400, 'unsupported_schema', schemaAt]],
  'a hundred thousand values': [schemaOf({ enum: Array.from({ length: 100_000 }, (_, i) => i) }), [400, 'unsupported_schema', schemaAt]],
  'a hundred thousand properties': [schemaOf({ type: 'object', properties: Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`p${i}`, {}])) }), [400, 'unsupported_schema', schemaAt]],
  'bounds beyond all numbers': [spelled('response_format', '{"type":"json_schema","json_schema":{"name":"s","schema":{"type":"integer","minimum":1e400}}}'), [400, 'invalid_schema', schemaAt]],
  'no schema': [schemaOf(undefined), [400, 'invalid_request', schemaAt]],
  '10,000 tools': [hi({ tools: Array.from({ length: 10_000 }, (_, i) => tool(`f${i}`)), tool_choice: 'required' }), [400, 'invalid_request', 'tools']],
  'a tool named twice': [hi({ tools: [tool('f'), tool('f')], tool_choice: 'required' }), [400, 'invalid_request', 'tools[1].function.name']],
  'a tool with a deep schema': [spelled('tools', `[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":${'{"items":'.repeat(levels)}{}${'}'.repeat(levels)}}}}}]`), [400, 'unsupported_schema', parametersAt]],
  'a tool whose arguments nothing fits': [hi({ tools: [tool('f', { type: 'object', properties: { a: { enum: [] } }, required: ['a'] })] }), [400, 'invalid_schema', parametersAt]],
  'a tool that nobody has': [hi({ tools: [tool('f')], tool_choice: { type: 'function', function: { name: 'g' } } }), [400, 'invalid_request', 'tool_choice.function.name']],
  'arguments that break off': [history('{"a": "b'), [400, 'invalid_request', 'messages[1].tool_calls[0].function.arguments']],
  'arguments that are a list': [history('[1]'), [400, 'invalid_request', 'messages[1].tool_calls[0].function.arguments']],
  'arguments that are deep': [history(deep), [400, 'invalid_request', 'messages[1].tool_calls[0].function.arguments']],
  'a call that is no function': [history('{}', { type: 'browser' }), [400, 'invalid_request', 'messages[1].tool_calls[0].type']],
  '1,000 answers': [hi({ n: 1000 }), [400, 'too_many_choices', 'n']],
  'more answers than numbers': [spelled('n', '1e400'), [400, 'invalid_request', 'n']],
  'more probabilities than there are': [hi({ logprobs: true, top_logprobs: 1000 }), [400, 'invalid_request', 'top_logprobs']],
  'probabilities that are NaN': [spelled('top_logprobs', 'NaN'), [400, 'invalid_json', null]],
  'an effort nobody knows': [hi({ reasoning_effort: 'x'.repeat(1_000_000) }), [400, 'invalid_request', 'reasoning_effort']]
}

const text = (over: object = {}): object => ({ prompt: 'Hi.', max_tokens: 2, ...over })
export const completions: typeof chats = {
  'no prompt': [{}, [400, 'invalid_request', 'prompt']],
  'an empty prompt': [text({ prompt: '' }), [400, 'invalid_request', 'prompt']],
  'tokens that no model has': [text({ prompt: [0x7fffffff] }), [400, 'invalid_request', 'prompt']],
  'tokens below zero': [text({ prompt: [-1] }), [400, 'invalid_request', 'prompt[0]']],
  '10,000 prompts': [text({ prompt: Array(10_000).fill('Hi.') }), [400, 'invalid_request', 'prompt']],
  'more tokens than fit': [text({ prompt: Array(10_000).fill(5) }), [400, 'context_length_exceeded', 'prompt']],
  'deep prompts': [`{"prompt":${deep}}`, [400, 'invalid_request', 'prompt[0][0]']],
  'probabilities over the limit': [text({ logprobs: 21 }), [400, 'invalid_request', 'logprobs']],
  '1,000 answers': [text({ n: 1000 }), [400, 'too_many_choices', 'n']],
  'a suffix': [text({ suffix: 'x' }), [400, 'unsupported_field', 'suffix']],
  'the best of several': [text({ best_of: 3 }), [400, 'unsupported_value', 'best_of']]
}

export const embeddings: typeof chats = {
  'nothing to embed': [{}, [400, 'invalid_request', 'input']],
  'an empty text': [{ input: ['Hi.', ''] }, [400, 'invalid_request', 'input[1]']],
  'tokens that no model has': [{ input: [[1], [0x7fffffff]] }, [400, 'invalid_request']],
  '10,000 texts': [{ input: Array(10_000).fill('Hi.') }, [400, 'invalid_request', 'input']],
  'a text that does not fit': [{ input: ['Hi.', 'word '.repeat(10_000)] }, [400, 'context_length_exceeded', 'input[1]']],
  'fewer dimensions': [{ input: 'Hi.', dimensions: 8 }, [400, 'unsupported_value', 'dimensions']],
  'deep texts': [`{"input":${deep}}`, [400, 'invalid_request', 'input[0][0]']],
  'a form of vectors that nobody knows': [{ input: 'Hi.', encoding_format: 'hex' }, [400, 'invalid_request', 'encoding_format']]
}

/** A body whose text is no UTF-8: a byte that begins nothing, an overlong slash, half a surrogate, a cut end. */
export const broken = ['ff', 'c0af', 'eda080', 'e282'].map(hex => {
  const [head = '', tail = ''] = JSON.stringify(chatBody('HERE')).split('HERE')
  return Buffer.concat([Buffer.from(head), Buffer.from(hex, 'hex'), Buffer.from(tail)])
})
