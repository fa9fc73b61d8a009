import t, { test, type Test } from 'tap'
import { forgettingOf } from '../../../src/training/prepare/forgetting.ts'
import { changeOf, errorOf, gainOf, parityOf, parityRows } from '../../../src/training/prepare/parity.ts'
import { chosen } from '../../../src/training/prepare/probe.ts'
import type { TorchScore } from '../../../src/training/trainer.ts'
import { row } from '../../datasets/curation/rows.ts'
import { corrections, each, openRenderer } from './support.ts'

const open = await openRenderer(t)
const scored = (logp: readonly number[], over: Partial<TorchScore> = {}): TorchScore => ({ id: 'r', logp, nll: -logp.reduce((sum, one) => sum + one, 0) / logp.length, kl: null, agree: null, ...over })
const near = (t: Test, found: number, wanted: number): void => { t.ok(Math.abs(found - wanted) < 1e-12, `${found} is ${wanted}`) }

test('parity counts every token alike, and rows by the mean of theirs', async t => {
  const half = Math.log(0.5)
  const [engine, torch] = [[[half, half, half], [Math.log(0.25)]], [scored([half, half, half]), scored([Math.log(0.5)])]]
  const { rows, error, meanNll, worstNll } = parityOf(engine, torch)
  t.equal(rows, 2)
  near(t, error, 0.25 / 4)
  near(t, worstNll, Math.log(2))
  near(t, meanNll, Math.log(2) / 2)
  t.ok(Number.isNaN(parityOf([[NaN]], [scored([0])]).error), 'what is not a number is not agreement')
  t.throws(() => errorOf([[0], [0]], [scored([0])]), /different rows/)
  t.throws(() => errorOf([[0]], [scored([0, 0])]), /different rows/)
})

test('a gain is the mean over rows of what a token became likelier', async t => {
  near(t, gainOf([[-2, -4], [-1]], [[-1, -1], [-1]]), 1)
  t.equal(changeOf([[-1, -2], [-3]], [[-1, -2], [-3]]), 0)
  t.equal(changeOf([[-1, -2], [-3]], [[-1.5, -2], [-2.5]]), 1 / 3)
  for (const other of [[[-1]], [], [[-1, -2], [-1]]]) t.ok(Number.isNaN(changeOf([[-1, -2]], other)), JSON.stringify(other))
})

test('forgetting counts every token of the base\'s own answers alike', async t => {
  const torch = [scored([-1, -1, -1], { kl: 0.1, agree: 1 }), scored([-1], { kl: 0.5, agree: 0 })]
  const { rows, kl, agreement, worse } = forgettingOf(torch, [[-1, -1, -1], [-1]], [[-1, -2, -1], [-2]])
  t.equal(rows, 2)
  near(t, kl, 0.2)
  near(t, agreement, 0.75)
  near(t, worse, 0.5)
  t.ok(Number.isNaN(forgettingOf([scored([-1])], [[-1]], [[-1]]).kl), 'scored without the adapter it is unknown, not 0')
  t.throws(() => forgettingOf(torch, [[-1]], [[-1]]), /different rows/)
})

test('the order of q and k is the one that agrees, where that is clear', async t => {
  t.equal(chosen({ permuted: 0.0148, plain: 0.142 }), 'permuted')
  t.equal(chosen({ permuted: 0.001, plain: 0.0000002 }), 'plain')
  for (const [permuted, plain] of [[0.2, 0.3], [0.02, 0.03], [0.2, 0.9], [0, 0], [NaN, 0.01], [0.01, NaN], [NaN, NaN]] as const) {
    t.throws(() => chosen({ permuted, plain }), { code: 'training_bad_base', message: /q and k/ }, `${permuted} and ${plain}`)
  }
})

test('parity is looked at on sixteen rows of the held-out, drawn alike each time, and eight answers of the base', async t => {
  const served = open()
  const rows = [...corrections(300, 30), row('Long?', 'one more word '.repeat(400), { id: 'long' })]
  const answers = Array.from({ length: 24 }, (_, i) => ({ id: `general-${i}`, group: 'base', prompt: [1], completion: [2] }))
  const found = await parityRows(served, each(rows), answers)
  t.equal(found.length, 24)
  t.strictSame(found.slice(16), answers.slice(0, 8))
  t.equal(new Set(found.map(({ id }) => id)).size, 24)
  t.strictSame(await parityRows(served, each(rows.toReversed()), answers), found)
  t.equal((await parityRows(served, each(rows.slice(0, 5)), answers)).length, 13, 'all of few')
  t.strictSame((await parityRows(served, each(rows.slice(-1)), answers)).map(({ id }) => id), answers.slice(0, 8).map(({ id }) => id), 'none that is too long')
})
