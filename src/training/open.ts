import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Database } from '../database/database.ts'
import type { Datasets } from '../datasets/datasets.ts'
import { publicError, problem } from '../errors.ts'
import type { Perform, Told } from './perform.ts'
import { type Kept, advance, begin, end, find, list, losses, measured, spent, unfinished } from './store.ts'
import type { Estimate, LossPoint, Progress, Run, Stage, Training, Wanted } from './training.ts'

export interface TrainingParts {
  readonly database: Pick<Database, 'all' | 'commit'>
  readonly datasets: Pick<Datasets, 'find'>
  /** sha256 of the base that is asked for. Throws `model_not_found`. */
  readonly baseOf: (name: string | null) => string
  /** A folder of its own: one folder a run, and what is known of bases. */
  readonly folder: string
  readonly perform: Perform
  readonly estimate: (wanted: Wanted, folder: string, signal: AbortSignal) => Promise<Estimate>
  /** Throws what `start` must throw at once: `python_missing`, `invalid_request`, `adapter_not_found`. */
  readonly check: (wanted: Wanted) => Promise<void>
  readonly log: (message: string, fields: Readonly<Record<string, unknown>>) => void
  readonly now?: () => number
}

export interface OpenTraining extends Training {
  /** Goes on with what a killed server was doing, once what its files hold of the erased is deleted. */
  resume (): Promise<void>
  /**
   * Runs the work while nothing is trained or measured. What was under way goes
   * on afterwards; where rows of its data set have gone meanwhile, its files
   * are deleted before this resolves, and it begins anew without them.
   */
  standingAside<T> (work: () => Promise<T>): Promise<T>
  /** Stops what is under way; the next start goes on with it. */
  close (): Promise<void>
}

interface Running {
  readonly id: string
  readonly stop: AbortController
  /** Resolves when nothing of it is under way any more. */
  readonly over: Promise<void>
  progress: Progress | null
  readonly losses: LossPoint[]
}

/** Steps between two writes of the losses: a crash loses the curve's last points and nothing else. */
const lossesTogether = 10
/** Newest trained runs whose weights stay in any case: whoever looks at a candidate that was turned down, or removed a version by mistake, finds them. */
const weightsKept = 10
/** What a run under way is stopped with that is not to end. */
const aside = new Error('it stands aside')

/** Trainings in this database, one at a time. */
export function openTraining ({ database, datasets, baseOf, folder, perform, estimate, check, log, now = Date.now }: TrainingParts): OpenTraining {
  let turn: Promise<unknown> = Promise.resolve()
  /** Resolves when nobody needs the files to themselves. */
  let waiting: Promise<void> = Promise.resolve()
  let running: Running | null = null
  const cancelled = new Set<string>()
  const leaving = new AbortController()

  const folderOf = (id: string): string => join(folder, id)

  async function shown (kept: Kept): Promise<Run> {
    const { gone, ...run } = kept
    const { erased } = await datasets.find(run.wanted.dataset)
    return { ...run, progress: running?.id === run.id ? running.progress : null, erased: Math.max(0, erased - gone) }
  }

  function enqueue (id: string): void {
    turn = turn.then(async () => await run(id)).then(dropWeights).catch((error: unknown) => log('a training could not be written down', { run: id, error: publicError(error).code }))
  }

  /** Runs it to its end, however often it stands aside for others. */
  async function run (id: string): Promise<void> {
    while (true) {
      await waiting
      if (leaving.signal.aborted) return
      if ((await find(database, id)).ended !== null) return
      if (cancelled.has(id)) return await endedAs(id, { stage: 'cancelled' })
      const stop = new AbortController()
      const over = Promise.withResolvers<void>()
      running = { id, stop, over: over.promise, progress: null, losses: [] }
      try {
        return await attempt(id, stop.signal)
      } catch (error) {
        if (error !== aside) throw error
      } finally {
        running = null
        over.resolve()
      }
    }
  }

  async function attempt (id: string, signal: AbortSignal): Promise<void> {
    try {
      const { wanted } = await find(database, id)
      // Before the first file is written, so that whoever looks after an erasure knows what the files may hold.
      await advance(database, id, { gone: (await datasets.find(wanted.dataset)).erased })
      await mkdir(folderOf(id), { recursive: true, mode: 0o700 })
      const kept = await find(database, id)
      const teller = told(id)
      const outcome = await perform(kept, folderOf(id), teller, signal)
      await advance(database, id, teller.soFar())
      await end(database, id, { stage: 'done', ...outcome }, now())
    } catch (error) {
      if (signal.reason === aside) throw aside
      if (cancelled.has(id)) return await endedAs(id, { stage: 'cancelled' })
      const { code, message, status, cause } = publicError(error)
      if (status >= 500) log('a training failed', { run: id, code, error: cause instanceof Error ? cause.message : undefined })
      await endedAs(id, { stage: 'failed', failure: { code, message } })
    }
  }

  /** What lies in its folder may be people's text, and nobody needs it any more. */
  async function endedAs (id: string, ending: Parameters<typeof end>[2]): Promise<void> {
    await rm(folderOf(id), { recursive: true, force: true })
    await end(database, id, ending, now())
  }

  function told (id: string): Told {
    const took: Partial<Record<Stage, number>> = {}
    let stage: Stage = 'waiting'
    let since = now()
    const mine = running!
    const points = mine.losses
    return {
      async stage (next, change = {}) {
        took[stage] = (took[stage] ?? 0) + now() - since
        since = now()
        stage = next
        mine.progress = null
        await advance(database, id, { stage, took, losses: points, ...change })
      },
      soFar: () => ({ took: { ...took, [stage]: (took[stage] ?? 0) + now() - since }, losses: [...points] }),
      progress (progress) { mine.progress = progress },
      loss (point) {
        points.push(point)
        if (points.length % lossesTogether === 0) void advance(database, id, { losses: points }).catch((error: unknown) => log('the losses of a training could not be written down', { run: id, error: publicError(error).code }))
      }
    }
  }

  /** Deletes the files of what is under way, or judged, where rows have gone since they were written. */
  async function dropErased (): Promise<void> {
    for (const { id, gone, wanted } of await unfinished(database)) {
      if ((await datasets.find(wanted.dataset)).erased > gone) await rm(folderOf(id), { recursive: true, force: true })
    }
    for (const { id, gone, wanted } of await list(database, null)) {
      if (existsSync(join(folderOf(id), 'judgements.jsonl')) && (await datasets.find(wanted.dataset)).erased > gone) await rm(join(folderOf(id), 'judgements.jsonl'), { force: true })
    }
  }

  /** Deletes the weights that nobody needs any more. What was measured, judged and told of them stays. */
  async function dropWeights (): Promise<void> {
    for (const id of await spent(database, weightsKept)) await rm(join(folderOf(id), 'out'), { recursive: true, force: true })
  }

  return {
    async start (wanted) {
      const version = await datasets.find(wanted.dataset)
      if (version.state !== 'ready') throw problem('dataset_not_ready', { dataset: `${version.name}@${version.version}`, state: version.state, id: version.id })
      if (version.tenant !== wanted.tenant) throw problem('dataset_not_found', { id: wanted.dataset })
      await check(wanted)
      const kept = await begin(database, wanted, baseOf(wanted.base), now())
      enqueue(kept.id)
      return await shown(kept)
    },
    check,
    async estimate (wanted) {
      await check(wanted)
      const aside = join(folder, `estimate_${randomUUID()}`)
      try {
        return await estimate(wanted, aside, leaving.signal)
      } finally {
        await rm(aside, { recursive: true, force: true })
      }
    },
    list: async tenant => await Promise.all((await list(database, tenant)).map(shown)),
    find: async id => await shown(await find(database, id)),
    losses: async id => running?.id === id ? [...running.losses] : await losses(database, id),
    async cancel (id) {
      const { ended } = await find(database, id)
      if (ended === null) {
        cancelled.add(id)
        if (running?.id === id) {
          running.stop.abort(problem('training_cancelled', { id }))
          await running.over
        } else {
          await endedAs(id, { stage: 'cancelled' })
        }
      }
      return await shown(await find(database, id))
    },
    measured: async id => await measured(database, id),
    async report (id, file) {
      const { stage } = await find(database, id)
      if (stage !== 'done') throw problem('training_not_done', { id, stage })
      return await readFile(join(folderOf(id), 'report', file), 'utf8').catch(() => { throw problem('not_found', { method: 'GET', path: `/admin/training/${id}/report?file=${file}` }) })
    },

    async resume () {
      await dropErased()
      await dropWeights()
      for (const { id } of await unfinished(database)) enqueue(id)
    },
    async standingAside (work) {
      const before = waiting
      const over = Promise.withResolvers<void>()
      waiting = before.then(async () => { await over.promise })
      await before
      try {
        running?.stop.abort(aside)
        await running?.over
        const result = await work()
        await dropErased()
        return result
      } finally {
        over.resolve()
      }
    },
    async close () {
      leaving.abort(aside)
      running?.stop.abort(aside)
      await turn
    }
  }
}
