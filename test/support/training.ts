import { problem, type PublicError } from '../../src/errors.ts'
import type { Version } from '../../src/datasets/datasets.ts'
import type { Datasets, Training } from '../../src/server/ports.ts'
import type { Estimate, LossPoint, ReportFile, Run, Wanted } from '../../src/training/training.ts'
import type { Verdict } from '../../src/training/verdict.ts'

/** Runs that go as they are told to: each time one is asked after, it is one step further. */
export class ScriptedTraining implements Training {
  readonly asked: (readonly ['start' | 'estimate', Wanted])[] = []
  readonly runs: Run[] = []
  points: readonly LossPoint[] = []
  steps: Partial<Run>[] = []
  files: Partial<Record<ReportFile, string>> = {}
  /** What `start` and `estimate` are refused with. */
  refusal: PublicError | null = null
  /** How often all were asked for. */
  listed = 0

  readonly start: Training['start'] = async wanted => {
    this.asked.push(['start', wanted])
    if (this.refusal !== null) throw this.refusal
    const run: Run = { id: `run_${String(this.runs.length + 1).padStart(24, '0')}`, wanted, method: null, created: 1_760_000_000_000, ended: null, stage: 'waiting', progress: null, estimate: null, took: {}, failure: null, verdict: null, adapter: null, digest: null, erased: 0 }
    this.runs.unshift(run)
    return run
  }

  readonly estimate: Training['estimate'] = async wanted => {
    this.asked.push(['estimate', wanted])
    if (this.refusal !== null) throw this.refusal
    return estimate
  }

  readonly list: Training['list'] = async tenant => {
    this.listed++
    return this.runs.filter(({ wanted }) => tenant === null || wanted.tenant === tenant)
  }

  readonly find: Training['find'] = async id => this.#become(id, this.steps.shift() ?? {})

  readonly losses: Training['losses'] = async id => {
    this.#become(id, {})
    return this.points
  }

  readonly cancel: Training['cancel'] = async id => {
    const { ended } = this.#become(id, {})
    return ended === null ? this.#become(id, { stage: 'cancelled', ended: 1_760_000_100_000 }) : this.#become(id, {})
  }

  readonly report: Training['report'] = async (id, file) => {
    const { stage } = this.#become(id, {})
    if (stage !== 'done') throw problem('training_not_done', { id, stage })
    const text = this.files[file]
    if (text === undefined) throw problem('not_found', { method: 'GET', path: `/admin/training/${id}/report?file=${file}` })
    return text
  }

  #become (id: string, change: Partial<Run>): Run {
    const at = this.runs.findIndex(run => run.id === id)
    const run = this.runs[at]
    if (run === undefined) throw problem('training_not_found', { id })
    const next = { ...run, ...change }
    this.runs[at] = next
    return next
  }
}

export const estimate: Estimate = { seconds: 245, bytes: 2_900_000_000, runs: 0 }

export const verdict: Verdict = {
  decision: 'promote',
  words: 'It may go live: it gains 92 points and nothing is worse.',
  steps: [
    { name: 'data', passed: true, words: 'nobody is in both parts', figures: { sharedPeople: 0 } },
    { name: 'parity', passed: null, words: 'PyTorch cannot read it', figures: {} },
    { name: 'gain', passed: true, words: '92 points (85 to 97), above 0', figures: { mean: 0.92, low: 0.85, high: 0.97 } }
  ]
}

/** A run from its beginning to this verdict, in a few steps. */
export function course (end: Partial<Run> = {}): Partial<Run>[] {
  return [
    {},
    { stage: 'preparing', progress: { what: 'reads the rows', done: 40, total: null, eta: null } },
    { stage: 'preparing', progress: { what: 'looks at the base', done: 0, total: null, eta: null } },
    { stage: 'preparing', progress: { what: 'looks at the base', done: 0, total: null, eta: null } },
    { stage: 'training', method: 'sft', estimate: { ...estimate, runs: 1 }, progress: { what: 'trains', done: 3, total: 12, loss: 2.3456, tokensPerSecond: 171.4, eta: 125 } },
    { stage: 'evaluating', progress: { what: 'answers of the adapter', done: 1, total: 4, eta: 5 }, took: { waiting: 10, preparing: 12_000, training: 130_000 } },
    { stage: 'done', ended: 1_760_000_200_000, progress: null, verdict, adapter: { name: 'house', version: 3 }, digest: 'ab'.repeat(32), took: { waiting: 10, preparing: 12_000, training: 130_000, evaluating: 64_000 }, ...end }
  ]
}

/** Losses that fall, with the validation loss of two epochs. */
export const falling: readonly LossPoint[] = Array.from({ length: 100 }, (_, i) => ({ step: i + 1, loss: 4 * Math.exp(-i / 30), ...(i % 50 === 49 && { valid: 3 - i / 50 }) }))

/** Data sets that are there, named as they are told. */
export function datasetsOf (...versions: readonly (Partial<Version> & Pick<Version, 'id' | 'name' | 'version'>)[]): Datasets {
  const all = versions.map((version): Version => ({ tenant: 'local', created: 1_760_000_000_000, state: 'ready', failure: null, sha256: 'ab'.repeat(32), erased: 0, manifest: null, drift: null, ...version }))
  return {
    build: async () => { throw problem('storage_failed', {}) },
    preview: async () => { throw problem('storage_failed', {}) },
    list: async tenant => all.filter(version => tenant === null || version.tenant === tenant),
    find: async id => {
      const found = all.find(version => version.id === id)
      if (found === undefined) throw problem('dataset_not_found', { id })
      return found
    },
    diff: async id => { throw problem('dataset_not_found', { id }) },
    lineage: async () => []
  }
}

/** The id of a version of a data set. */
export function versionId (n: number): string { return `ds_${String(n).padStart(24, '0')}` }
