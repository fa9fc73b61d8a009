import fc from 'fast-check'
import t from 'tap'
import { cap } from '../../../src/datasets/curation/cap.ts'
import type { Row } from '../../../src/datasets/row.ts'
import { drops, row } from './rows.ts'

/** Rows by people: so many of each. */
function crowd (counts: readonly number[]): Row[] {
  return counts.flatMap((count, person) => Array.from({ length: count }, (_, i) => row(`question ${i}`, 'answer', { group: `person-${person}`, id: `${person}-${i}` })))
}

function left (rows: readonly Row[], dropped: ReadonlyMap<string, string>): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { id, group } of rows) if (!dropped.has(id)) counts.set(group, (counts.get(group) ?? 0) + 1)
  return counts
}

t.test('one person with 1,000 votes among 300 others keeps as many as one in a hundred of what is left', async t => {
  const rows = crowd([1000, ...Array.from({ length: 300 }, () => 8)])
  const filter = cap()
  const dropped = drops(filter, rows)
  const counts = left(rows, dropped)
  const total = rows.length - dropped.size
  t.ok(counts.get('person-0')! <= total * 0.01 && counts.get('person-0')! + 1 > (total + 1) * 0.01, `${counts.get('person-0')} of ${total}`)
  t.equal([...counts.values()].filter(count => count === 8).length, 300, 'nobody else loses a row')
  t.strictSame(filter.report!(), { allowed: counts.get('person-0'), capped: 1 })
})

t.test('which rows stay hangs on the seed and the ids alone, not on who came first', async t => {
  const rows = crowd([1000, ...Array.from({ length: 200 }, () => 1)])
  const kept = (filter = cap(), all = rows): string[] => [...drops(filter, all).keys()].sort()
  t.strictSame(kept(), kept(cap(), rows.toReversed()))
  t.strictNotSame(kept(), kept(cap({ seed: 'another' })))
  const stayed = rows.filter(({ id, group }) => group === 'person-0' && !kept().includes(id)).map(({ id }) => Number(id.split('-')[1]))
  t.ok(stayed.some(i => i >= 100), 'not only the first of them')
})

t.test('a person alone, and two, keep all; ten keep at most twice an equal part', async t => {
  t.equal(drops(cap(), crowd([5000])).size, 0)
  t.equal(drops(cap(), crowd([5000, 3])).size, 0)
  const rows = crowd([1000, ...Array.from({ length: 9 }, () => 50)])
  const dropped = drops(cap(), rows)
  t.equal(left(rows, dropped).get('person-0'), 112, '112 of 562 are a fifth')
  t.equal(drops(cap(), []).size, 0)
})

t.test('nobody loses a row who has no more than the least, and no one keeps more than the share', async t => {
  fc.assert(fc.property(fc.array(fc.nat(200), { minLength: 1, maxLength: 40 }), counts => {
    const rows = crowd(counts)
    const dropped = drops(cap(), rows)
    const after = left(rows, dropped)
    const total = rows.length - dropped.size
    // Of nobody at all there is nothing to divide.
    const people = Math.max(1, counts.filter(count => count > 0).length)
    counts.forEach((count, person) => {
      const kept = after.get(`person-${person}`) ?? 0
      t.ok(count <= 10 ? kept === count : kept >= 10)
      t.ok(kept <= Math.max(10, total * Math.max(0.01, 2 / people) + 1e-9))
    })
  }), { numRuns: 60, examples: [[[0]]] })
})
