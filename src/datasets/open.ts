import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Database } from '../database/database.ts'
import { publicError, type PublicError, problem } from '../errors.ts'
import { type Wire, wire } from '../wire.ts'
import type { Datasets, Drift, Preview, Progress, Version, Wanted } from './datasets.ts'
import { checkFilters } from './filters.ts'
import { lineageOf } from './lineage.ts'
import type { Job, JobOptions, Parent } from './protocol.ts'
import { nameOf, rowsOf } from './rows.ts'
import { begin, clean, fail, find, list, unfinished } from './store.ts'
import type { Thread } from './thread.ts'

export interface DatasetsParts {
  readonly database: Pick<Database, 'all' | 'commit'>
  /** The database's file. */
  readonly path: string
  /** For what lies aside between two passes; emptied at every start. */
  readonly folder: string
  /** Engraft's version. */
  readonly code: string
  /** Resolves when the machine has a thread to spare. */
  readonly gate: () => Promise<void>
  readonly log: (message: string, fields: Readonly<Record<string, unknown>>) => void
}

export interface OpenDatasets extends Datasets {
  /** Builds anew what a killed server was building. */
  start (): Promise<void>
  /** Runs the work while nothing is built: texts that lie aside are gone before it begins, and what was being built begins anew afterwards. */
  standingAside<T> (work: () => Promise<T>): Promise<T>
  /** Gives up what is being built; the next start builds it. */
  close (): Promise<void>
}

/** Times that a build begins anew because what it is made of changed meanwhile. */
const tries = 5

/** Data sets in this database, each built in a thread of its own, one at a time. */
export async function openDatasets ({ database, path, folder, code, gate, log }: DatasetsParts): Promise<OpenDatasets> {
  // What a killed server had put aside.
  await rm(folder, { recursive: true, force: true })
  let turn: Promise<unknown> = Promise.resolve()
  let running: { interrupt (): Promise<void> } | null = null
  let aside = Promise.resolve()
  let closed = false
  let jobs = 0

  /** One after the other. */
  function inTurn<T> (work: () => Promise<T>): Promise<T> {
    const next = turn.then(work, work)
    turn = next.catch(() => {})
    return next
  }

  /** Runs a job to its end; what stands aside for others begins anew, after `undo`. */
  async function run (job: Job, progress: (progress: Progress) => void, undo: () => Promise<void>): Promise<unknown> {
    while (true) {
      await aside
      if (closed) throw problem('shutting_down', { seconds: 1 }, { retryAfter: 1 })
      const attempt = started({ path, folder: join(folder, String(++jobs)), code, job }, { commit: async queries => await database.commit(queries), gate, progress })
      running = attempt
      try {
        return await attempt.done
      } catch (error) {
        if (error !== interrupted) throw error
        if (!closed) await undo()
      } finally {
        running = null
      }
    }
  }

  async function built (version: Version, wanted: Wanted, progress: (progress: Progress) => void): Promise<Version> {
    try {
      // Asked for twice: begun while the server was still starting, and found then as what a killed one had left.
      const now = await find(database, version.id)
      if (now.state !== 'building') return now
      for (let left = tries; ; left--) {
        await clean(database, version.id)
        if (await run({ type: 'build', version, wanted }, progress, async () => await clean(database, version.id)) === true) break
        if (left === 1) throw problem('dataset_unsettled', { dataset: nameOf(version) })
      }
    } catch (error) {
      // It stays as it is, and the next start goes on with it.
      if (closed) return version
      await failed(version, publicError(error))
    }
    return await find(database, version.id)
  }

  async function failed (version: Version, error: PublicError): Promise<void> {
    const { code, message, cause } = error
    if (error.status >= 500) log('a data set could not be built', { dataset: nameOf(version), code, error: cause instanceof Error ? cause.message : undefined })
    try {
      await fail(database, version.id, { code, message })
      await clean(database, version.id)
    } catch (cause) {
      log('what there was of a data set could not be removed, and will be at the next start', { dataset: nameOf(version), error: publicError(cause).code })
    }
  }

  const enqueue = async (version: Version, wanted: Wanted, progress: (progress: Progress) => void): Promise<Version> =>
    await inTurn(async () => await built(version, wanted, progress))

  async function * rows (id: Parameters<Datasets['rows']>[0], split: Parameters<Datasets['rows']>[1]) {
    for await (const { row } of rowsOf(database, id, split)) yield row
  }

  return {
    check: checkFilters,
    async build (wanted, progress = () => {}) {
      checkFilters(wanted.filters)
      const version = await begin(database, wanted, Date.now())
      return { version, done: enqueue(version, wanted, progress) }
    },
    async preview (wanted, progress = () => {}) {
      checkFilters(wanted.filters)
      return await inTurn(async () => await run({ type: 'preview', wanted }, progress, async () => {})) as Preview
    },
    async diff (id, against) {
      const [version, other] = await Promise.all([find(database, id), find(database, against)])
      return await inTurn(async () => await run({ type: 'diff', version, against: other }, () => {}, async () => {})) as Drift
    },
    list: async tenant => await list(database, tenant),
    find: async id => await find(database, id),
    rows,
    lineage: async of => await lineageOf(database, of),

    async start () {
      for (const { id, wanted } of await unfinished(database)) void enqueue(await find(database, id), wanted, () => {})
    },
    async standingAside (work) {
      const before = aside
      const over = Promise.withResolvers<void>()
      aside = before.then(async () => await over.promise)
      await before
      try {
        await running?.interrupt()
        return await work()
      } finally {
        over.resolve()
      }
    },
    async close () {
      closed = true
      await running?.interrupt()
      await turn
    }
  }
}

/** What an attempt ends with that was ended from outside. */
const interrupted = new Error('it stands aside')

/** Starts a thread on a job. */
function started (options: JobOptions, parent: Parent): { readonly done: Promise<unknown>, interrupt (): Promise<void> } {
  // The clone runs .ts, the package .js: the thread has its parent's own extension.
  const worker = new Worker(new URL(`./thread${import.meta.url.slice(-3)}`, import.meta.url), { workerData: options, execArgv: [], resourceLimits: { maxYoungGenerationSizeMb: youngMb } })
  const writing = new Set<Promise<unknown>>()
  const commit: Parent['commit'] = async queries => {
    const commit = parent.commit(queries)
    writing.add(commit)
    return await commit.finally(() => { writing.delete(commit) })
  }
  const thread: Wire<Thread> = wire<Thread>(worker, { ...parent, commit })
  let failure: Error | null = null
  worker.on('error', error => { failure = error })
  const ended = new Promise<void>(resolve => worker.once('exit', code => {
    thread.cut(failure ?? new Error(`the thread of a data set ended with code ${code}`))
    resolve()
  }))

  async function end (): Promise<void> {
    await worker.terminate()
    await ended
    // What it had asked for is written before anything else is.
    await Promise.allSettled(writing)
    await rm(options.folder, { recursive: true, force: true })
  }

  let stopping: Promise<void> | null = null
  async function ran (): Promise<unknown> {
    try {
      const result = await thread.ask('run', undefined)
      await (stopping ??= end())
      return result
    } catch (error) {
      const asked = stopping !== null
      // Why it failed is worth more than that it could not be tidied up either; the next start tries that again.
      await (stopping ??= end()).catch(() => {})
      throw asked ? interrupted : error
    }
  }

  const done = ran()
  return { done, interrupt: async () => { await (stopping ??= end()) } }
}

/** MB for what is new and mostly thrown away at once: rows that come and go. */
const youngMb = 32
