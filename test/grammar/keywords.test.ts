import { test } from 'tap'
import { PublicError } from '../../src/errors.ts'
import { objectGrammar, schemaGrammar, type Options } from '../../src/grammar/grammar.ts'
import { acceptor, dispose } from './native.ts'
import { randomFrom, Sampler } from './sampler.ts'
import { validator } from './validator.ts'

const person = { type: 'object', properties: { name: { type: 'string' }, age: { type: 'integer' }, note: { type: ['string', 'null'] } }, required: ['age'] }
const list = { $defs: { node: { type: 'object', properties: { value: { type: 'number' }, next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] } }, additionalProperties: false, required: ['next', 'value'] } }, type: 'object', properties: { linked_list: { $ref: '#/$defs/node' } }, additionalProperties: false, required: ['linked_list'] }
const ui = { type: 'object', properties: { type: { type: 'string', enum: ['div', 'button'] }, label: { type: 'string' }, children: { type: 'array', items: { $ref: '#' } }, attributes: { type: 'array', items: { type: 'object', properties: { name: { type: 'string' }, value: { type: 'string' } }, additionalProperties: false, required: ['name', 'value'] } } }, required: ['type', 'label', 'children', 'attributes'], additionalProperties: false }
const tutor = { type: 'object', properties: { steps: { type: 'array', items: { type: 'object', properties: { explanation: { type: 'string' }, output: { type: 'string' } }, required: ['explanation', 'output'], additionalProperties: false } }, final_answer: { type: 'string' } }, required: ['steps', 'final_answer'], additionalProperties: false }
const kinds = { oneOf: [{ type: 'object', properties: { kind: { const: 'a' }, x: { type: 'string' } }, required: ['kind', 'x'] }, { type: 'object', properties: { kind: { const: 'b' } }, required: ['kind'] }, { type: 'null' }] }

/** Schemas, texts that llama.cpp takes under their grammars, and texts that it does not take. */
const cases: readonly [name: string, schema: unknown, taken: readonly string[], not: readonly string[], options?: Options][] = [
  ['objects: declared order, optional keys', person, ['{"age":1}', '{"name": "a", "age": 2, "note": null}', '{\n  "age": 3,\n  "note": "x"\n}', '{"age":1,"note":""}'], ['{}', '{"name":"a"}', '{"age":1,"name":"a"}', '{"age":1.5}', '{"age":01}', '{"age":1,}', '{"age":1,"more":2}', '{"age":1} ']],
  ['white space is bounded', person, ['{ "age": 1 }'], ['{  "age":1}', '{\n\n"age":1}', '{"age" :1}']],
  ['any object', { type: 'object' }, ['{}', '{"a":[1,{"b":null}],"c":"\\ud83d\\ude00\\n"}'], ['[]', '{"a":"\\ud83d"}', '{"a":"\n"}', '"x"']],
  ['additionalProperties as a schema never take a declared key', { properties: { ab: { type: 'string' } }, additionalProperties: { type: 'integer' } }, ['{"ab":"x","a":1,"abc":2}', '{"":0}', '{"ac":0}'], ['{"ab":1}', '{"a":1,"ab":1}', '{"\\u0061b":1}', '{"a":"x"}']],
  ['propertyNames', { type: 'object', propertyNames: { enum: ['a', 'b'] }, additionalProperties: { type: 'integer' }, required: ['a'] }, ['{"a":1}', '{"a":1,"b":2}'], ['{"b":2}', '{"a":1,"c":3}']],
  ['a key that is required but not declared', { type: 'object', properties: { a: { type: 'null' } }, required: ['b'], additionalProperties: { type: 'integer' } }, ['{"a":null,"b":1}', '{"b":1}'], ['{"a":null}']],
  ['minProperties and maxProperties', { type: 'object', additionalProperties: { type: 'null' }, minProperties: 1, maxProperties: 2 }, ['{"a":null}', '{"a":null,"b":null}'], ['{}', '{"a":null,"b":null,"c":null}']],
  ['arrays', { type: 'array', items: { type: 'integer' }, minItems: 2, maxItems: 3 }, ['[1,2]', '[1, 2, 3]'], ['[]', '[1]', '[1,2,3,4]', '[1,"a"]']],
  ['tuples of 2020', { prefixItems: [{ type: 'string' }, { type: 'number' }], items: { type: 'null' }, maxItems: 3 }, ['["a",1]', '["a",1,null]'], ['["a"]', '["a",1,null,null]', '[1,"a"]']],
  ['tuples of draft 7', { type: 'array', items: [{ type: 'string' }], additionalItems: false }, ['["a"]'], ['[]', '["a",1]']],
  ['string lengths count characters, however they are written', { type: 'string', minLength: 2, maxLength: 3 }, ['"ab"', '"a\\n\\u00e9"', '"😀\\ud83d\\ude00"'], ['"a"', '"abcd"', '"😀"']],
  ['long strings', { type: 'string', minLength: 1500, maxLength: 5000 }, [1500, 1501, 2999, 3500, 5000].map(length => `"${'a'.repeat(length)}"`), [1499, 5001].map(length => `"${'a'.repeat(length)}"`)],
  ['a pattern with anchors', { pattern: '^[a-f]{2}(?:x|y\\d)$' }, ['"abx"', '"cdy7"'], ['"abz"', '"xabx"', '"abx "']],
  ['a pattern without anchors', { type: 'string', pattern: 'b+' }, ['"abc"', '"b"', '"\\nb"'], ['"ac"', '""']],
  ['a pattern of what JSON escapes', { type: 'string', pattern: '^["\\\\\\n]{3}$' }, ['"\\"\\\\\\n"'], ['"abc"', '"\\u0022\\\\\\n"']],
  ['a pattern and lengths', { type: 'string', pattern: '^[a-z]*$', minLength: 2, maxLength: 63 }, ['"ab"', `"${'z'.repeat(63)}"`], ['"a"', `"${'z'.repeat(64)}"`, '"a1"']],
  ['several patterns', { allOf: [{ type: 'string', pattern: '^ab' }, { pattern: 'c$' }, { pattern: 'd' }] }, ['"abdc"', '"abdxc"'], ['"abc"', '"dabc"', '"abd"']],
  ['a format and a pattern', { type: 'string', format: 'date', pattern: '^2024-' }, ['"2024-02-29"'], ['"2023-01-01"', '"2024-02-30"']],
  ['dates', { type: 'string', format: 'date' }, ['"2000-02-29"', '"2024-12-31"'], ['"1900-02-29"', '"2023-02-29"', '"2024-13-01"', '"2024-04-31"']],
  ['integers between bounds', { type: 'integer', minimum: -3, exclusiveMaximum: 120 }, ['-3', '0', '9', '119'], ['-4', '120', '-0', '007', '1.0']],
  ['numbers between bounds', { type: 'number', exclusiveMinimum: -1.5, maximum: 12.25 }, ['0', '-1', '-1.49', '12.25', '12.250', '12', '3.14159'], ['-1.5', '-1.50', '12.26', '12.2501', '13', '1e0']],
  ['tiny and huge bounds', { type: 'number', minimum: 1e-7, maximum: 1e21 }, ['0.0000001', '1', '999999999'], ['0', '0.00000001', '-1']],
  ['multipleOf', { type: 'integer', multipleOf: 25 }, ['0', '25', '-75', '1050'], ['10', '26', '-0']],
  ['multipleOf between bounds', { type: 'number', multipleOf: 7, minimum: 10, maximum: 30 }, ['14', '21', '28'], ['7', '15', '35']],
  ['int32', { type: 'integer', format: 'int32' }, ['2147483647', '-2147483648'], ['2147483648']],
  ['enum and const, of the right type only', { type: ['string', 'integer'], enum: ['a', 1, null, 1.5] }, ['"a"', '1'], ['null', '1.5', '"b"']],
  ['a const object', { const: { a: [1, 'x'] } }, ['{"a":[1,"x"]}'], ['{"a":[1]}']],
  ['anyOf beside other keywords', { type: 'object', properties: { a: { type: 'integer' }, b: { type: 'integer' } }, anyOf: [{ required: ['a'] }, { required: ['b'] }] }, ['{"a":1}', '{"b":1}', '{"a":1,"b":2}'], ['{}']],
  ['oneOf that a constant tells apart', kinds, ['{"kind":"a","x":"y"}', '{"kind":"b"}', 'null'], ['{"kind":"a"}', '{"kind":"b","x":"y"}']],
  ['allOf, with what one part says of the other\'s keys', { allOf: [{ properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: { maxLength: 1 } }, { type: 'object', properties: { b: { type: 'string' } }, required: ['b'] }] }, ['{"a":"xx","b":"y"}'], ['{"a":"xx","b":"yy"}', '{"a":"x"}']],
  ['$ref with a sentence beside it', { properties: { a: { $ref: '#/definitions/x~1y', description: 'an x' } }, required: ['a'], definitions: { 'x/y': { enum: [1] } } }, ['{"a":1}'], ['{"a":2}', '{}']],
  ['$ref with another keyword beside it', { $ref: '#/$defs/s', maxLength: 2, $defs: { s: { type: 'string', minLength: 1 } } }, ['"a"', '"ab"'], ['""', '"abc"']],
  ['booleans as schemas', { type: 'object', properties: { a: true, b: false, c: { not: {} } } }, ['{"a":[]}', '{}'], ['{"b":1}', '{"c":1}']],
  ['OpenAI\'s linked list', list, ['{"linked_list":{"value":1,"next":{"value":2.5,"next":null}}}'], ['{"linked_list":{"value":1}}'], { strict: true }],
  ['OpenAI\'s user interface', ui, ['{"type":"div","label":"","children":[{"type":"button","label":"x","children":[],"attributes":[{"name":"a","value":"b"}]}],"attributes":[]}'], ['{"type":"p","label":"","children":[],"attributes":[]}'], { strict: true }],
  ['OpenAI\'s math tutor', tutor, ['{"steps":[{"explanation":"e","output":"o"}],"final_answer":"x = 1"}'], ['{"steps":[]}'], { strict: true }]
]

for (const [name, schema, taken, not, options] of cases) {
  test(`llama.cpp takes what fits, and nothing else: ${name}`, async t => {
    const grammar = schemaGrammar(schema, options)
    const accepts = await acceptor(grammar)
    for (const text of taken) t.ok(accepts(text), `taken: ${text.slice(0, 100)}`)
    for (const text of not) t.notOk(accepts(text), `not taken: ${text.slice(0, 100)}`)
    const validate = validator(schema as object)
    const random = randomFrom(name.length)
    const sampler = new Sampler(grammar)
    for (let time = 0; time < 50; time++) {
      const text = sampler.text(random)
      t.equal(validate(JSON.parse(text)), true, text.slice(0, 200))
      if (time < 5) t.ok(accepts(text), `its own text: ${text.slice(0, 100)}`)
    }
  })
}

for (const format of ['date', 'time', 'date-time', 'duration', 'uuid', 'email', 'hostname', 'ipv4', 'ipv6', 'uri', 'url']) {
  test(`every text of the format ${format} is one to Ajv too`, t => {
    const schema = { type: 'string', format }
    const sampler = new Sampler(schemaGrammar(schema))
    const [validate, random] = [validator(schema), randomFrom(7)]
    for (let time = 0; time < 300; time++) {
      const text = sampler.text(random, time)
      const verdict = validate(JSON.parse(text))
      if (verdict !== true) t.fail(`${text}: ${verdict}`)
    }
    t.end()
  })
}

test('json_object takes any object and nothing else', async t => {
  const accepts = await acceptor(objectGrammar())
  t.ok(accepts('{"a": {"b": [1e5, -0.5, true, "é"]}}'))
  for (const text of ['[]', '1', '{"a":tru}', '{"a":1']) t.notOk(accepts(text))
})

/** A schema around itself so many times. */
function nested (times: number, around: (inner: unknown) => unknown): unknown {
  let schema: unknown = { type: 'string' }
  for (let time = 0; time < times; time++) schema = around(schema)
  return schema
}

const chain = (around: (ref: object) => object, length: number): object => ({
  $ref: '#/$defs/d0',
  $defs: Object.fromEntries([...Array.from({ length }, (_, index) => [`d${index}`, around({ $ref: `#/$defs/d${index + 1}` })]), [`d${length}`, { type: 'string' }]])
})

const refused: readonly [name: string, schema: unknown, code: string, message: RegExp, options?: Options][] = [
  ['an unknown keyword', { type: 'object', properties: { a: { type: 'array', contains: {} } } }, 'unsupported_schema', /#\/properties\/a\/contains.*'contains'/],
  ['uniqueItems', { type: 'array', uniqueItems: true }, 'unsupported_schema', /#\/uniqueItems/],
  ['not', { not: { type: 'string' } }, 'unsupported_schema', /#\/not/],
  ['oneOf with overlap', { oneOf: [{ type: 'integer' }, { type: 'number' }] }, 'unsupported_schema', /#\/oneOf.*alternatives 0 and 1/],
  ['an unknown format', { type: 'string', format: 'isbn' }, 'unsupported_schema', /#\/format.*'isbn'/],
  ['look-ahead', { pattern: '^(?=a)b' }, 'unsupported_schema', /#\/pattern.*look-around/],
  ['a back-reference', { pattern: '(a)\\1' }, 'unsupported_schema', /back-reference/],
  ['a word boundary', { pattern: '\\ba' }, 'unsupported_schema', /word boundary/],
  ['a pattern that is none', { pattern: '(a' }, 'invalid_schema', /not a regular expression/],
  ['a reference to elsewhere', { $ref: 'https://example.org/x.json' }, 'unsupported_schema', /#\/\$ref/],
  ['a reference to nothing', { $ref: '#/$defs/x' }, 'invalid_schema', /leads nowhere/],
  ['a reference to itself', { $ref: '#' }, 'invalid_schema', /no value can fit/],
  ['recursion with no way out', { type: 'object', properties: { a: { $ref: '#' } }, required: ['a'] }, 'invalid_schema', /no value can fit/],
  ['an alternative that is the whole', { anyOf: [{ $ref: '#' }, { type: 'null' }] }, 'invalid_schema', /nothing in between/],
  ['allOf in a circle', { allOf: [{ $ref: '#' }] }, 'unsupported_schema', /circle/],
  ['crossed bounds of items', { type: 'array', minItems: 3, maxItems: 2 }, 'invalid_schema', /#\/minItems/],
  ['crossed bounds of numbers', { type: 'number', exclusiveMinimum: 1, exclusiveMaximum: 1 }, 'invalid_schema', /no value/],
  ['an empty enum', { enum: [] }, 'invalid_schema', /#\/enum/],
  ['an enum of the wrong type', { type: 'string', enum: [1] }, 'invalid_schema', /no value/],
  ['allOf that contradicts itself', { allOf: [{ type: 'string' }, { type: 'integer' }] }, 'invalid_schema', /no value/],
  ['a required key that is not allowed', { type: 'object', properties: {}, required: ['a'], additionalProperties: false }, 'invalid_schema', /#\/required.*'a'/],
  ['a type that is none', { type: 'text' }, 'invalid_schema', /#\/type/],
  ['a bound that is no number', { type: 'number', minimum: Number.NaN }, 'invalid_schema', /#\/minimum/],
  ['a schema that is none', 'string', 'invalid_schema', /must be an object/],
  ['multiples of a fraction', { type: 'number', multipleOf: 0.1 }, 'unsupported_schema', /#\/multipleOf/],
  ['20,000 arrays in each other', nested(20_000, items => ({ type: 'array', items })), 'unsupported_schema', /deeper than 64/],
  ['20,000 objects in each other', nested(20_000, a => ({ type: 'object', properties: { a }, required: ['a'] })), 'unsupported_schema', /deeper than 64/],
  ['20,000 anyOf in each other', nested(20_000, one => ({ anyOf: [one, { type: 'null' }] })), 'unsupported_schema', /deeper than 64/],
  ['20,000 lists in each other in an enum', { enum: [nested(20_000, one => [one])] }, 'unsupported_schema', /deeper than 64/],
  ['a pattern of 20,000 groups', { pattern: '('.repeat(20_000) + ')'.repeat(20_000) }, 'unsupported_schema', /4000 characters/],
  ['a pattern of 1,000 groups', { pattern: '('.repeat(1000) + ')'.repeat(1000) }, 'unsupported_schema', /deeper than 50/],
  ['counts of counts', { pattern: '((a{100}){100}){100}' }, 'unsupported_schema', /too complex/],
  ['a pattern with a million states', { pattern: '(a|b)*a(a|b){20}' }, 'unsupported_schema', /too complex/],
  ['references that double at each step', chain(ref => ({ anyOf: [ref, { anyOf: [ref, { type: 'null' }] }] }), 60), 'unsupported_schema', /too many ways/],
  ['allOf that doubles at each step', chain(ref => ({ allOf: [ref, ref] }), 60), 'unsupported_schema', /deeper|multiply/],
  ['allOf that unfolds for ever', { $ref: '#/$defs/a', $defs: { a: { type: 'object', properties: { x: { allOf: [{ $ref: '#/$defs/a' }, { maxProperties: 9 }] } } } } }, 'unsupported_schema', /unfolds deeper/],
  ['5,000 references in a row', chain(ref => ref, 5000), 'unsupported_schema', /too many times/],
  ['10,000 properties', { type: 'object', properties: Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`p${index}`, {}])) }, 'unsupported_schema', /5000 properties/],
  ['2,000 optional properties', { type: 'object', properties: Object.fromEntries(Array.from({ length: 2000 }, (_, index) => [`p${index}`, {}])) }, 'unsupported_schema', /optional properties/],
  ['10,000 values', { enum: Array.from({ length: 10_000 }, (_, index) => index) }, 'unsupported_schema', /1000 values/],
  ['strict: a key that is not required', { type: 'object', properties: { a: {} }, additionalProperties: false }, 'invalid_schema', /Missing 'a'/, { strict: true }],
  ['strict: additionalProperties', { type: 'object', properties: { a: { type: 'object', properties: {} } }, required: ['a'], additionalProperties: false }, 'invalid_schema', /#\/properties\/a:.*'additionalProperties' is required/, { strict: true }],
  ['strict: a root that is no object', { type: 'array', items: {} }, 'invalid_schema', /got 'type: "array"'/, { strict: true }]
]

for (const [name, schema, code, message, options] of refused) {
  test(`it is a 400 that says why: ${name}`, t => {
    let thrown: unknown
    try {
      schemaGrammar(schema, { ...options, param: 'response_format' })
    } catch (error) {
      thrown = error
    }
    if (!(thrown instanceof PublicError)) throw thrown ?? new Error('not refused')
    t.match(thrown, { code, status: 400, param: 'response_format' })
    t.match(thrown.message, message)
    t.ok(thrown.message.length < 1000)
    t.end()
  })
}

test('the largest schemas that are taken are taken by llama.cpp too', async t => {
  t.teardown(dispose)
  const wide = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`p${index}`, { type: 'boolean' }]))
  const accepts = await acceptor(schemaGrammar({ type: 'object', properties: wide, required: Object.keys(wide) }))
  t.ok(accepts(JSON.stringify(Object.fromEntries(Object.keys(wide).map(name => [name, true])))))
  for (const schema of [
    { type: 'object', properties: Object.fromEntries(Object.entries(wide).slice(0, 300)) },
    { type: 'string', maxLength: 999_999 },
    { type: 'array', items: { type: 'integer' }, maxItems: 50_000 },
    nested(30, items => ({ type: 'array', items }))
  ]) await acceptor(schemaGrammar(schema))
})
