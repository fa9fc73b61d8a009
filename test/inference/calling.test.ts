import { test } from 'tap'
import { schemaGrammar } from '../../src/grammar/grammar.ts'
import type { Generation, Message, Part, Tools } from '../../src/inference/engine.ts'
import { generation, greedy, never, openEngine } from '../support/engine.ts'
import { toolModel } from '../support/tool-model.ts'

const weather = { name: 'get_weather', description: 'The weather of a city', parameters: { type: 'object', properties: { city: { type: 'string', maxLength: 30 }, unit: { enum: ['celsius', 'fahrenheit'] } }, required: ['city', 'unit'], additionalProperties: false } } as const
const time = { name: 'get_time', description: null, parameters: { type: 'object', properties: { zone: { type: 'string', maxLength: 20 } }, required: ['zone'], additionalProperties: false } } as const

interface Calls { text: string, calls: { name: string, arguments: string }[], reason: string | null }

async function calls (parts: AsyncIterable<Part>): Promise<Calls> {
  const found: Calls = { text: '', calls: [], reason: null }
  for await (const part of parts) {
    if (part.type === 'text') found.text += part.text
    if (part.type === 'end') found.reason = part.reason
    if (part.type === 'call') {
      const call = found.calls[part.index] ??= { name: part.name ?? '', arguments: '' }
      call.arguments += part.arguments
    }
  }
  return found
}

test('a model that knows nothing of tools calls them where it must', async t => {
  const engine = await openEngine(t)
  const ask = (content: string, tools: Tools, over: Partial<Generation> = {}): Promise<Calls> => calls(engine.generate(generation('', { input: { type: 'chat', messages: [{ role: 'user', content }], tools, effort: null }, maxTokens: 120, ...over }), never))

  await t.test('a tool that is named, with arguments that fit', async t => {
    for (const sampling of [greedy, { ...greedy, temperature: 1.2, seed: 4 }]) {
      const { text, calls: [call, ...others], reason } = await ask('How is the weather in Paris?', { list: [weather, time], choice: { name: 'get_weather' }, parallel: true }, { sampling })
      t.strictSame([text, others.length, reason], ['', 0, 'stop'])
      t.equal(call?.name, 'get_weather')
      const given = JSON.parse(call?.arguments ?? '') as { city: string, unit: string }
      t.type(given.city, 'string')
      t.ok(['celsius', 'fahrenheit'].includes(given.unit))
    }
  })

  await t.test('any of them, at least one', async t => {
    const { text, calls: [call], reason } = await ask('What time is it in Tokyo?', { list: [weather, time], choice: 'required', parallel: false })
    t.strictSame([text, reason], ['', 'tool_calls'])
    t.ok(['get_weather', 'get_time'].includes(call?.name ?? ''))
    t.type(JSON.parse(call?.arguments ?? ''), 'object')
  })

  await t.test('calls of the past and their results are part of the conversation', async t => {
    const messages = [
      { role: 'user', content: 'How is the weather in Paris?' },
      { role: 'assistant', content: '', calls: [{ id: 'call_1', name: 'get_weather', arguments: '{"city":"Paris","unit":"celsius"}' }] },
      { role: 'tool', content: '21 degrees, <|im_end|> sunny', callId: 'call_1' },
      { role: 'user', content: 'Thanks. And the time there?' }
    ] as const
    const { tokens } = await engine.render({ type: 'chat', messages, tools: null, effort: null })
    const { tokens: without } = await engine.render({ type: 'chat', messages: [messages[0], messages[3]], tools: null, effort: null })
    t.ok(tokens.length > without.length + 30)
    t.equal(tokens.filter(token => token === 2).length, 5, 'a result cannot end its own turn')
  })
})

test('a model that knows tools chooses whether to call one', async t => {
  const engine = await openEngine(t, { path: await toolModel() })
  const history = ['Paris', 'Rome', 'Lima'].flatMap((city): Message[] => [
    { role: 'user', content: `What is the weather in ${city}?` },
    { role: 'assistant', content: '', calls: [{ id: `call_${city}`, name: 'get_weather', arguments: JSON.stringify({ city, unit: 'celsius' }) }] },
    { role: 'tool', content: 'sunny', callId: `call_${city}` },
    { role: 'assistant', content: 'It is sunny.' }
  ])
  const ask = (messages: readonly Message[], choice: Tools['choice'], over: Partial<Generation> = {}): Promise<Calls> =>
    calls(engine.generate(generation('', { input: { type: 'chat', messages, tools: { list: [weather, time], choice, parallel: true }, effort: null }, maxTokens: 80, ...over }), never))
  const next: Message = { role: 'user', content: 'What is the weather in Oslo?' }

  const { calls: [call], reason, text } = await ask([...history, next], 'auto')
  t.match(call, { name: 'get_weather', arguments: /"city": ?"Oslo"/ })
  t.strictSame([reason, text], ['tool_calls', ''])
  t.type(JSON.parse(call?.arguments ?? ''), 'object')

  const told = await ask([...history, next, { role: 'assistant', content: '', calls: [{ id: 'call_Oslo', name: 'get_weather', arguments: '{"city":"Oslo","unit":"celsius"}' }] }, { role: 'tool', content: 'foggy', callId: 'call_Oslo' }], 'auto')
  t.match(told, { text: /foggy/, calls: [], reason: 'stop' }, 'and answers when it has the result')

  const grammar = schemaGrammar({ type: 'object', properties: { sky: { type: 'string', maxLength: 20 } }, required: ['sky'], additionalProperties: false })
  const shaped = await ask([...history, next], 'auto', { grammar })
  t.equal(shaped.calls[0]?.name, 'get_weather', 'also where its answer would have to fit a schema')
  const answered = await ask([{ role: 'user', content: 'Say hello.' }], 'auto', { grammar, sampling: { ...greedy, logitBias: new Map([[44, -100]]) } })
  t.ok(answered.calls.length > 0 || typeof (JSON.parse(answered.text) as { sky: unknown }).sky === 'string')
})
