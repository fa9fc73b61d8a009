import fc from 'fast-check'
import t from 'tap'
import type { Message, Tool, ToolCall } from '../../../src/inference/engine.ts'
import { structure } from '../../../src/datasets/curation/structure.ts'
import { drops, row, type Told } from './rows.ts'

const weather: Tool = { name: 'weather', description: null, parameters: { type: 'object' } }
const call = (id: string, given = '{"city": "Oslo"}', name = 'weather'): ToolCall => ({ id, name, arguments: given })
const user: Message = { role: 'user', content: 'How is the weather in Oslo?' }
const calling = (...calls: ToolCall[]): Message => ({ role: 'assistant', content: '', calls })
const result = (callId: string): Message => ({ role: 'tool', content: '{"sky": "grey"}', callId })
const assistant: Message = { role: 'assistant', content: 'Grey.' }
const system: Message = { role: 'system', content: 'Be short.' }

/** Why a row with this prompt is dropped; null where it is kept. */
function fault (prompt: readonly Message[], told: Told = {}, answer = 'It is grey.'): string | null {
  const dropped = drops(structure(), [row('', answer, { prompt, tools: [weather], id: 'row', ...told })])
  return dropped.get('row') ?? null
}

t.test('well-formed conversations pass, with tools and without', async t => {
  for (const prompt of [[user], [system, user], [user, assistant, user], [system, user, calling(call('a'), call('b')), result('b'), result('a')], [user, calling(call('a')), result('a'), assistant, user]]) t.equal(fault(prompt), null)
  t.equal(fault([user], { answer: { content: '', calls: [call('a')] } }), null)
  t.equal(fault([user], { kind: 'preference', rejected: 'No idea.' }), null)
})

t.test('broken turns are dropped, and the reason names what is broken', async t => {
  const broken: Array<[Message[], RegExp]> = [
    [[], /no user/], [[assistant, user], /no user/], [[system], /no user/], [[system, system, user], /system prompt/], [[user, system, user], /system prompt/],
    [[user, assistant], /ends with the assistant/], [[user, user], /alternate/], [[user, assistant, assistant, user], /alternate/], [[user, result('a')], /alternate/],
    [[user, { ...assistant, content: ' \n' }, user], /empty/], [[{ ...user, content: '' }], /empty/]
  ]
  for (const [prompt, reason] of broken) t.match(fault(prompt), reason, JSON.stringify(prompt))
  t.match(fault([user], {}, '   '), /empty/)
})

t.test('broken tool calls are dropped: unreadable, unknown, unanswered, answered twice', async t => {
  t.match(fault([user, calling(call('a', '{"city": ')), result('a')]), /no JSON object/)
  t.match(fault([user, calling(call('a', '[1]')), result('a')]), /no JSON object/)
  t.match(fault([user, calling(call('a', '{}', 'rocket')), result('a')]), /unknown tool/)
  t.match(fault([user, calling(call('a'), call('b')), result('a'), assistant, user]), /without a result/)
  t.match(fault([user, calling(call('a'), call('b')), result('a')]), /without a result/)
  t.match(fault([user, calling(call('a')), result('b')]), /result of no call/)
  t.match(fault([user, calling(call('a')), result('a'), result('a')]), /result of no call/)
  t.match(fault([user, calling(call('a'), call('a')), result('a')]), /one id/)
  t.match(fault([user], { answer: { content: '', calls: [call('a', 'Oslo')] } }), /no JSON object/)
  t.match(fault([user], { answer: { content: '', calls: [call('a')] }, tools: [] }), /unknown tool/)
})

t.test('special tokens, control characters, halves of characters and invisible letters are dropped wherever they stand', async t => {
  for (const token of ['<|im_start|>', '<|eot_id|>', '</s>', '[INST]', '<<SYS>>', '<end_of_turn>', '<bos>', '[TOOL_CALLS]', '<｜User｜>', '\u0000', '\u001b[31m', '\ud800', '\uffff', 'a\u{E0041}\u{E0042}']) {
    t.match(fault([user], {}, `So ${token} it is`), /token|control|invisible/, JSON.stringify(token))
    t.match(fault([{ ...user, content: `Why ${token}?` }]), /token|control|invisible/, JSON.stringify(token))
    t.match(fault([user], { kind: 'preference', rejected: `No ${token}` }), /token|control|invisible/, JSON.stringify(token))
  }
  for (const fine of ['a < b | c > d', '<div>text</div>', '\tif (a)\r\n\n  b()', 'naïve 👩‍👩‍👧 🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}', 'x <| y |> z', '[1] INST']) t.equal(fault([user], {}, fine), null, JSON.stringify(fine))
})

t.test('answers that nobody rated and preferences between equals are dropped', async t => {
  t.match(fault([user], { evidence: { interaction: 'chatcmpl-1', feedback: [], model: 'm' } }), /nobody rated/)
  t.match(fault([user], { kind: 'preference', rejected: ' It is grey.\n' }), /the same/)
})

t.test('any messages are judged, without an error and in a time that grows with their length', async t => {
  const message = fc.record({ role: fc.constantFrom('system', 'user', 'assistant', 'tool'), content: fc.string({ unit: 'binary' }), calls: fc.array(fc.record({ id: fc.string(), name: fc.constantFrom('weather', '__proto__', ''), arguments: fc.oneof(fc.json(), fc.string()) }), { maxLength: 2 }), callId: fc.string() }) as fc.Arbitrary<Message>
  fc.assert(fc.property(fc.array(message, { maxLength: 6 }), fc.string(), (prompt, answer) => { fault(prompt, {}, answer) }), { numRuns: 500 })
  const before = performance.now()
  for (const hostile of ['<|', '<|a', '<', '[', '\u{1F3F4}\u{E0020}', '<｜', '['.repeat(9), '\u{E0041}']) fault([user], { answer: { content: '', calls: [call('a', '{"a":'.repeat(1e5))] } }, hostile.repeat(5e5)) ?? fault([{ ...user, content: hostile.repeat(5e5) }])
  t.comment(`${Math.round(performance.now() - before)} ms`)
})
