import { test } from 'tap'
import { allRows, built, corrections, world } from './fixtures.ts'

test('a version has every correction once, and nobody is on two sides', async t => {
  const made = await world(t)
  await corrections(made, 20, 3)
  const version = await built(made)
  t.strictSame([version.state, version.failure], ['ready', null])
  const [train, valid, test] = await Promise.all((['train', 'valid', 'test'] as const).map(async split => await allRows(made.datasets.rows(version.id, split)))) as [any[], any[], any[]]
  t.equal(train.length + valid.length + test.length, 60)
  t.equal(new Set([...train, ...valid, ...test].map(({ id }) => id)).size, 60)
})
