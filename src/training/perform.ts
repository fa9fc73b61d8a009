import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Adapters } from '../adapters/adapters.ts'
import type { Datasets } from '../datasets/datasets.ts'
import type { Row } from '../datasets/row.ts'
import { problem } from '../errors.ts'
import type { AppliedAdapter } from '../inference/engine.ts'
import { compare, type Comparison } from './compare.ts'
import { evaluate } from './evaluation/evaluate.ts'
import { judge } from './gate.ts'
import type { Measured } from './measured.ts'
import { createFacts } from './prepare/facts.ts'
import { type Prepared, prepare } from './prepare/prepare.ts'
import { type Order, orderOf } from './prepare/probe.ts'
import { methodFor } from './prepare/rows.ts'
import { shareOf } from './prepare/share.ts'
import type { Result } from './python/result.ts'
import { reportOf } from './report/report.ts'
import type { Served } from './served.ts'
import type { Change, Kept } from './store.ts'
import type { JobFolder, Torch, Trainer, TrainerEvent } from './trainer.ts'
import type { Estimate, LossPoint, Method, Progress, Run, Stage } from './training.ts'
import type { Verdict } from './verdict.ts'

/** Who is told how far a run is. */
export interface Told {
  stage (next: Stage, change?: Omit<Change, 'stage' | 'took' | 'losses'>): Promise<void>
  progress (progress: Progress): void
  loss (point: LossPoint): void
  /** What was told so far. */
  soFar (): Pick<Run, 'took'> & { readonly losses: readonly LossPoint[] }
}

/** What a run came to. `version`: which one it became; null: it was not let in. */
export interface Outcome { readonly measured: Measured, readonly verdict: Verdict, readonly version: number | null, readonly digest: string }

/**
 * Does one run from its beginning to its verdict, in a folder of its own. Done
 * again in the same folder it uses what is there already and true. Throws the
 * signal's reason where that fires.
 */
export type Perform = (run: Kept, folder: string, told: Told, signal: AbortSignal) => Promise<Outcome>

export interface PerformParts {
  readonly datasets: Pick<Datasets, 'find' | 'rows'>
  readonly adapters: Pick<Adapters, 'add' | 'lease'>
  /** A base in the background, until it is released. Throws `model_not_found`. */
  readonly serve: (base: string | null, tenant: string) => Served & { release (): void }
  readonly trainer: Trainer
  readonly torch: Torch
  /** Sets Python up where it is not there. Throws `python_missing`, `python_setup_failed`. */
  readonly setUp: (progress: (words: string) => void, signal: AbortSignal) => Promise<unknown>
  /** Looks through what came back, of which nothing is believed. Throws `training_bad_result`. */
  readonly checkResult: (out: string, expected: { readonly baseDigest: string, readonly runId: string }) => Promise<Result>
  readonly estimateOf: (prepared: Prepared, run: Kept, held: number, served: Served, signal: AbortSignal) => Promise<Estimate>
  /** The run that made an adapter, and its folder; null: it was not trained here. */
  readonly trainedAs: (digest: string) => Promise<{ readonly run: Kept, readonly folder: string } | null>
  readonly folderOf: (run: string) => string
  /** The folder of all bases. */
  readonly bases: string
  readonly threads: number
  readonly rssMb: number
  readonly licenceOf: (base: string) => string | null
  readonly versions: { readonly engraft: string, readonly torch: string }
  readonly now?: () => number
}

/** Shares of the people of a learning curve, before all of them. */
const shares = [0.25, 0.5]

export function createPerform (parts: PerformParts): Perform {
  const { datasets, adapters, serve, torch, setUp, trainedAs, folderOf, bases, licenceOf, versions, now = Date.now } = parts

  return async (run, folder, told, signal) => {
    const { wanted } = run
    const pace: { last: Extract<TrainerEvent, { event: 'step' }> | null } = { last: null }
    await told.stage('preparing')
    const served = serve(wanted.base, wanted.tenant)
    const judging = wanted.judge === null ? null : serve(wanted.judge, wanted.tenant)
    try {
      const made = wanted.candidate === null ? await trained() : await given(wanted.candidate)
      try {
        await told.stage('evaluating', { method: made.method, rate: pace.last?.tokensPerSecond ?? null })
        const { measured: found, opinions } = await evaluate({ served, judge: judging, wanted, method: made.method, candidate: made.adapter, trained: made.learnt, held: made.held }, told.progress, signal)
        const trust = made.comparison === null ? { parity: null, forgetting: null } : await made.comparison.adapter(made.adapter, made.peft, made.qk, signal)
        const measured: Measured = { ...found, ...trust, data: made.data, curve: await made.curve(), bestEpoch: made.bestEpoch }
        const verdict = judge(measured, made.method)
        const admitted = wanted.candidate === null && (verdict.decision === 'promote' || verdict.decision === 'person')
        const version = admitted ? (await adapters.add({ name: wanted.name, base: served.name, content: createReadStream(made.adapter.path) }, run.id)).version.version : null
        if (opinions.length > 0) await writeFile(join(folder, 'judgements.jsonl'), opinions.map(opinion => `${JSON.stringify(opinion)}\n`).join(''), { mode: 0o600 })
        await writeReport(made.method, { measured, verdict, version, digest: made.adapter.digest })
        await tidy(folder)
        return { measured, verdict, version, digest: made.adapter.digest }
      } finally {
        made.release()
      }
    } finally {
      served.release()
      judging?.release()
    }

    /** What is judged, and all that judging it needs. */
    interface Made {
      readonly method: Method
      readonly adapter: AppliedAdapter
      readonly learnt: readonly Row[]
      readonly held: readonly Row[]
      readonly data: Measured['data']
      readonly bestEpoch: number | null
      /** null: PyTorch cannot read it; then `peft` and `qk` say nothing. */
      readonly comparison: Comparison | null
      readonly peft: string
      readonly qk: Order
      curve (): Promise<Measured['curve']>
      release (): void
    }

    async function trained (): Promise<Made> {
      await setUp(what => told.progress({ what, done: 0, total: null, eta: null }), signal)
      told.progress({ what: 'finds out how the base orders its heads', done: 0, total: null, eta: null })
      const qk = await orderOf({ served, torch, bases }, signal)
      const parent = wanted.parent === null ? null : folderOf(wanted.parent)
      const prepared = await prepare({
        ...parts,
        id: await jobId(served.digest),
        wanted,
        method: wanted.method,
        served,
        rows: split => datasets.rows(wanted.dataset, split),
        folder,
        qk,
        parentPeft: parent === null ? null : join(parent, 'out', 'peft')
      }, told.progress, signal)
      const held = await all(datasets.rows(wanted.dataset, 'test'))
      const comparison = await compare({ served, torch, bases, folder, held: datasets.rows(wanted.dataset, 'test') }, told.progress, signal)
      const estimate = await parts.estimateOf(prepared, run, held.length, served, signal)
      await told.stage('training', { method: prepared.method, estimate })
      const result = await train(prepared.job, join(folder, 'out'), true)
      const learnt = [...await all(datasets.rows(wanted.dataset, 'train')), ...await all(datasets.rows(wanted.dataset, 'valid'))]
      return {
        method: prepared.method,
        adapter: { digest: result.digest, path: result.adapter, scale: 1 },
        learnt,
        held,
        data: prepared.data,
        bestEpoch: result.bestEpoch,
        comparison,
        peft: result.peft,
        qk,
        curve: async () => wanted.curve ? await curveOf(prepared, held) : null,
        release () {}
      }
    }

    /** An adapter that exists, on the rows of people whom it was not trained on. */
    async function given (reference: string): Promise<Made> {
      const lease = adapters.lease(reference, null)
      if (lease === null) throw problem('adapter_not_found', { adapter: reference })
      try {
        if (lease.base !== served.name) throw problem('invalid_request', { detail: `${reference} is an adapter of the base '${lease.base}'.` }, { param: 'base' })
        await lease.ready()
        const origin = await trainedAs(lease.adapter.digest)
        const learnt = origin === null ? [] : await learntBy(origin.run)
        const known = new Set(learnt.map(({ group }) => group))
        const own = origin?.run.wanted.dataset === wanted.dataset
        const asked = own ? ['test'] as const : ['train', 'valid', 'test'] as const
        const held: Row[] = []
        for (const split of asked) for await (const row of datasets.rows(wanted.dataset, split)) if (!known.has(row.group)) held.push(row)
        const facts = createFacts()
        held.forEach(row => facts.held(row))
        learnt.forEach(row => facts.learnt(row))
        const peft = origin === null ? null : join(origin.folder, 'out', 'peft')
        const comparable = peft !== null && existsSync(peft)
        if (comparable) await setUp(what => told.progress({ what, done: 0, total: null, eta: null }), signal)
        return {
          method: origin?.run.method ?? methodFor(kindsOf(held)),
          adapter: lease.adapter,
          learnt,
          held,
          data: facts.found(learnt.length),
          bestEpoch: null,
          comparison: comparable ? await compare({ served, torch, bases, folder, held: each(held) }, told.progress, signal) : null,
          peft: peft ?? '',
          qk: comparable ? await orderOf({ served, torch, bases }, signal) : 'plain',
          curve: async () => null,
          release: () => lease.release()
        }
      } catch (error) {
        lease.release()
        throw error
      }
    }

    async function learntBy ({ wanted: { dataset } }: Kept): Promise<Row[]> {
      return [...await all(datasets.rows(dataset, 'train')), ...await all(datasets.rows(dataset, 'valid'))]
    }

    /** The same data, settings and base are the same job, whichever run does it: its adapter has the same bytes. */
    async function jobId (base: string): Promise<string> {
      const { sha256 } = await datasets.find(wanted.dataset)
      return `job_${createHash('sha256').update(JSON.stringify([sha256, run.gone, base, wanted.method, Object.entries(wanted.hyper).sort(), wanted.parent])).digest('hex').slice(0, 24)}`
    }

    async function train (job: JobFolder, out: string, shown: boolean): Promise<Result> {
      const file = await readFile(join(job.path, 'job.json'), 'utf8')
      // What another job began, before somebody's rows went.
      if (await readFile(join(out, 'job.json'), 'utf8').catch(() => '') !== file) await rm(out, { recursive: true, force: true })
      await parts.trainer.train(job, out, event => { if (shown) hear(event) }, signal)
      return await parts.checkResult(out, { baseDigest: job.baseDigest, runId: (JSON.parse(file) as { run_id: string }).run_id })
    }

    function hear (event: TrainerEvent): void {
      if (event.event === 'step') {
        pace.last = event
        told.progress({ what: 'trains', done: event.step, total: event.of, eta: event.eta, loss: event.loss, ...event.tokensPerSecond !== null && { tokensPerSecond: event.tokensPerSecond } })
        told.loss({ step: event.step, loss: event.loss })
      } else if (event.event === 'valid') {
        told.loss({ step: event.step, loss: pace.last?.loss ?? event.loss, valid: event.loss })
      }
    }

    async function curveOf (prepared: Prepared, held: readonly Row[]): Promise<Measured['curve']> {
      const points = []
      for (const share of shares) {
        const name = `${share * 100}`
        const { job, rows } = await shareOf(prepared.job, share, join(folder, `job-${name}`))
        told.progress({ what: `trains on ${name} % of the people`, done: 0, total: null, eta: null })
        const { adapter: path, digest } = await train(job, join(folder, `out-${name}`), false)
        const { measured: { gain } } = await evaluate({ served, judge: null, wanted: { ...wanted, examples: 0 }, method: prepared.method, candidate: { path, digest, scale: 1 }, trained: [], held }, told.progress, signal)
        points.push({ share, rows, nll: gain.nll, all: gain.all })
      }
      return points
    }

    async function writeReport (method: Method, { measured, verdict, version, digest }: Outcome): Promise<void> {
      const { name, version: number, sha256, manifest } = await datasets.find(wanted.dataset)
      const { took, losses } = told.soFar()
      const { gone: _, ...kept } = run
      const files = reportOf({
        run: { ...kept, method, stage: 'done', ended: now(), took, progress: null, erased: 0, verdict, digest, adapter: version === null ? null : { name: wanted.name, version } },
        measured,
        verdict,
        losses,
        dataset: { name, version: number, sha256: sha256 ?? '', counts: manifest!.counts },
        base: { name: served.name, digest: served.digest, licence: licenceOf(served.name) },
        versions: { engraft: versions.engraft, torch: measured.parity === null ? null : versions.torch }
      })
      await mkdir(join(folder, 'report'), { recursive: true, mode: 0o700 })
      for (const [file, text] of files) await writeFile(join(folder, 'report', file), text, { mode: 0o600 })
    }
  }
}

/** Takes away what holds people's text, and what nobody needs any more. The adapter stays, as both files that it is. */
async function tidy (folder: string): Promise<void> {
  const names = (await readdir(folder)).filter(name => name === 'compared.jsonl' || /^(?:job|out-)/.test(name))
  const out = join(folder, 'out')
  const checkpoints = existsSync(out) ? (await readdir(out)).filter(name => name.startsWith('checkpoint-')) : []
  for (const path of [...names.map(name => join(folder, name)), ...checkpoints.map(name => join(out, name))]) await rm(path, { recursive: true, force: true })
}

async function all (rows: AsyncIterable<Row>): Promise<Row[]> {
  const read: Row[] = []
  for await (const row of rows) read.push(row)
  return read
}

async function * each (rows: readonly Row[]): AsyncGenerator<Row> { yield * rows }

function kindsOf (rows: readonly Row[]): Record<Row['kind'], number> {
  const kinds = { demonstration: 0, preference: 0, verdict: 0 }
  for (const { kind } of rows) kinds[kind]++
  return kinds
}
