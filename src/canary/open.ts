import { record } from '../access/audit.ts'
import type { Adapters } from '../adapters/adapters.ts'
import type { Database } from '../database/database.ts'
import { query } from '../database/sql.ts'
import { problem, publicError } from '../errors.ts'
import { judgedIn, judgedOf, mannerIn } from './arms.ts'
import type { Both, Canaries, Look, Plan, Told, Tried } from './canaries.ts'
import { countsAs, fails } from './guard.ts'
import { compare } from './interval.ts'
import { planOf, seen } from './plan.ts'
import { judge, mostExtensions, waits } from './verdict.ts'

export interface CanariesParts {
  readonly database: Pick<Database, 'all' | 'commit'>
  readonly adapters: Pick<Adapters, 'find' | 'list' | 'startCanary' | 'endCanary'>
  readonly log: (message: string, fields: Readonly<Record<string, unknown>>) => void
  readonly now?: () => number
}

export interface OpenCanaries extends Canaries {
  /** Looks at all that are under way, and does what the rules say; asked while it does, it is the same. */
  look (): Promise<void>
  /** Looks from now on by itself. */
  watch (): void
  /** Stops looking; counts that were not written yet are. */
  close (): Promise<void>
}

interface Row extends Pick<Told, 'id' | 'adapter' | 'candidate' | 'live' | 'percent' | 'began' | 'ended' | 'outcome'> {
  readonly words: string | null
  readonly plan: string
  readonly looks: string
  readonly extensions: number
  readonly tried: string
}

/** Who decides by rule, in the audit. */
const judgeName = 'canary'
/** Reading what was judged takes milliseconds, and nobody waits: a worse candidate answers for so much longer at most than its look was due. */
const lookEveryMs = 30_000

const untried: Both<Tried> = { candidate: { answers: 0, failed: 0 }, live: { answers: 0, failed: 0 } }

/** Canaries in this database. What answers come to is counted in memory and written at each look, so a crash forgets the last half minute of it. */
export function openCanaries ({ database, adapters, log, now = Date.now }: CanariesParts): OpenCanaries {
  /** Counted since it was last written, by canary. */
  const fresh = new Map<string, Both<Tried>>()
  let looking: Promise<void> | null = null
  let timer: NodeJS.Timeout | null = null

  /** Throws `adapter_not_found`, `canary_not_found`. */
  async function newest (name: string): Promise<Row> {
    if (adapters.find(name) === null) throw problem('adapter_not_found', { adapter: name }, { param: 'name' })
    const [row] = await database.all(query<Row>('select * from canaries where adapter = :name order by ended is null desc, began desc, rowid desc limit 1', { name }))
    if (row === undefined) throw problem('canary_not_found', { adapter: name }, { param: 'name' })
    return row
  }

  function triedIn ({ id, tried }: Pick<Row, 'id' | 'tried'>): Both<Tried> {
    const [kept, more] = [{ ...untried, ...JSON.parse(tried) as Partial<Both<Tried>> }, fresh.get(id) ?? untried]
    const sum = (arm: keyof Both<Tried>): Tried => ({ answers: kept[arm].answers + more[arm].answers, failed: kept[arm].failed + more[arm].failed })
    return { candidate: sum('candidate'), live: sum('live') }
  }

  async function told (row: Row): Promise<Told> {
    const { id, adapter, candidate, live, percent, began, ended, outcome, extensions } = row
    const canary = { plan: JSON.parse(row.plan) as Plan, extensions, looks: JSON.parse(row.looks) as Look[] }
    const [people, manner] = await Promise.all([judgedIn(database, id, candidate), mannerIn(database, id, candidate)])
    return {
      id,
      adapter,
      candidate,
      live,
      percent,
      began,
      ended,
      outcome,
      words: row.words ?? judge(canary, people, now()).words,
      waits: ended === null && waits(canary),
      ...canary,
      now: compare(people.candidate, people.live, seen),
      tried: triedIn(row),
      manner
    }
  }

  /** Writes what was counted since the last time. */
  async function written (row: Row): Promise<Both<Tried>> {
    const tried = triedIn(row)
    if (fresh.delete(row.id)) await database.commit([query('update canaries set tried = :tried where id = :id', { id: row.id, tried: JSON.stringify(tried) })])
    return tried
  }

  async function lookAt (row: Row): Promise<void> {
    const { id, adapter, candidate, percent } = row
    const tried = await written(row)
    if (fails(tried, percent)) {
      await adapters.endCanary(adapter, id, { outcome: 'ended', words: broken(tried) }, judgeName)
      return
    }
    const looks = JSON.parse(row.looks) as Look[]
    const { look, next, words } = judge({ plan: JSON.parse(row.plan) as Plan, extensions: row.extensions, looks }, await judgedIn(database, id, candidate), now())
    if (look === null) return
    // First what follows from it: a look that a crash forgets is taken again.
    if (next === 'end' || next === 'promote') await adapters.endCanary(adapter, id, { outcome: next === 'end' ? 'ended' : 'promoted', words }, judgeName)
    await database.commit([query('update canaries set looks = :looks where id = :id', { id, looks: JSON.stringify([...looks, look]) })])
  }

  async function underWay (): Promise<Row[]> { return await database.all(query<Row>('select * from canaries where ended is null order by began')) }

  async function lookOnce (): Promise<void> {
    for (const row of await underWay()) {
      await lookAt(row).catch((error: unknown) => { log('a canary could not be decided', { canary: row.id, error: publicError(error).code }) })
    }
  }

  function look (): Promise<void> {
    looking ??= lookOnce().finally(() => { looking = null })
    return looking
  }

  /** Once more where one is under way, which may have read too early. */
  const tryLook = (): void => { (looking ?? Promise.resolve()).then(look).catch((error: unknown) => { log('canaries could not be looked at', { error: publicError(error).code }) }) }

  return {
    async start (name, { version, percent, smallest }, by) {
      const live = adapters.find(name)?.live ?? null
      const plan = planOf(percent, smallest, live === null ? [] : await judgedOf(database, `${name}@${live}`))
      await adapters.startCanary(name, { version, percent, plan }, by)
      return await told(await newest(name))
    },
    find: async name => await told(await newest(name)),
    async end (name, by) {
      const { id } = await newest(name)
      if (await adapters.endCanary(name, id, { outcome: 'ended', words: `ended by ${by}` }, by) === null) throw problem('canary_not_found', { adapter: name }, { param: 'name' })
      return await told(await newest(name))
    },
    async extend (name, by) {
      const row = await newest(name)
      const refuse = (detail: string) => problem('canary_over', { adapter: name, detail })
      if (row.ended !== null) throw refuse('it has ended')
      if (!waits({ plan: JSON.parse(row.plan) as Plan, extensions: row.extensions, looks: JSON.parse(row.looks) as Look[] })) throw refuse('it still goes on')
      if (row.extensions >= mostExtensions) throw refuse(`it was extended ${mostExtensions} times, and more of the same would only find chance`)
      await database.commit([
        query('update canaries set extensions = :extensions where id = :id and ended is null', { id: row.id, extensions: row.extensions + 1 }),
        record(by, 'canary.extend', name, { canary: row.id, extensions: row.extensions + 1 })
      ])
      return await told(await newest(name))
    },
    tried (id, version, failure) {
      const counted = countsAs(failure)
      const found = adapters.list().find(({ canary }) => canary?.id === id)
      if (counted === null || found?.canary == null) return
      const arm = version === found.canary.version ? 'candidate' : 'live'
      const before = fresh.get(id) ?? untried
      fresh.set(id, { ...before, [arm]: { ...before[arm], [counted]: before[arm][counted] + 1 } })
      // What breaks is not left to answer until the next look.
      if (counted === 'failed' && arm === 'candidate') tryLook()
    },

    look,
    watch () { timer ??= setInterval(tryLook, lookEveryMs).unref() },
    async close () {
      if (timer !== null) clearInterval(timer)
      await looking
      if (fresh.size > 0) for (const row of await underWay()) await written(row)
    }
  }
}

function broken ({ candidate, live }: Both<Tried>): string {
  const of = ({ answers, failed }: Tried): string => `${failed} of ${answers + failed}`
  return `The candidate breaks: ${of(candidate)} of its answers failed, and ${of(live)} of the live version's.`
}
