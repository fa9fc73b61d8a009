import t from 'tap'
import { blockOf } from '../../../src/memory/block.ts'
import { assembled } from '../../../src/interactions/kept.ts'
import { profileFrame } from '../../../src/memory/profile/frame.ts'
import { approvedText, bare, disapprovedOf, examplesOf, recorded, withExamples } from '../../../src/training/evaluation/prompts.ts'
import { rowOf } from './rows.ts'

const block = blockOf([{ quote: 'My dog is called Bruno.', speaker: null, role: 'user', at: 0, position: 0 }])
const frame = profileFrame([{ id: 'mem_1', kind: 'fact', text: 'I live in Porto', at: 0 }])
const plain = [{ role: 'system', content: 'Be kind.' }, { role: 'user', content: 'Hello.' }, { role: 'assistant', content: 'Hi.' }, { role: 'user', content: "What is my dog's name?" }] as const
const remembered = rowOf('ada', '', 'Bruno.', { prompt: assembled(plain, new Map([[3, block]]), frame), remembered: true })

t.test('a bare prompt has nothing remembered in it, and is otherwise the one that was recorded', async t => {
  t.match(JSON.stringify(recorded(remembered)), /Bruno.*|Porto/)
  t.strictSame(bare(remembered), { type: 'chat', messages: plain, tools: null, effort: null })
})

t.test('examples are questions and answers of different people, without what was remembered, before the last question', async t => {
  const trained = [remembered, rowOf('bob', 'How are you?', 'Fine.'), rowOf('bob', 'And now?', 'Still fine.'), rowOf('eve', 'Bad?', 'Bad.', { kind: 'verdict', good: false }), rowOf('joe', 'Call it.', '', { answer: { content: '', calls: [{ id: 'c', name: 'it', arguments: '{}' }] } })]
  const examples = examplesOf(trained, 3)
  t.strictSame(examples.map(({ group }) => group).sort(), ['ada', 'bob'], 'nobody twice, nothing blamed, no calls')
  t.strictSame(examplesOf(trained, 0), [])
  const input = withExamples(rowOf('zoe', 'Mine?', 'Yours.', { prompt: [plain[0], { role: 'user', content: 'Mine?' }] }), [remembered])
  t.strictSame(input.type === 'chat' && input.messages, [plain[0], plain[3], { role: 'assistant', content: 'Bruno.' }, { role: 'user', content: 'Mine?' }])
})

t.test('of each kind of row it is known which answer was approved and which was not', async t => {
  const told = [
    rowOf('a', 'q', 'better', { rejected: 'worse' }), rowOf('a', 'q', 'alone'), rowOf('a', 'q', 'chosen', { kind: 'preference', rejected: 'other' }),
    rowOf('a', 'q', 'up', { kind: 'verdict', good: true }), rowOf('a', 'q', 'down', { kind: 'verdict', good: false })
  ]
  t.strictSame(told.map(row => [approvedText(row), disapprovedOf(row)?.content ?? null]), [['better', 'worse'], ['alone', null], ['chosen', 'other'], ['up', null], [null, 'down']])
})
