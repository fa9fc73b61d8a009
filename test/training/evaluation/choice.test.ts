import t from 'tap'
import { inTurn } from '../../../src/training/evaluation/choice.ts'

const rows = Array.from({ length: 30 }, (_, i) => ({ id: `row-${i}`, group: i < 20 ? 'talkative' : `person-${i}` }))

t.test('rows are drawn over people in turn, the same in whatever order they come', async t => {
  const drawn = inTurn(rows, 'salt')
  t.strictSame(drawn.map(({ id }) => id).sort(), rows.map(({ id }) => id).sort(), 'each once')
  t.equal(new Set(drawn.slice(0, 11).map(({ group }) => group)).size, 11, 'everybody once before anybody twice')
  t.strictSame(inTurn(rows.toReversed(), 'salt'), drawn)
  t.notSame(inTurn(rows, 'another'), drawn)
  t.strictSame(inTurn([], 'salt'), [])
})
