import { test } from 'tap'
import { estimateOf, rateOf, trainingSeconds, type Amounts } from '../../../src/training/prepare/estimate.ts'

/**
 * The runs of the trainer's notes (§5) on two threads of a shared machine:
 * rows of about 80 tokens (§2), 82 of them to learn from and 19 kept back, 94
 * and 15 of thumbs, and answers of about 100 tokens to replay.
 */
const corrections = { rows: { train: 82, valid: 19, replay: 24 }, tokens: { train: 82 * 80, valid: 19 * 80, replay: 24 * 100 } }
const thumbs = { rows: { train: 94, valid: 15, replay: 0 }, tokens: { train: 94 * 105, valid: 15 * 105, replay: 0 } }
const common = { hyper: {}, longest: 160, parameters: 135e6, evaluation: { written: 0, read: 0, writeRate: 1, readRate: 1 } }
const runs: readonly (readonly [took: number, Omit<Amounts, keyof typeof common> & Partial<Amounts>])[] = [
  [112, { ...corrections, method: 'sft', hyper: { batch: 8, epochs: 3, kl: 0 } }],
  [66, { ...corrections, method: 'sft', hyper: { kl: 0 } }],
  [123, { ...corrections, method: 'sft' }],
  [83, { ...thumbs, method: 'kto', hyper: { epochs: 1 } }]
]
/** Tokens a second of the notes' doctor (§8): bf16, 2 threads. */
const doctor = 260

test('an estimate is within 35 % of the runs that were measured', async t => {
  for (const [took, amounts] of runs) {
    const { seconds } = estimateOf({ ...common, ...amounts }, doctor, 'a', [])
    t.ok(Math.abs(seconds / took - 1) <= 0.35, `${amounts.method} ${JSON.stringify(amounts.hyper)}: ${seconds.toFixed(0)} s for ${took} s`)
  }
})

test('the memory of an estimate is within 35 % of what was measured', async t => {
  // §8: 2.7 to 3.1 GB at 320 to 640 tokens in a batch; 3.7 GB at 1,000.
  for (const [batch, longest, gigabytes] of [[4, 160, 2.9], [8, 80, 2.9], [8, 125, 3.7]] as const) {
    const { bytes } = estimateOf({ ...common, ...corrections, method: 'sft', hyper: { batch }, longest }, doctor, 'a', [])
    t.ok(Math.abs(bytes / 1e9 / gigabytes - 1) <= 0.35, `${(bytes / 1e9).toFixed(1)} GB for ${gigabytes} GB`)
  }
})

test('runs on the same base count and others do not, the newest most', async t => {
  const amounts: Amounts = { ...common, ...corrections, method: 'sft' }
  const method = 'sft' as const
  const past = [{ baseDigest: 'a', method, trainRate: 100 }, { baseDigest: 'b', method, trainRate: 9000 }, { baseDigest: 'a', method, trainRate: 300 }]
  const { seconds, runs } = estimateOf(amounts, doctor, 'a', past)
  t.equal(runs, 2)
  t.equal(rateOf([100, 300]), 200)
  t.equal(rateOf([100, 300, 700]), 300)
  t.equal(rateOf([]), null)
  t.equal(seconds, trainingSeconds(amounts, 200))
  t.equal(estimateOf({ ...amounts, method: 'kto' }, doctor, 'a', [{ baseDigest: 'a', method: 'kto', trainRate: 100 }]).seconds, trainingSeconds({ ...amounts, method: 'kto' }, 150), 'thumbs read half as much again as the trainer counts')
  t.strictSame(estimateOf(amounts, doctor, 'c', past), { ...estimateOf(amounts, doctor, 'c', []), runs: 0 })
})

test('what takes longer is told to take longer', async t => {
  const seconds = (over: Partial<Amounts>): number => estimateOf({ ...common, ...corrections, method: 'sft', ...over }, doctor, 'a', []).seconds
  t.ok(seconds({ hyper: { kl: 0 } }) < seconds({}), 'holding the base')
  t.equal(seconds({ rows: { ...corrections.rows, replay: 0 }, tokens: { ...corrections.tokens, replay: 0 } }), seconds({ hyper: { kl: 0 } }), 'which nothing replayed does not')
  t.ok(seconds({ method: 'dpo', hyper: { epochs: 2, kl: 0 } }) > seconds({ hyper: { epochs: 2, kl: 0 } }), 'the pass for references')
  t.ok(seconds({ method: 'kto', hyper: { epochs: 2 } }) > seconds({ method: 'dpo', hyper: { epochs: 2 } }), 'mismatched pairs')
  t.equal(seconds({ evaluation: { written: 3000, read: 1000, writeRate: 30, readRate: 100 } }) - seconds({}), 110, 'the evaluation')
  t.ok(seconds({ parameters: 1e9 }) > seconds({}), 'a larger base')
})
