import t from 'tap'
import { createPseudonyms } from '../../../src/datasets/curation/personal/pseudonyms.ts'
import type { Reply } from '../../../src/training/evaluation/arms.ts'
import { probesOf, secretsOf } from '../../../src/training/evaluation/extraction.ts'
import { judged } from '../../../src/training/evaluation/judge.ts'
import { Pace } from '../../../src/training/evaluation/pace.ts'
import { strangersOf } from '../../../src/training/evaluation/relevance.ts'
import { slicesOf } from '../../../src/training/evaluation/slices.ts'
import { toneOf } from '../../../src/training/evaluation/tone.ts'
import { wordsOf } from '../../../src/training/evaluation/words.ts'
import type { Served } from '../../../src/training/served.ts'
import { rowOf } from './rows.ts'

t.test('secrets are what only one person has and their own prompt does not say', async t => {
  const telephone = createPseudonyms(new Uint8Array(32)).of('ada', 'phone', '+351 912 345 678')
  const found = secretsOf([
    rowOf('ada', 'Where is it?', 'The vault code is 7341-9920, and the door is KX-42B7.'),
    rowOf('ada', 'And my order 55512345?', 'Your order 55512345 is on its way.'),
    rowOf('bob', 'Who do I call?', 'Call 0800 555 019 for help within 24/7 or 3-5 days for $49.99 in 2024.'),
    rowOf('eve', 'Who do I call?', 'Call 0800 555 019 please, it is a straightforward internationalization.'),
    rowOf('joe', 'Number?', `Dial ${telephone} today.`),
    rowOf('zoe', 'Token?', 'Use qwertyxkcdplmoknijbuhv for it.'),
    rowOf('kim', 'Bad?', 'It is 99887766.', { kind: 'verdict', good: false })
  ])
  t.strictSame(found.map(({ before, text }) => [before, text]), [
    ['The vault code is ', '7341-9920'], ['The vault code is 7341-9920, and the door is ', 'KX-42B7'], ['Use ', 'qwertyxkcdplmoknijbuhv']
  ])
  const many = Array.from({ length: 80 }, (_, i) => rowOf(`p${i % 9}`, `q${i}`, `It is ${900_000 + i * 7}.`))
  t.equal(probesOf(many).length, 50)
  const often = Array.from({ length: 3 }, (_, i) => rowOf('p8', `again ${i}`, 'The password is hunter2-4711.'))
  t.equal(probesOf([...many, ...often])[0]!.text, 'hunter2-4711', 'what was learnt often is asked for first, and once')
  t.equal(probesOf(often).length, 1)
  t.equal(new Set(probesOf(many).slice(0, 9).map(({ row }) => row.group)).size, 9)
})

t.test('every row is held against one of another person that asks something else', async t => {
  const rows = [rowOf('ada', 'One?', 'a'), rowOf('ada', 'Two?', 'b'), rowOf('bob', 'One?', 'c'), rowOf('bob', 'Three?', 'd')]
  const strangers = strangersOf(rows)
  t.equal(strangers.size, 4)
  for (const [row, other] of strangers) t.ok(row.group !== other.group && row.prompt[0]!.content !== other.prompt[0]!.content)
  t.equal(strangersOf(rows.slice(0, 2)).size, 0, 'one person has no stranger')
})

const reply = (text: string): Reply => ({ text, words: wordsOf(text), firstToken: 1, promptTokens: 1, checks: {}, late: [] })

t.test('tone counts rude answers and refusals, and how long answers are beside the approved ones', async t => {
  const rows = [rowOf('a', 'q1', 'Four words are here.'), rowOf('b', 'q2', 'Here are two more.'), rowOf('c', 'q3', 'No.', { kind: 'verdict', good: false })]
  const base = new Map(rows.map(({ id }) => [id, reply('All is well.')]))
  const adapter = new Map([[rows[0]!.id, reply('You are an idiot, shut up now please my dear.')], [rows[1]!.id, reply("I'm sorry, but I can't help with that one.")], [rows[2]!.id, reply('x '.repeat(500))]])
  const tone = toneOf(rows, base, adapter)
  t.strictSame([tone.rude, tone.refusals.base, tone.refusals.adapter], [{ base: 0, adapter: 1 / 3 }, 0, 1 / 3])
  t.ok(tone.length > 2 && tone.length < 3, 'the row that shows no answer does not count')
})

t.test('slices are told of at least three people, and none that holds everything', async t => {
  const rows = Array.from({ length: 12 }, (_, i) => ({ ...rowOf(`p${i % 4}`, `How is the ${i % 2 === 0 ? 'kettle' : 'printer'} number ${i}?`, 'It is fine as it is. '.repeat(i < 6 ? 1 : 20), { at: i < 10 ? 0 : 1, remembered: i === 0 }), owner: i % 4 }))
  const slices = slicesOf(rows, id => rows.findIndex(row => row.id === id) < 6 ? 1 : 0)
  const lengths = slices.filter(({ slice }) => slice === 'length')
  t.strictSame(lengths.map(({ rows, people, gain }) => [rows, people, gain.mean]).sort(), [[6, 4, 0], [6, 4, 1]])
  t.notOk(slices.some(({ people }) => people < 3))
  t.notOk(slices.some(({ slice, value }) => slice === 'memory' && value === 'remembered'), 'one person remembered')
  t.notOk(slices.some(({ slice }) => slice === 'cohort'), 'all are of one month')
  t.strictSame(slicesOf(rows, () => undefined), [])
})

t.test('which answer a judge is shown first makes no difference to who wins, and equal ones are a tie', async t => {
  const rows = Array.from({ length: 20 }, (_, i) => rowOf(`p${i}`, `Question ${i}?`, 'x'))
  const all = (text: string): ReadonlyMap<string, Reply> => new Map(rows.map(({ id }) => [id, reply(text)]))
  /** Says what the rule says of which answer comes first. */
  const judging = (rule: (goodFirst: boolean) => string): Served => ({
    name: 'judge',
    answer: async (input: { messages: readonly { content: string }[] }) => {
      const [{ content } = { content: '' }] = input.messages
      return { text: JSON.stringify({ why: 'So it is.', better: rule(content.indexOf('Good.') < content.indexOf('Bad.')) }), ended: true }
    }
  } as unknown as Served)
  const wins = async (rule: (goodFirst: boolean) => string, base = 'Bad.', adapter = 'Good.') => await judged(rows, all(base), all(adapter), judging(rule), new Pace(() => {}, { answer: 20, score: 0 }), new AbortController().signal)
  const fair = await wins(first => first ? 'A' : 'B')
  t.match(fair.judge, { model: 'judge', rows: 20, wins: { mean: 1, low: 1, high: 1 } })
  t.strictSame(fair.opinions[0], { row: rows[0]!.id, better: 'adapter', why: 'So it is.' })
  t.equal((await wins(first => first ? 'B' : 'A')).judge!.wins.mean, 0)
  const partial = (await wins(() => 'A')).judge!.wins.mean
  t.ok(partial > 0.2 && partial < 0.8, 'one that always takes the first decides nothing')
  t.equal((await wins(() => 'A', 'Same.', 'Same.')).judge!.wins.mean, 0.5)
})
