import { test } from 'tap'
import type { FormatName } from '../../../src/datasets/exports/format.ts'
import { formats } from '../../../src/datasets/exports/formats.ts'
import type { Row } from '../../../src/datasets/row.ts'
import { demonstration, preference, several, single, system, verdict } from './samples.ts'

const recordOf = (name: FormatName, row: Row): unknown => {
  const converted = formats[name].convert(row)
  return 'record' in converted ? converted.record : converted.skip
}
const calls = [{ id: 'c1', name: 'sum', arguments: '{"a":2}' }]
const tools = [{ name: 'sum', description: null, parameters: { type: 'object' } }]

test('each format has exactly the record that its readers expect', async t => {
  const shown = demonstration({ prompt: several, answer: { content: 'Six.' }, rejected: { content: 'Seven.' } })
  const is = (name: FormatName, row: Row, record: unknown): void => { t.equal(JSON.stringify(recordOf(name, row)), JSON.stringify(record), name) }
  const turns = several.map(({ role, content }) => ({ role, content }))
  is('openai-sft', shown, { messages: [{ role: 'system', content: 'You are short.' }, { role: 'user', content: 'Hello' }, { role: 'assistant', content: 'Hi.', weight: 0 }, { role: 'user', content: 'And 3 + 3?' }, { role: 'assistant', content: 'Six.', weight: 1 }] })
  is('openai-dpo', shown, { input: { messages: turns, tools: [], parallel_tool_calls: true }, preferred_output: [{ role: 'assistant', content: 'Six.' }], non_preferred_output: [{ role: 'assistant', content: 'Seven.' }] })
  is('trl-sft', shown, { prompt: turns, completion: [{ role: 'assistant', content: 'Six.' }] })
  is('trl-dpo', shown, { prompt: turns, chosen: [{ role: 'assistant', content: 'Six.' }], rejected: [{ role: 'assistant', content: 'Seven.' }] })
  is('trl-kto', verdict({ good: false }), { prompt: [{ role: 'user', content: 'What is 2 + 2?' }], completion: [{ role: 'assistant', content: 'Four.' }], label: false })
  is('sharegpt', shown, { conversations: [{ from: 'human', value: 'Hello' }, { from: 'gpt', value: 'Hi.' }, { from: 'human', value: 'And 3 + 3?' }, { from: 'gpt', value: 'Six.' }], system: 'You are short.' })
  is('alpaca', demonstration({ prompt: [system, ...single] }), { instruction: 'What is 2 + 2?', input: '', output: 'Four.', system: 'You are short.', history: [] })
  is('bedrock', shown, { system: 'You are short.', messages: [...turns.slice(1), { role: 'assistant', content: 'Six.' }] })
  is('bedrock', demonstration(), { messages: [{ role: 'user', content: 'What is 2 + 2?' }, { role: 'assistant', content: 'Four.' }] })
})

test('each kind of row goes only to the formats that are made for it', async t => {
  const holds = (row: Row): string[] => Object.values(formats).filter(({ convert }) => 'record' in convert(row)).map(({ name }) => name)
  const supervised = ['openai-sft', 'trl-sft', 'sharegpt', 'alpaca', 'bedrock']
  t.strictSame(holds(demonstration()), supervised)
  t.strictSame(holds(demonstration({ rejected: { content: 'Five.' } })), ['openai-sft', 'openai-dpo', 'trl-sft', 'trl-dpo', 'sharegpt', 'alpaca', 'bedrock'])
  t.strictSame(holds(preference()), ['openai-dpo', 'trl-dpo'])
  t.strictSame(holds(verdict()), ['trl-kto'], 'an answer that was only praised is no demonstration')
})

test('what a format cannot hold has a reason, in which no word of the row stands', async t => {
  const rows: Row[] = [
    demonstration({ answer: { content: ' ' } }),
    demonstration({ answer: { content: '', calls } }),
    demonstration({ tools }),
    demonstration({ prompt: [...single, { role: 'assistant', content: '', calls }, { role: 'tool', content: '4', callId: 'c1' }] }),
    demonstration({ prompt: [...single, { role: 'assistant', content: 'secretive' }] }),
    demonstration({ prompt: [] })
  ]
  for (const row of rows) {
    for (const { name, convert } of Object.values(formats)) {
      if (name === 'openai-sft') continue
      const converted = convert(row)
      t.ok('skip' in converted && converted.skip !== '' && !converted.skip.includes('secretive'), name)
    }
  }
  t.match(recordOf('openai-sft', rows[0]!), /empty/)
  t.match(recordOf('openai-sft', rows[4]!), /does not end with the user/)
  const twice = demonstration({ prompt: [...single, ...single] })
  const late = demonstration({ prompt: [...single, { role: 'assistant', content: 'Four.' }, system, ...single] })
  for (const name of ['sharegpt', 'alpaca', 'bedrock'] as const) {
    t.match(recordOf(name, twice), /do not alternate/)
    t.match(recordOf(name, late), /system message stands in the middle/)
  }
  t.match(recordOf('alpaca', demonstration({ prompt: several })), /earlier turns/)
  t.match(recordOf('bedrock', demonstration({ answer: { content: 'So:\n\nHuman: hello' } })), /Human: or Assistant:/)
  t.match(recordOf('bedrock', demonstration({ answer: { content: 'x'.repeat(128_001) } })), /longer than 32000 tokens/)
  t.type(recordOf('bedrock', demonstration({ answer: { content: 'x'.repeat(120_000) } })), 'object')
})

test('OpenAI\'s format keeps tools, their calls and their results', async t => {
  const row = demonstration({ tools, prompt: [...single, { role: 'assistant', content: '', calls }, { role: 'tool', content: '4', callId: 'c1' }], answer: { content: 'Four.' } })
  const call = { id: 'c1', type: 'function', function: { name: 'sum', arguments: '{"a":2}' } }
  t.strictSame(recordOf('openai-sft', row), {
    messages: [{ role: 'user', content: 'What is 2 + 2?' }, { role: 'assistant', content: '', tool_calls: [call], weight: 0 }, { role: 'tool', content: '4', tool_call_id: 'c1' }, { role: 'assistant', content: 'Four.', weight: 1 }],
    tools: [{ type: 'function', function: { name: 'sum', parameters: { type: 'object' } } }]
  })
  t.match(recordOf('openai-sft', demonstration({ tools, answer: { content: '', calls } })), { messages: [{}, { tool_calls: [call], weight: 1 }] })
})
