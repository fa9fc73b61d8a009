import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { access, mkdir } from 'node:fs/promises'
import { isAbsolute, join, relative } from 'node:path'
import type { Database } from '../database/database.ts'
import { query } from '../database/sql.ts'
import { PublicError, problem } from '../errors.ts'
import type { Datasets, Split, Version } from './datasets.ts'
import { dueAfter } from './due.ts'
import type { FormatName } from './exports/format.ts'
import { createFiles, exportFile, exportedBy, isThere } from './exports/ledger.ts'
import { sweepParts } from './exports/writing.ts'
import { fresh, nothing, type Recorded, recorded } from './fresh.ts'
import type { NewSchedule, Schedule, Schedules, When } from './schedule.ts'

export interface SchedulesParts {
  readonly database: Pick<Database, 'all' | 'commit'>
  readonly datasets: Pick<Datasets, 'build' | 'list' | 'rows'>
  /** The data folder. */
  readonly data: string
  readonly log: (message: string, fields: Readonly<Record<string, unknown>>) => void
  readonly now?: () => number
}

export interface OpenSchedules extends Schedules {
  /** Does what is due now, one after the other; asked while it does, it is the same. */
  tick (): Promise<void>
  /** Takes out of the files in the data folder what their versions have lost since they were written. */
  tidy (): Promise<void>
  /** Runs the work while no file is being written, so that an erasure finds every one. */
  standingAside<T> (work: () => Promise<T>): Promise<T>
  /** Sweeps what a killed server left half written, and looks and tidies every half minute from now on. */
  start (): Promise<void>
  /** Gives up what is being exported; nothing half is left of it. */
  close (): Promise<void>
}

interface ScheduleRow {
  readonly id: string
  readonly tenant: string
  readonly dataset: string
  readonly filters: string
  readonly format: FormatName
  readonly split: Split
  readonly folder: string | null
  readonly cron: string | null
  readonly rows: number | null
  readonly created: number
  readonly handled: number
  readonly evidence: string
  readonly failure: string | null
}

/** Cron expressions name minutes. */
const lookEveryMs = 30_000
/** After something failed for which nobody need have been there. */
const retryMs = 3_600_000
/** As a name of an adapter: it becomes part of a file's name. */
const name = /^[a-z0-9][a-z0-9._-]{0,99}$/i

/** Schedules in this database. Their own folders are below `exports` in the data folder. */
export function openSchedules ({ database, datasets, data, log, now = Date.now }: SchedulesParts): OpenSchedules {
  const home = join(data, 'exports')
  const leaving = new AbortController()
  const files = createFiles(database)
  let running: Promise<void> | null = null
  let turn: Promise<unknown> = Promise.resolve()
  let timer: NodeJS.Timeout | null = null

  function inTurn<T> (work: () => Promise<T>): Promise<T> {
    const next = turn.then(work)
    turn = next.catch(() => {})
    return next
  }

  async function all (): Promise<ScheduleRow[]> {
    return await database.all(query<ScheduleRow>('select * from export_schedules order by created, id'))
  }

  async function isDue (schedule: ScheduleRow): Promise<boolean> {
    // A clock that was set back must not silence it.
    const handled = Math.min(schedule.handled, now())
    if (schedule.cron !== null) return (dueAfter(schedule.cron, handled) ?? Infinity) <= now()
    if (schedule.failure !== null && handled + retryMs > now()) return false
    return await fresh(database, schedule.tenant, JSON.parse(schedule.evidence) as Recorded) >= (schedule.rows ?? Infinity)
  }

  /** The newest version, built anew where there is evidence that it does not have; null: there is no evidence at all. */
  async function versionFor ({ tenant, dataset, filters }: ScheduleRow): Promise<Version | null> {
    const newest = (await datasets.list(tenant)).filter(version => version.name === dataset && version.state === 'ready').sort((a, b) => b.version - a.version)[0]
    if (await fresh(database, tenant, newest?.manifest?.evidence ?? nothing) === 0) return newest ?? null
    const { done } = await datasets.build({ tenant, name: dataset, filters: JSON.parse(filters) })
    const version = await unlessLeaving(done)
    if (version.failure !== null) throw new RunFailed(version.failure)
    return version
  }

  async function run (schedule: ScheduleRow): Promise<void> {
    const evidence = await recorded(database)
    let failure: Schedule['failure'] = null
    try {
      const version = await versionFor(schedule)
      if (version !== null) await inTurn(async () => { await exportVersion(schedule, version) })
    } catch (error) {
      if (leaving.signal.aborted) return
      if (!(error instanceof PublicError || error instanceof RunFailed)) throw error
      failure = error instanceof RunFailed ? error.failure : { code: error.code, message: error.message }
      log('a scheduled export failed', { schedule: schedule.id, code: failure.code })
    }
    // What its reader would refuse is tried again when more has come; all else when it is due again.
    const done = failure === null || failure.code === 'export_refused'
    await database.commit([query('update export_schedules set handled = :now, evidence = :evidence, failure = :failure where id = :id', {
      id: schedule.id, now: now(), evidence: done ? JSON.stringify(evidence) : schedule.evidence, failure: failure === null ? null : JSON.stringify(failure)
    })])
  }

  async function exportVersion ({ id, dataset, format, split, folder }: ScheduleRow, version: Version): Promise<void> {
    const path = join(folder ?? join(home, id), `${dataset}@${version.version}-${split}.${format}.jsonl`)
    const before = await exportedBy(database, id)
    if (before[0] !== undefined && before[0].path === path && await isThere(before[0])) return
    await exportFile(database, { schedule: id, dataset: version.id, format, split, path, inside: isBelow(home, path) }, datasets.rows(version.id, split), leaving.signal)
  }

  async function unlessLeaving<T> (work: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>()
    const leave = (): void => reject(leaving.signal.reason)
    leaving.signal.addEventListener('abort', leave)
    if (leaving.signal.aborted) leave()
    try {
      return await Promise.race([work, promise])
    } finally {
      leaving.signal.removeEventListener('abort', leave)
    }
  }

  async function lookOnce (): Promise<void> {
    for (const schedule of await all()) if (!leaving.signal.aborted && await isDue(schedule)) await run(schedule)
  }

  function tick (): Promise<void> {
    running ??= lookOnce().finally(() => { running = null })
    return running
  }

  /** Apart from what is due, which may be waiting for a long build. */
  async function tidy (): Promise<void> { await inTurn(async () => { if (!leaving.signal.aborted) await files.tidy(leaving.signal) }) }

  function look (): void {
    for (const work of [tidy, tick]) work().catch((error: unknown) => { if (!leaving.signal.aborted) log('scheduled exports could not be looked at', { error: String(error) }) })
  }

  return {
    tick,
    tidy,
    standingAside: inTurn,

    async create (schedule) {
      await validate(schedule, data, home)
      const id = `schedule_${randomBytes(12).toString('hex')}`
      const { tenant, dataset, filters, format, split, folder, cron, rows } = schedule
      await database.commit([query(`insert into export_schedules (id, tenant, dataset, filters, format, split, folder, cron, rows, created, handled, evidence)
        values (:id, :tenant, :dataset, :filters, :format, :split, :folder, :cron, :rows, :now, :now, :nothing)`,
      { id, tenant, dataset, filters: JSON.stringify(filters), format, split, folder, cron, rows, now: now(), nothing: JSON.stringify(nothing) })])
      return (await this.list()).find(made => made.id === id)!
    },

    async list () { return (await all()).map(row => scheduleOf(row, now())) },

    async remove (id) {
      const [gone] = await database.commit([query('delete from export_schedules where id = :id', { id })])
      if (gone === 0) throw problem('schedule_not_found', { id }, { param: 'id' })
    },

    exported: async limit => await exportedBy(database, null, limit),

    async start () {
      await sweepParts(home)
      timer = setInterval(look, lookEveryMs).unref()
      look()
    },

    async close () {
      if (timer !== null) clearInterval(timer)
      leaving.abort(problem('shutting_down', { seconds: 1 }, { retryAfter: 1 }))
      await running?.catch(() => {})
      await turn
    }
  }
}

/** A build that failed, with its own words. */
class RunFailed extends Error {
  readonly failure: NonNullable<Version['failure']>

  constructor (failure: NonNullable<Version['failure']>) {
    super(failure.message)
    this.failure = failure
  }
}

async function validate ({ dataset, cron, folder, ...schedule }: NewSchedule, data: string, home: string): Promise<void> {
  if (!name.test(dataset)) throw problem('name_invalid', { name: dataset }, { param: 'dataset' })
  if ((cron === null) === (schedule.rows === null)) throw problem('schedule_invalid', { detail: "Say either 'cron', when it is exported, or 'rows', how much new evidence makes it due." }, { param: 'cron' })
  if (cron !== null) {
    const due = attempt(() => dueAfter(cron, Date.now()))
    if (due instanceof Error || due === null) throw problem('schedule_invalid', { detail: `'${cron}' names no time: ${due?.message ?? 'none is ever due'}. A cron expression has five parts, as '0 3 * * 1' for Mondays at three.` }, { param: 'cron' })
  }
  if (folder === null) return
  if (!isAbsolute(folder)) throw problem('schedule_invalid', { detail: `'${folder}' is no absolute path on the server's machine.` }, { param: 'folder' })
  if (isBelow(data, folder) && !isBelow(home, folder)) throw problem('schedule_invalid', { detail: `${folder} is in the data folder: leave 'folder' out, or name one elsewhere.` }, { param: 'folder' })
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await access(folder, constants.W_OK)
  } catch (cause) {
    throw problem('export_failed', { folder, detail: (cause as NodeJS.ErrnoException).code ?? 'unknown' }, { param: 'folder', cause })
  }
}

function attempt<T> (work: () => T): T | Error {
  try {
    return work()
  } catch (error) {
    return error as Error
  }
}

function isBelow (folder: string, path: string): boolean {
  const way = relative(folder, path)
  return !way.startsWith('..') && !isAbsolute(way)
}

function scheduleOf ({ handled, evidence: _, filters, failure, cron, rows, ...row }: ScheduleRow, now: number): Schedule {
  return {
    ...row,
    // The table checks that it is just one of them.
    ...{ cron, rows } as When,
    filters: JSON.parse(filters),
    next: cron === null ? null : dueAfter(cron, Math.min(handled, now)),
    failure: failure === null ? null : JSON.parse(failure)
  }
}
