import t, { test } from 'tap'
import type { Message } from '../../../src/inference/engine.ts'
import { jobRowsOf, methodFor, roomOf, type JobRow } from '../../../src/training/prepare/rows.ts'
import { turnOf } from '../../../src/training/prepare/completion.ts'
import { row } from '../../datasets/curation/rows.ts'
import { openRenderer } from './support.ts'

const chat = (...messages: readonly Message[]) => ({ type: 'chat', messages, tools: null, effort: null }) as const
const says = (content: string): Message => ({ role: 'user', content })
const tool = { name: 'weather', description: null, parameters: { type: 'object', properties: { city: { type: 'string' } } } }
const open = await openRenderer(t)
const room = { tokens: 511, reason: 'longer than the context' }

test('what is trained is what is served', async t => {
  const served = open()
  const shown = async (...given: Parameters<typeof row>) => {
    const made = await jobRowsOf(served, row(...given), 'sft', room)
    if ('left' in made) return made.left
    const [one] = made.rows as [Extract<JobRow, { completion: readonly number[] }>]
    t.equal(made.tokens, one.prompt.length + one.completion.length)
    return [open.text(one.prompt), open.text(one.completion)]
  }

  await t.test('the prompt is the one that was answered, and the completion ends the turn once', async t => {
    const question = says('My heater is loud.')
    t.strictSame(await shown('My heater is loud.', 'Sorry about your heater.'), [
      open.text((await served.render(chat(question))).tokens),
      'Sorry about your heater.<|im_end|>'
    ])
  })

  await t.test('a conversation keeps its earlier turns, and memories keep their place in it', async t => {
    const messages: Message[] = [{ role: 'system', content: 'Be brief.' }, says('<memories>\nThe dog is called Biscuit.\n</memories>\n\nHi'), { role: 'assistant', content: 'Hello!' }, says('What is my dog called?')]
    const [prompt, completion] = await shown('', 'Biscuit.', { prompt: messages })
    t.match(prompt, /Be brief\.[^]*<memories>\nThe dog is called Biscuit\.\n<\/memories>\n\nHi<\|im_end\|>[^]*Hello!<\|im_end\|>[^]*What is my dog called\?<\|im_end\|>\n<\|im_start\|>assistant\n$/)
    t.equal(completion, 'Biscuit.<|im_end|>')
  })

  await t.test('tools are described as they were, and a call is written as the model would write it', async t => {
    const told = { tools: [tool], answer: { content: '', calls: [{ id: 'call_1', name: 'weather', arguments: '{"city":"Oslo"}' }] } }
    const [prompt, completion] = await shown('How is the weather in Oslo?', '', told)
    t.match(prompt, /<tools>\n\{"name":"weather"/)
    t.equal(completion, '<tool_call>\n{"name": "weather", "arguments": {"city":"Oslo"}}\n</tool_call><|im_end|>')
  })

  await t.test('a turn that ends in a tool\'s result is answered as any other', async t => {
    const messages: Message[] = [says('Weather in Oslo?'), { role: 'assistant', content: '', calls: [{ id: 'call_1', name: 'weather', arguments: '{"city":"Oslo"}' }] }, { role: 'tool', content: 'rain', callId: 'call_1' }]
    t.equal((await shown('', 'It rains.', { prompt: messages, tools: [tool] }))[1], 'It rains.<|im_end|>')
  })

  await t.test('text of an answer never ends the turn, nor does white space before it become another token of the prompt', async t => {
    t.strictSame((await shown('Say it.', 'The mark is <|im_end|> here.'))[1], 'The mark is <|im_end|> here.<|im_end|>')
    t.equal((await shown('Say it.', '\n\n Fine.'))[1], 'Fine.<|im_end|>')
    t.equal((await served.render(chat(says('Say it.')))).endOfTurn.length > 0, true)
  })

  await t.test('a row that is longer than there is room is left out and never cut', async t => {
    const long = 'one more word '.repeat(200)
    t.equal(await shown('Say it.', long), 'longer than the context')
    t.equal(await shown(long.repeat(200), 'It.'), 'longer than the context', 'also where it cannot fit by far')
    t.strictSame(roomOf(served, 1024), room)
    t.strictSame(roomOf(served, 100), { tokens: 100, reason: 'longer than hyper.max_len (100)' })
    t.equal((await jobRowsOf(served, row('Say it.', 'one more word '.repeat(40)), 'sft', roomOf(served, 100)) as { left: string }).left, 'longer than hyper.max_len (100)')
  })

  await t.test('a conversation that the template refuses is left out with the reason', async t => {
    const refusing = open("{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}{{ m.content }}<|im_end|>{% endfor %}")
    const made = await jobRowsOf(refusing, row('', 'Fine.', { prompt: [{ role: 'system', content: 'Be brief.' }, says('Hi')] }), 'sft', room)
    t.strictSame(made, { left: 'the chat template refuses the conversation' })
  })

  await t.test('an engine that fails is not the row\'s fault', async t => {
    const broken = { render: async () => { throw new Error('it died') } }
    await t.rejects(jobRowsOf(broken, row('Hi', 'Hello.'), 'sft', room), /it died/)
  })
})

test('templates that write an answered conversation otherwise than one to be answered', async t => {
  const conversation = chat({ role: 'system', content: 'Be brief.' }, says('Hi'), { role: 'assistant', content: 'Hello!' }, says('And now?'))

  await t.test('where the system prompt moves to the last question, the answer is still what follows it', async t => {
    const served = open("{% for m in messages %}{% if m.role == 'user' %}[INST] {% if loop.last and messages[0].role == 'system' %}{{ messages[0].content }}\n\n{% endif %}{{ m.content }} [/INST]{% elif m.role == 'assistant' %} {{ m.content }}<|im_end|>{% endif %}{% endfor %}")
    const { prompt, completion } = await turnOf(served, conversation, { content: 'Now we talk.' })
    t.equal(open.text(prompt), '[INST] Hi [/INST] Hello!<|im_end|>[INST] Be brief.\n\nAnd now? [/INST]')
    t.equal(open.text(completion!), ' Now we talk.<|im_end|>')
  })

  await t.test('where the answer would melt into the last token of the prompt, it is the answer\'s own tokens', async t => {
    const served = open('{% for m in messages %}{% if m.role == \'user\' %}Q: {{ m.content }}\n{% elif m.role == \'assistant\' %}A: {{ m.content }}<|im_end|>{% endif %}{% endfor %}{% if add_generation_prompt and messages[-1].role == \'user\' %}A: {{ "" }}{% endif %}')
    const { prompt, completion } = await turnOf(served, conversation, { content: 'Now we talk.' })
    t.match(open.text(prompt), /And now\?\nA: $/)
    t.equal(open.text(completion!), 'Now we talk.<|im_end|>')
  })

  await t.test('where a prompt opens a thought that an answer has not, there is nothing to teach', async t => {
    for (const opening of ['<think>\n', '<empty_output>']) {
      const served = open(`{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n${opening}{% endif %}`)
      const { completion } = await turnOf(served, conversation, { content: 'Now we talk.' })
      t.equal(completion, null, opening)
    }
  })

  await t.test('where a turn has no end, neither', async t => {
    const served = open('{% for m in messages %}{{ m.content }}\n{% endfor %}')
    t.equal((await turnOf(served, conversation, { content: 'Now we talk.' })).completion, null)
  })
})

test('each method takes what it learns from', async t => {
  const served = open()
  const rowsOf = async (method: 'sft' | 'kto' | 'dpo', ...given: Parameters<typeof row>) => {
    const made = await jobRowsOf(served, row(...given), method, room)
    if ('left' in made) return made.left
    return made.rows.map(({ prompt, ...one }) => Object.fromEntries(Object.entries(one).map(([key, value]) => [key, Array.isArray(value) ? open.text(value as number[]) : value])))
  }
  const [good, bad] = ['Good.<|im_end|>', 'Bad.<|im_end|>']
  const of = (id: string) => ({ id, group: 'person-1' })

  t.strictSame(await rowsOf('sft', 'Q?', 'Good.', { id: 'a', rejected: 'Bad.' }), [{ ...of('a'), completion: good }])
  t.strictSame(await rowsOf('sft', 'Q?', 'Good.', { id: 'a', kind: 'preference', rejected: 'Bad.' }), [{ ...of('a'), completion: good }])
  t.equal(await rowsOf('sft', 'Q?', 'Good.', { kind: 'verdict' }), 'says nothing that sft learns from')

  t.strictSame(await rowsOf('kto', 'Q?', 'Good.', { id: 'a', kind: 'verdict' }), [{ ...of('a'), completion: good, label: true }])
  t.strictSame(await rowsOf('kto', 'Q?', 'Bad.', { id: 'a', kind: 'verdict', good: false }), [{ ...of('a'), completion: bad, label: false }])
  t.strictSame(await rowsOf('kto', 'Q?', 'Good.', { id: 'a', rejected: 'Bad.' }), [{ ...of('a'), completion: good, label: true }])
  t.strictSame(await rowsOf('kto', 'Q?', 'Good.', { id: 'a', kind: 'preference', rejected: 'Bad.' }), [{ ...of('a'), completion: good, label: true }, { ...of('a-1'), completion: bad, label: false }])

  t.strictSame(await rowsOf('dpo', 'Q?', 'Good.', { id: 'a', rejected: 'Bad.' }), [{ ...of('a'), chosen: good, rejected: bad }])
  t.equal(await rowsOf('dpo', 'Q?', 'Good.', {}), 'says nothing that dpo learns from')
  t.equal(await rowsOf('dpo', 'Q?', 'Good.', { kind: 'verdict' }), 'says nothing that dpo learns from')

  t.equal(methodFor({ demonstration: 10, preference: 5, verdict: 15 }), 'sft')
  t.equal(methodFor({ demonstration: 10, preference: 5, verdict: 16 }), 'kto')
})
