import { test } from 'tap'
import { movedOf } from '../../src/datasets/drift.ts'
import { cardOf, driftOf } from '../../src/datasets/card.ts'
import { built, corrections, word, world } from './fixtures.ts'

/** Counts of so many draws from shares, the same for the same seed. */
function drawn (shares: readonly number[], rows: number, seed: number): Record<string, number> {
  const counts: Record<string, number> = {}
  let state = seed
  for (let i = 0; i < rows; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    let left = state / 2 ** 32
    const bucket = shares.findIndex(share => (left -= share) < 0)
    counts[`b${bucket}`] = (counts[`b${bucket}`] ?? 0) + 1
  }
  return counts
}

const shares = [0.3, 0.2, 0.15, 0.15, 0.1, 0.1]

test('resamples of the same are not flagged, however small', async t => {
  for (const rows of [12, 40, 200, 2000]) {
    for (let seed = 1; seed <= 10; seed++) t.equal(movedOf('topic', drawn(shares, 1000, seed * 7919), drawn(shares, rows, seed * 104_729)).verdict, 'same', `${rows} rows, seed ${seed}`)
  }
})

test('a shift is flagged, a large one as large', async t => {
  const before = drawn(shares, 1000, 11)
  t.equal(movedOf('topic', before, drawn([0.1, 0.2, 0.15, 0.15, 0.1, 0.3], 400, 5)).verdict, 'moved far')
  t.equal(movedOf('length', before, drawn([0.17, 0.17, 0.15, 0.15, 0.1, 0.26], 600, 5)).verdict, 'moved')
  t.equal(movedOf('refusal', { answers: 990, declines: 10 }, { answers: 150, declines: 50 }).verdict, 'moved far')
  t.strictSame(movedOf('topic', before, {}), { slice: 'topic', psi: 0, p: 1, verdict: 'same' })
})

test('a new topic shows in the drift of the next version, and more of the same does not', async t => {
  const made = await world(t)
  await corrections(made, 30, 2)
  t.equal((await built(made)).drift, null)
  for (let user = 100; user < 130; user++) {
    for (const i of [1, 2]) await made.corrected(`user-${user}`, `Will the surgeon of ${word(user * 41 + i)} operate on ${word(user * 3 + i * 99)}?`, 'Perhaps.', `Ask the ${word(user + i * 500)} about ${word(user * 17 + i)} first.`)
  }
  const shifted = await built(made)
  t.match(shifted.drift, { against: 'house@1', before: 60, fresh: 60, gone: 0 })
  t.equal(shifted.drift?.moved.find(({ slice }) => slice === 'topic')?.verdict, 'moved far')
  t.match(driftOf(shifted.drift!), /\| topic \| .*\*\*moved far\*\*/)
  const card = cardOf(shifted)
  for (const part of ['# house@2', '120 row', '## What was dropped', '2026-03', 'Against house@1', 'sha256']) t.ok(card.includes(part), part)
  const [second, first] = await made.datasets.list(null)
  t.strictSame(await made.datasets.diff(second!.id, first!.id), shifted.drift)
})
