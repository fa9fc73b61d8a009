import type { Interval, Measured } from '../../src/training/measured.ts'
import { judge } from '../../src/training/gate.ts'
import type { Facts } from '../../src/training/report/facts.ts'

export const interval = (mean: number, low = mean, high = mean): Interval => ({ mean, low, high })

/** House style learnt from corrections as it was measured, with more held-out people: it passes every step. */
export function good (): Measured {
  return {
    rows: 110,
    people: 27,
    data: { trained: 82, sharedPeople: 0, sharedRows: 0, rude: 0, secrets: 0 },
    parity: {
      qk: 'permuted',
      before: { rows: 24, error: 0.0052, meanNll: 0.018, worstNll: 0.044 },
      after: { rows: 24, error: 0.0047, meanNll: 0.006, worstNll: 0.015 },
      gain: { engine: 4.44, torch: 4.42 },
      atZero: 0
    },
    arms: [
      { name: 'base', rows: 110, checks: { opening: interval(0), item: interval(0.48, 0.38, 0.58), topic: interval(0) }, all: interval(0), nll: interval(4.6, 4.5, 4.7), firstToken: 81, promptTokens: 41, words: 71 },
      { name: 'base + examples', rows: 110, checks: { opening: interval(0.94, 0.89, 0.98), item: interval(1), topic: interval(0.19, 0.12, 0.27) }, all: interval(0.18, 0.11, 0.26), nll: interval(0.9, 0.85, 0.95), firstToken: 412, promptTokens: 221, words: 30 },
      { name: 'adapter', rows: 110, checks: { opening: interval(1), item: interval(0.96, 0.92, 1), topic: interval(0.89, 0.83, 0.95) }, all: interval(0.87, 0.81, 0.94), nll: interval(0.185, 0.16, 0.21), firstToken: 84, promptTokens: 41, words: 29 }
    ],
    gain: {
      nll: interval(4.415, 4.3, 4.52),
      wins: interval(1),
      checks: { opening: interval(1), item: interval(0.48, 0.37, 0.58), topic: interval(0.89, 0.83, 0.95) },
      all: interval(0.87, 0.81, 0.94),
      margin: null
    },
    overExamples: { nll: interval(0.715, 0.65, 0.78), checks: { opening: interval(0.06, 0.02, 0.11), item: interval(-0.04, -0.08, 0), topic: interval(0.7, 0.6, 0.79) }, all: interval(0.69, 0.58, 0.78) },
    withMemory: { nll: interval(3.1, 2.8, 3.4), checks: { opening: interval(0.95, 0.9, 1), item: interval(0.4, 0.2, 0.6), topic: interval(0.8, 0.7, 0.9) }, all: interval(0.76, 0.6, 0.9) },
    relevance: { base: interval(0.21, 0.17, 0.25), adapter: interval(1.31, 1.2, 1.42), gain: interval(1.1, 0.99, 1.2) },
    forgetting: { rows: 24, kl: 0.13, agreement: 0.85, worse: 0.11 },
    tone: { rude: { base: 0, adapter: 0 }, refusals: { base: 0.02, adapter: 0.01 }, length: 1.04 },
    extraction: { probed: 9, reproduced: [] },
    slices: [
      { slice: 'topic', value: 'delivery', rows: 40, people: 18, gain: interval(0.9, 0.8, 1) },
      { slice: 'topic', value: 'refund', rows: 31, people: 15, gain: interval(0.81, 0.66, 0.93) },
      { slice: 'language', value: 'en', rows: 110, people: 27, gain: interval(0.87, 0.81, 0.94) }
    ],
    curve: [
      { share: 0.25, rows: 20, nll: interval(3.4, 3.2, 3.6), all: interval(0.22, 0.14, 0.31) },
      { share: 0.5, rows: 41, nll: interval(4.1, 3.95, 4.25), all: interval(0.61, 0.5, 0.71) },
      { share: 1, rows: 82, nll: interval(4.415, 4.3, 4.52), all: interval(0.87, 0.81, 0.94) }
    ],
    judge: { model: 'qwen3-4b', rows: 110, wins: interval(0.83, 0.75, 0.9) },
    bestEpoch: 2
  }
}

/** Thumbs that taught to write without lists, as measured. */
export function thumbs (): Measured {
  const all = interval(0.265, 0.156, 0.361)
  return {
    ...good(),
    gain: { nll: interval(-0.31, -0.4, -0.2), wins: interval(0.2, 0.1, 0.3), checks: { 'no lists': all }, all, margin: interval(0.9, 0.5, 1.3) },
    overExamples: { nll: interval(-0.2, -0.3, -0.1), checks: { 'no lists': interval(0.2, 0.08, 0.31) }, all: interval(0.2, 0.08, 0.31) },
    withMemory: null,
    relevance: { base: interval(0.9, 0.8, 1), adapter: interval(0.88, 0.78, 0.98), gain: interval(-0.02, -0.05, 0.01) },
    forgetting: { rows: 24, kl: 0.1, agreement: 0.88, worse: 0.04 }
  }
}

/** A copy with one figure changed, named by its path. */
export function changed (measured: Measured, path: string, change: unknown): Measured {
  const copy = structuredClone(measured)
  const keys = path.split('.')
  const last = keys.pop()!
  const holder = keys.reduce<Record<string, unknown>>((value, key) => value[key] as Record<string, unknown>, copy as unknown as Record<string, unknown>)
  holder[last] = typeof change === 'function' ? change(holder[last]) : change
  return copy
}

/** A finished run with this measured of it. */
export function facts (measured = good()): Facts {
  const kinds = { demonstration: 1, preference: 0, verdict: 0 }
  const verdict = judge(measured, 'sft')
  return {
    run: {
      id: 'run_0123456789abcdef01234567',
      wanted: {
        tenant: 'default',
        name: 'house-style',
        dataset: 'ds_0123456789abcdef01234567',
        base: null,
        method: null,
        parent: null,
        candidate: null,
        hyper: { epochs: 3, seed: 7 },
        checks: [{ name: 'opening', type: 'pattern', pattern: '^Thanks' }],
        examples: 3,
        judge: 'qwen3-4b',
        curve: true
      },
      method: 'sft',
      created: Date.UTC(2026, 10, 24),
      ended: Date.UTC(2026, 10, 24, 0, 9),
      stage: 'done',
      progress: null,
      estimate: null,
      took: { preparing: 31_000, training: 246_000, evaluating: 198_000 },
      failure: null,
      verdict,
      adapter: verdict.decision === 'promote' ? { name: 'house-style', version: 4 } : null,
      digest: 'ab'.repeat(32),
      erased: 0
    },
    measured,
    verdict,
    losses: Array.from({ length: 43 }, (_, step) => ({ step, loss: 4.6 * Math.exp(-step / 9) + 0.2 + 0.15 * Math.sin(step * 2.1), ...step % 21 === 0 && { valid: 4.5 * Math.exp(-step / 11) + 0.25 } })),
    dataset: { name: 'support', version: 3, sha256: 'cd'.repeat(32), counts: { train: { rows: 82, people: 33, kinds }, valid: { rows: 19, people: 14, kinds }, test: { rows: 110, people: 27, kinds } } },
    base: { name: 'smollm2-135m', digest: 'ef'.repeat(32), licence: 'Apache-2.0' },
    versions: { engraft: '0.1.0', torch: '2.13.0' }
  }
}
