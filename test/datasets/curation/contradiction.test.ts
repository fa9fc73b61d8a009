import fc from 'fast-check'
import t from 'tap'
import { contradiction } from '../../../src/datasets/curation/contradiction.ts'
import type { Row } from '../../../src/datasets/row.ts'
import { drops, row } from './rows.ts'

let people = 0
const by = (): string => `person-${people++}`
const verdict = (good: boolean, told: { group?: string, at?: number, answer?: string, question?: string } = {}): Row =>
  row(told.question ?? 'What is the capital of Australia?', told.answer ?? 'It is Canberra.', { kind: 'verdict', good, group: told.group ?? by(), at: told.at ?? 0 })
const prefers = (better: string, worse: string, group = by()): Row => row('Which?', better, { kind: 'preference', rejected: worse, group })

t.test('praise and blame of the same answer both go, also where case and small words differ', async t => {
  t.equal(drops(contradiction(), [verdict(true), verdict(false, { answer: 'it\'s Canberra', question: 'what is the capital of australia' })]).size, 2)
  t.equal(drops(contradiction(), [verdict(true), verdict(false, { answer: 'It is Sydney.' })]).size, 0, 'another answer')
  t.equal(drops(contradiction(), [verdict(true), verdict(false, { question: 'And of Austria?' })]).size, 0, 'another question')
  t.equal(drops(contradiction(), [verdict(true), verdict(true), verdict(true)]).size, 0)
})

t.test('twice the weight stays, by people and not by clicks', async t => {
  const blame = verdict(false)
  t.strictSame([...drops(contradiction(), [verdict(true), verdict(true), blame])], [[blame.id, 'outweighed by those who say the opposite']])
  const often = [1, 2, 3, 4].map(at => verdict(true, { group: 'often', at }))
  t.equal(drops(contradiction(), [...often, verdict(false)]).size, 5, 'four clicks of one person are one voice')
  t.equal(drops(contradiction(), [verdict(true), verdict(true), verdict(true), verdict(false), verdict(false)]).size, 5, 'three to two is no majority')
})

t.test('a correction weighs as two, and is dropped where as many blame what it says', async t => {
  const correction = row('What is the capital of Australia?', 'It is Canberra.', { group: by() })
  t.strictSame([...drops(contradiction(), [correction, verdict(false)]).values()], ['outweighed by those who say the opposite'])
  t.equal(drops(contradiction(), [correction, verdict(false), verdict(false)]).size, 3)
  t.equal(drops(contradiction(), [correction, ...Array.from({ length: 4 }, () => verdict(false))]).get(correction.id), 'outweighed by those who say the opposite')
})

t.test('of one person the last word holds', async t => {
  const first = verdict(true, { group: 'one', at: 1 })
  t.strictSame([...drops(contradiction(), [verdict(false, { group: 'one', at: 2 }), first])], [[first.id, 'the same person said the opposite later']])
})

t.test('preferences against each other, and those that run in a circle, go', async t => {
  t.equal(drops(contradiction(), [prefers('A first', 'B second'), prefers('B second', 'A first')]).size, 2)
  const lone = prefers('B second', 'A first')
  t.strictSame([...drops(contradiction(), [prefers('A first', 'B second'), prefers('A first', 'B second'), lone]).keys()], [lone.id])
  const circle = [prefers('Aa', 'Bb'), prefers('Bb', 'Cc'), prefers('Cc', 'Aa')]
  const apart = [prefers('Zz', 'Aa'), prefers('Cc', 'Yy'), prefers('Zz', 'Yy')]
  t.strictSame([...drops(contradiction(), [...circle, ...apart])].sort(), circle.map(({ id }) => [id, 'preferences run in a circle']).sort())
  const corrected = row('Which?', 'A first', { rejected: 'B second', group: by() })
  t.strictSame([...drops(contradiction(), [corrected, prefers('B second', 'A first')]).values()], ['outweighed by those who say the opposite'], 'a correction is a preference too')
})

t.test('the order of rows makes no difference, and what is left holds no contradiction', async t => {
  const voices = fc.array(fc.tuple(fc.constantFrom('Aa', 'Bb', 'Cc'), fc.constantFrom('Aa', 'Bb', 'Cc'), fc.nat(3), fc.constantFrom('praise', 'blame', 'prefer', 'correct')), { maxLength: 12 })
  fc.assert(fc.property(voices, made => {
    const rows = made.flatMap(([a, b, person, what], i) => {
      const common = { group: `p${person}`, at: i, id: `row-${i}` }
      if (what === 'prefer') return a === b ? [] : [row('Which?', a, { ...common, kind: 'preference', rejected: b })]
      return [what === 'correct' ? row('Which?', a, common) : row('Which?', a, { ...common, kind: 'verdict', good: what === 'praise' })]
    })
    const dropped = drops(contradiction(), rows)
    t.strictSame([...drops(contradiction(), rows.toReversed())].sort(), [...dropped].sort())
    const better = new Set(rows.flatMap(each => each.kind === 'preference' && !dropped.has(each.id) ? [`${each.answer.content}${each.rejected.content}`] : []))
    for (const pair of better) t.notOk(better.has(pair.slice(2) + pair.slice(0, 2)))
  }), { numRuns: 200 })
})
