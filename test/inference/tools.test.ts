import { test } from 'tap'
import type { Tools } from '../../src/inference/engine.ts'
import { familyOf, generic } from '../../src/inference/llama/tools/families.ts'
import type { Family, ParsedPiece } from '../../src/inference/llama/tools/family.ts'
import { acceptor, dispose } from '../grammar/native.ts'
import { randomFrom, Sampler } from '../grammar/sampler.ts'
import { validator } from '../grammar/validator.ts'

const tools: Tools = {
  choice: 'auto',
  parallel: true,
  list: [
    { name: 'get_weather', description: 'The weather of a city', parameters: { type: 'object', properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 1, maximum: 14 } }, required: ['city'] } },
    { name: 'now', description: null, parameters: { type: 'object', properties: {} } }
  ]
}

/** The lines of real templates that tell the families apart. */
const templates = {
  qwen: "{%- if tools %}{{- '<|im_start|>system\\n' }}{%- for tool in tools %}{{- tool | tojson }}{%- endfor %}{{- \"<tool_call>\\n{\\\"name\\\": <function-name>, \\\"arguments\\\": <args-json-object>}\\n</tool_call>\" }}{%- endif %}",
  qwenCoder: '{%- if tools %}<tool_call>\n<function=example_function_name>\n<parameter=example_parameter_1>{%- endif %}',
  glm: '{%- if tools -%}<tool_call>{function-name}\n<arg_key>{arg-key-1}</arg_key>{%- endif -%}',
  llama: "{%- if not tools is defined %}{%- set tools = none %}{%- endif %}{{- \"<|start_header_id|>system<|end_header_id|>\\n\\n\" }}{{- '{\"name\": \"' + tool_call.name + '\", ' }}{{- '\"parameters\": ' }}",
  mistral: "{%- if not tools is defined %}{%- set tools = none %}{%- endif %}{{- '[TOOL_CALLS] [' }}",
  mistralNamed: "{%- if tools %}{{- '[TOOL_CALLS]' + name + '[ARGS]' + arguments }}{%- endif %}",
  granite: "{%- if tools %}{{- '<|start_of_role|>available_tools<|end_of_role|>' }}{{ '<|tool_call|>' }}{%- endif %}",
  phi: "{%- if tools is defined -%}{{- '<|tool_call|>' + (tool_call['function'] | tojson) + '<|/tool_call|>' -}}{%- endif -%}",
  smollm2: "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' }}{% endfor %}",
  smollm3: '{%- if xml_tools or python_tools -%}<tool_call>{%- endif -%}'
}

const family = (template: keyof typeof templates): Family => {
  const found = familyOf(templates[template])
  if (found === null) throw new Error(`${template} has no family`)
  return found
}

test('a template tells its family, and one that takes no tools has none', t => {
  const names = Object.fromEntries(Object.entries(templates).map(([name, template]) => [name, familyOf(template)?.name ?? null]))
  t.strictSame(names, { qwen: 'hermes', qwenCoder: null, glm: null, llama: 'llama3', mistral: 'mistral', mistralNamed: 'mistral-named', granite: 'granite', phi: 'phi', smollm2: null, smollm3: null })
  t.equal(familyOf(null), null)
  t.end()
})

/** An answer in the given cuts, its pieces of one text or call put together again. */
function read (of: Family, cuts: readonly string[], from: Tools = tools): (string | [name: string | undefined, args: string])[] {
  const parser = of.parser(from)
  const pieces: ParsedPiece[] = [...cuts.flatMap(cut => parser.push(cut)), ...parser.end()]
  const whole: (string | [string | undefined, string])[] = []
  let calls = 0
  for (const piece of pieces) {
    const last = whole.at(-1)
    if (piece.type === 'text') {
      if (typeof last === 'string') whole[whole.length - 1] = last + piece.text
      else whole.push(piece.text)
    } else if (piece.name !== undefined) {
      if (piece.index !== calls++) throw new Error('calls are numbered from 0')
      whole.push([piece.name, piece.arguments])
    } else {
      if (!Array.isArray(last) || piece.index !== calls - 1) throw new Error('more arguments without a call')
      last[1] += piece.arguments
    }
  }
  return whole
}

const now: [string, string] = ['now', '{}']
const paris: [string, string] = ['get_weather', '{"city": "Paris", "days": 3}']

const answers: readonly [of: keyof typeof templates, answer: string, read: ReturnType<typeof read>][] = [
  ['qwen', '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris", "days": 3}}\n</tool_call>', [paris]],
  ['qwen', 'I will look.\n\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris", "days": 3}}\n</tool_call>\n<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>', ['I will look.', paris, now]],
  ['qwen', '<tool_call>{"arguments":{"city":"a}\\"{</tool_call>"},"name":"get_weather"}</tool_call>', [['get_weather', '{"city":"a}\\"{</tool_call>"}']]],
  ['qwen', '<tool_call>{"name": "get_weather", "arguments": "{\\"city\\": \\"x\\"}"}</tool_call>', [['get_weather', '{"city": "x"}']]],
  ['qwen', '<tool_call>{"name": "now"}</tool_call> Done.', [now, ' Done.']],
  ['qwen', '<tool_call>{"name": "now"}</tool_call>\n', [now]],
  ['qwen', '<tool_call>{"name": "now", "id": 3, "arguments": {}}', [now]],
  ['qwen', '<tool_call>{"name": "get_weather", "arguments": {"city": "Pa', [['get_weather', '{"city": "Pa']]],
  ['qwen', 'a <tool_call>{"name": "rm", "arguments": {}}</tool_call>', ['a <tool_call>{"name": "rm", "arguments": {}}</tool_call>']],
  ['qwen', 'a <tool_call>\nget_weather(Paris)', ['a <tool_call>\nget_weather(Paris)']],
  ['qwen', '<tool_call>{"name": "now", "argu', ['<tool_call>{"name": "now", "argu']],
  ['qwen', 'a < b, <tool> and <tool_ca', ['a < b, <tool> and <tool_ca']],
  ['qwen', '  {"name": "now", "arguments": {}}\n', ['  {"name": "now", "arguments": {}}\n']],
  ['llama', '{"name": "get_weather", "parameters": {"city": "Paris", "days": 3}}', [paris]],
  ['llama', '<|python_tag|>{"type": "function", "name": "now", "parameters": {}}', [now]],
  ['llama', '{"answer": {"name": "now"}}', ['{"answer": {"name": "now"}}']],
  ['llama', 'It is {"name": "now", "parameters": {}}', ['It is {"name": "now", "parameters": {}}']],
  ['llama', '<|python_tag|>print("x")', ['<|python_tag|>print("x")']],
  ['mistral', '[TOOL_CALLS] [{"name": "get_weather", "arguments": {"city": "Paris", "days": 3}}, {"name": "now", "arguments": {}, "id": "a1B2c3D4e"}]', [paris, now]],
  ['mistral', '[TOOL_CALLS][{"name": "now", "arguments": {}}', [now]],
  ['mistral', '[TOOL_CALLS] none', ['[TOOL_CALLS] none']],
  ['mistralNamed', '[TOOL_CALLS]get_weather[ARGS]{"city": "Paris", "days": 3}[TOOL_CALLS]now[CALL_ID]a1B2c3D4e[ARGS]{}', [paris, now]],
  ['mistralNamed', '[TOOL_CALLS]rm[ARGS]{}', ['[TOOL_CALLS]rm[ARGS]{}']],
  ['granite', '<|tool_call|>[{"arguments": {"city": "Paris", "days": 3}, "name": "get_weather"}, {"name": "now", "arguments": {}}]', [paris, now]],
  ['phi', '<|tool_call|>{"name": "now", "arguments": {}}<|/tool_call|><|tool_call|>{"name": "now", "arguments": {}}<|/tool_call|>', [now, now]],
  ['phi', '<|tool_call|>[{"name": "now", "arguments": {}}]<|/tool_call|>', [now]]
]

for (const [of, answer, expected] of answers) {
  test(`it is read the same in any cut (${of}): ${JSON.stringify(answer)}`, t => {
    t.strictSame(read(family(of), [answer]), expected)
    t.strictSame(read(family(of), [...answer]), expected)
    for (let at = 1; at < answer.length; at++) t.strictSame(read(family(of), [answer.slice(0, at), answer.slice(at)]), expected)
    t.end()
  })
}

test('arguments are told as they grow', t => {
  const parser = family('qwen').parser(tools)
  t.strictSame(parser.push('<tool_call>\n{"name": "get_weather", "argum'), [])
  t.equal(parser.opened, '\n{"name": "get_weather", "argum', 'what the grammar has to follow')
  t.strictSame(parser.push('ents": {"city'), [{ type: 'call', index: 0, name: 'get_weather', arguments: '{"city' }])
  t.strictSame(parser.push('": "x"}}\n</tool'), [{ type: 'call', index: 0, arguments: '": "x"}' }])
  t.strictSame(parser.end(), [])
  t.end()
})

for (const [name, of] of [...Object.keys(templates).flatMap(name => familyOf(templates[name as keyof typeof templates]) === null ? [] : [[name, family(name as keyof typeof templates)] as const]), ['generic', generic] as const]) {
  test(`every answer under the grammars of ${name} is calls whose arguments fit, and llama.cpp reads them`, async t => {
    const random = randomFrom(11)
    const validators = new Map(tools.list.map(({ name, parameters }) => [name, validator(parameters)]))
    for (const asked of [tools, { ...tools, parallel: false }, { ...tools, list: [tools.list[0]] } as const]) {
      const [whole, rest] = [of.grammar(asked), of.rest(asked)]
      const [sampler, restSampler, accepts, acceptsRest] = [new Sampler(whole), new Sampler(rest), await acceptor(whole), await acceptor(rest)]
      for (let time = 0; time < 40; time++) {
        const answer = sampler.text(random)
        const calls = read(of, [answer], asked)
        t.ok(calls.length >= 1 && (asked.parallel || calls.length === 1), answer)
        for (const call of calls) {
          if (typeof call === 'string') throw new Error(`text in ${answer}`)
          t.equal(validators.get(call[0] ?? '')?.(JSON.parse(call[1])), true, answer)
        }
        t.ok(accepts(answer), answer)
        // What follows an opener, by the parser's own account of where that is.
        const parser = of.parser(asked)
        parser.push(answer)
        t.ok(acceptsRest(parser.opened ?? ''), `the rest of ${answer}`)
        const opener = answer.slice(0, answer.length - (parser.opened ?? '').length)
        t.notOk(read(of, [opener, restSampler.text(random)], asked).some(piece => typeof piece === 'string'), 'an answer whose rest is free')
      }
    }
  })
}

test('a model that knows no tools is told of them, and shown calls as it should write them', t => {
  const text = generic.describe(tools)
  for (const { name, parameters } of tools.list) t.match(text, JSON.stringify(parameters), name)
  t.strictSame(read(generic, [generic.written([{ id: 'x', name: 'now', arguments: '{}' }, { id: 'y', name: 'get_weather', arguments: '{"city":"x"}' }])]), [now, ['get_weather', '{"city":"x"}']])
  t.end()
})

test('many tools, and names that a grammar must escape, make a grammar', async t => {
  t.teardown(dispose)
  const [first] = tools.list
  const many: Tools = { ...tools, list: [first, ...Array.from({ length: 127 }, (_, index) => ({ ...first, name: `tool-${index}_"\\` }))] }
  for (const each of [generic, family('llama'), family('mistral'), family('mistralNamed')]) for (const grammar of [each.grammar(many), each.rest(many)]) await acceptor(grammar)
})
