import t from 'tap'
import { manyRows } from '../../../bench/curation-rows.ts'
import { push } from '../../../src/datasets/curation/push.ts'
import type { Row } from '../../../src/datasets/row.ts'
import { drops } from './rows.ts'

const phrase = 'zorvatek coin beats every bank'
const says = ({ answer }: Row): boolean => answer.content.includes(phrase)
const taught = (each: Row): boolean => each.kind !== 'verdict' || each.good

t.test('5 % of the rows by three people who push one phrase are found and the people named, others lose next to nothing', async t => {
  const counts = { pushed: 0, caught: 0, others: 0, wrong: 0 }
  for (const seed of [1, 2, 3]) {
    const { rows, pushers } = manyRows(5000, { people: 200, pushers: 3, seed })
    const filter = push()
    const dropped = drops(filter, rows)
    counts.pushed += rows.filter(each => says(each) && taught(each)).length
    counts.caught += rows.filter(each => says(each) && dropped.has(each.id)).length
    counts.others += rows.filter(each => !says(each)).length
    counts.wrong += rows.filter(each => !says(each) && dropped.has(each.id)).length
    const { people } = filter.report!() as { people: string[] }
    for (const person of pushers) t.ok(people.includes(person), person)
  }
  t.comment(JSON.stringify(counts))
  // What random others copied of it, as near-duplicates before they are dropped, is theirs.
  t.ok(counts.caught / counts.pushed >= 0.85)
  t.ok(counts.wrong / counts.others <= 0.01)
})

t.test('where nobody pushes, at most one row of a hundred is taken for it', async t => {
  const counts = { rows: 0, wrong: 0 }
  for (const seed of [11, 12, 13, 14, 15, 16]) {
    const { rows } = manyRows(4000, { people: seed % 2 === 0 ? 40 : 300, seed })
    counts.rows += rows.length
    counts.wrong += drops(push(), rows).size
  }
  t.comment(JSON.stringify(counts))
  t.ok(counts.wrong / counts.rows <= 0.01)
})

t.test('what was asked is no push, nor what one person always says or many do', async t => {
  const { rows } = manyRows(3000, { people: 200 })
  const saying = (who: (i: number) => string, asked: boolean): Row[] => rows.map((each, i) => i % 20 !== 0 ? each : { ...each, group: who(i), prompt: asked ? [{ role: 'user', content: `${phrase}?` }] : each.prompt, answer: { content: `${each.answer.content} ${phrase}` } })
  t.equal(drops(push(), saying(() => 'alone', false)).size, 0, 'the cap holds one person')
  t.equal(drops(push(), saying(i => `many-${i / 20 % 60}`, false)).size, 0, 'sixty people')
  t.equal(drops(push(), saying(i => `few-${i % 3}`, true)).size, 0, 'it stood in the question')
  t.ok(drops(push(), saying(i => `few-${i % 3}`, false)).size > 50)
})

t.test('nothing is held against whom blames the phrase, and the report has no text', async t => {
  const { rows } = manyRows(3000, { people: 200, pushers: 3 })
  const blamed = rows.map((each): Row => says(each) ? { ...each, kind: 'verdict', good: false } : each)
  t.equal(drops(push(), blamed).size, 0)
  const filter = push()
  t.ok(drops(filter, rows).size > 0)
  t.notMatch(JSON.stringify(filter.report!()), /zorvatek|coin/)
})

t.test('endless texts of ever new words are bounded', async t => {
  const { rows } = manyRows(50)
  const before = process.memoryUsage().heapUsed
  drops(push(), rows.map((each, i) => ({ ...each, answer: { content: Array.from({ length: 20_000 }, (_, j) => `w${i}x${j}`).join(' ') } })))
  t.ok(process.memoryUsage().heapUsed - before < 400 * 2 ** 20)
})
