import { isDeepStrictEqual } from 'node:util'
import { record } from '../access/audit.ts'
import type { Adapters } from '../adapters/adapters.ts'
import type { Canaries } from '../canary/canaries.ts'
import type { Database } from '../database/database.ts'
import type { Datasets } from '../datasets/datasets.ts'
import { dueAfter } from '../datasets/due.ts'
import { fresh, nothing, recorded } from '../datasets/fresh.ts'
import { type ErrorCode, PublicError, problem, publicError } from '../errors.ts'
import type { Lineages } from '../lineage/lineage.ts'
import { type Kept, type KeptRound, type Reached, begun, ended, handled, loop, loops, reached, removed, restarted, rounds, written } from './loop-store.ts'
import { phaseOf } from './loop-phase.ts'
import { between, within } from './loop-words.ts'
import type { Loop, LoopSettings, Loops, Outcome, Reason, Round } from './loops.ts'
import type { Training, Wanted } from './training.ts'

export interface LoopParts {
  readonly database: Pick<Database, 'all' | 'commit'>
  readonly datasets: Pick<Datasets, 'build' | 'check' | 'find' | 'list'>
  readonly training: Pick<Training, 'cancel' | 'check' | 'estimate' | 'find' | 'list' | 'start'>
  readonly adapters: Pick<Adapters, 'find' | 'promote'>
  readonly canaries: Pick<Canaries, 'start' | 'find' | 'end'>
  readonly lineages: Pick<Lineages, 'trained'>
  readonly log: (message: string, fields: Readonly<Record<string, unknown>>) => void
  readonly now?: () => number
}

export interface OpenLoops extends Loops {
  /** Takes every step that can be taken now; asked while it does, it is the same. */
  tick (): Promise<void>
  /** Looks by itself from now on. */
  start (): void
  /** Takes no further step; the next start goes on. */
  close (): Promise<void>
}

/** Who acts, in the audit. */
const loopName = 'loop'
const lookEveryMs = 5000
/** After something failed that may be better later: a full disk, a missing Python, a canary begun by hand. */
const retryMs = 60_000
/** A round that failed is not begun again by itself before, however short the cool-down: what failed would fail again. */
const failedCooldownMs = 3_600_000
const hourMs = 3_600_000
const minuteMs = 60_000
/** Rounds that are told. */
const told = 20
/** What says that the data are too little or wrong, and not that something broke. */
const unfit: ReadonlySet<string> = new Set<ErrorCode>(['dataset_empty', 'dataset_leaks', 'training_too_few', 'training_none_held'])
/** Refusals that pass by themselves, beside those of the status 429 and 503. */
const passing: ReadonlySet<string> = new Set<ErrorCode>(['canary_running', 'storage_full', 'dataset_unsettled'])
/** As a name of an adapter. */
const validName = /^[a-z0-9][a-z0-9._-]{0,99}$/i

/** Loops in this database. */
export function openLoops (parts: LoopParts): OpenLoops {
  const { database, datasets, training, adapters, canaries, lineages, log, now = Date.now } = parts
  let turn: Promise<unknown> = Promise.resolve()
  let ticking: Promise<void> | null = null
  let timer: NodeJS.Timeout | null = null
  let closed = false
  /** Why a round cannot take its next step, and until when it is left alone; by its id. */
  const troubles = new Map<string, { readonly words: string, readonly until: number }>()

  /** One change at a time, by whomever. */
  function inTurn<T> (work: () => Promise<T>): Promise<T> {
    const next = turn.then(work)
    turn = next.catch(() => {})
    return next
  }

  async function underWay (name: string): Promise<KeptRound | null> {
    const [newest] = await rounds(database, name, 1)
    return newest?.ended === null ? newest : null
  }

  /** Takes the next step of a round, if there is one to take now; whether it did. */
  async function advance ({ settings }: Kept, round: KeptRound): Promise<boolean> {
    const { name, tenant, filters, budget, canary, retrain } = settings
    const phase = await phaseOf(parts, settings, round)
    const come = async (to: Reached): Promise<true> => { await database.commit([reached(round.id, to)]); return true }
    const end = async (outcome: Outcome, words: string): Promise<true> => { await over(round, name, outcome, words); return true }
    if ('run' in phase && phase.at !== 'running' && phase.at !== 'broken' && retrain && phase.run.erased > 0) {
      // What learnt from the erased does not go live: the round begins anew without them.
      if (phase.at === 'canary' && phase.told.ended === null) await canaries.end(name, loopName)
      if (phase.at !== 'live' && !(phase.at === 'canary' && phase.told.outcome === 'promoted')) {
        await database.commit([restarted(round.id, now())])
        return true
      }
    }
    switch (phase.at) {
      case 'begun': {
        // A server that was killed between the two had begun it already.
        const had = (await datasets.list(tenant)).find(version => version.name === name && version.created >= round.began)
        return await come({ dataset: (had ?? (await datasets.build({ tenant, name, filters })).version).id })
      }
      case 'building': return false
      case 'unbuilt': return await end(outcomeOf(phase.data.failure?.code), phase.data.failure?.message ?? 'The data set could not be built.')
      case 'built': {
        const { data } = phase
        const rows = data.manifest?.counts.train.rows ?? 0
        if (budget.rows !== null && rows > budget.rows) return await end('refused', `${data.name}@${data.version} has ${rows} rows to learn from, and the budget of a round is ${budget.rows}.`)
        const wanted = wantedOf(settings, data.id)
        const had = (await training.list(tenant)).find(run => isDeepStrictEqual(run.wanted, wanted))
        if (had !== undefined) return await come({ run: had.id })
        if (budget.minutes !== null) {
          const { seconds } = await training.estimate(wanted)
          if (seconds > budget.minutes * 60) return await end('refused', `Training on ${data.name}@${data.version} would take about ${Math.ceil(seconds / 60)} minutes, and the budget of a round is ${budget.minutes}.`)
        }
        return await come({ run: (await training.start(wanted)).id })
      }
      case 'running': {
        const { id, stage, created, took } = phase.run
        if (budget.minutes === null || stage === 'waiting' || now() - created - (took.waiting ?? 0) <= budget.minutes * minuteMs) return false
        await training.cancel(id)
        return await end('failed', `Its training was still under way after the ${budget.minutes} minutes that are the budget of a round, and was ended.`)
      }
      case 'broken': return await end(phase.run.stage === 'cancelled' ? 'stopped' : outcomeOf(phase.run.failure?.code), phase.run.failure?.message ?? 'Its training was cancelled.')
      case 'judged': {
        const { adapter, verdict } = phase.run
        if (adapter === null) return await end('refused', verdict?.words ?? 'The gate refused it.')
        if (adapters.find(name)?.live === adapter.version) return await end('live', `It came out as ${name}@${adapter.version}, which is live already: nothing changed.`)
        return await come({ version: adapter.version })
      }
      case 'passed': {
        if (phase.person) return false
        // With nothing live there is nothing to compare with; and what learnt from the erased is not kept for a comparison.
        if ((adapters.find(name)?.live ?? null) === null || round.reason === 'erased') await adapters.promote(name, phase.version, loopName)
        else await canaries.start(name, { version: phase.version, ...canary }, loopName)
        return true
      }
      case 'live': return await end('live', `${name}@${phase.version} answers under its name. ${phase.run.verdict?.words ?? ''}`.trim())
      case 'canary':
        if (round.canary !== phase.told.id) return await come({ canary: phase.told.id })
        if (phase.told.ended === null) return false
        return await end(phase.told.outcome === 'promoted' || adapters.find(name)?.live === round.version ? 'live' : 'refused', phase.told.words)
    }
  }

  async function over (round: Round, name: string, outcome: Outcome, words: string): Promise<void> {
    await database.commit([ended(round.id, outcome, words, now()), record(loopName, 'loop.end', name, { round: round.number, outcome })])
    troubles.delete(round.id)
  }

  /** The rows that the live version learnt from and that have gone since. */
  async function goneOf (name: string): Promise<number> {
    const live = adapters.find(name)?.live ?? null
    return live === null ? 0 : (await lineages.trained()).get(`${name}@${live}`)?.gone ?? 0
  }

  /** What has come since the last round that judged something. */
  async function freshOf ({ tenant, name }: LoopSettings): Promise<number> {
    const since = (await rounds(database, name, told)).find(({ outcome }) => outcome !== 'failed')?.evidence
    return await fresh(database, tenant, since ?? nothing)
  }

  /** When a round may begin by itself, ms. */
  function coolAt ({ cooldown }: LoopSettings, last: Round | undefined): number {
    if (last === undefined) return 0
    // A clock that was set back must not silence it.
    return Math.min(last.began, now()) + Math.max(cooldown * hourMs, last.outcome === 'failed' ? failedCooldownMs : 0)
  }

  async function due ({ settings, handled: until }: Kept): Promise<Reason | null> {
    const { name, cron, rows: enough, retrain } = settings
    const [last] = await rounds(database, name, 1)
    if (coolAt(settings, last) > now()) return null
    if (retrain) {
      const gone = await goneOf(name)
      // Once refused, the same is not made again before more is different.
      if (gone > 0 && !(last?.reason === 'erased' && last.gone === gone)) return 'erased'
    }
    if (cron !== null) {
      if ((dueAfter(cron, Math.min(until, now())) ?? Infinity) > now()) return null
      await database.commit([handled(name, now())])
      return await freshOf(settings) > 0 ? 'schedule' : null
    }
    return await freshOf(settings) >= (enough ?? Infinity) ? 'rows' : null
  }

  async function begin (name: string, reason: Reason, by: string): Promise<void> {
    await database.commit([
      begun({ loop: name, reason, began: now(), evidence: await recorded(database), gone: await goneOf(name) }),
      record(by, 'loop.run', name, { reason })
    ])
  }

  /** As far as it goes now. */
  async function advanced (kept: Kept): Promise<void> {
    const { name, paused } = kept.settings
    if (paused) return
    if (await underWay(name) === null) {
      const reason = await due(kept)
      if (reason !== null) await begin(name, reason, loopName)
    }
    for (let round = await underWay(name); round !== null; round = await underWay(name)) {
      if (closed || (troubles.get(round.id)?.until ?? 0) > now()) return
      try {
        if (!await advance(kept, round)) return
        troubles.delete(round.id)
      } catch (thrown) {
        if (closed) return
        return await stumbled(round, name, thrown)
      }
    }
  }

  /** It goes on later, or is over, as the error says. */
  async function stumbled (round: Round, name: string, thrown: unknown): Promise<void> {
    const error = publicError(thrown)
    if (!(thrown instanceof PublicError)) log('a loop could not take its next step', { loop: name, error: thrown instanceof Error ? thrown.message : String(thrown) })
    if ([429, 500, 503].includes(error.status) || passing.has(error.code)) troubles.set(round.id, { words: error.message, until: now() + retryMs })
    else await over(round, name, outcomeOf(error.code), error.message)
  }

  async function tickOnce (): Promise<void> {
    for (const { settings: { name } } of await loops(database)) {
      if (!closed) await inTurn(async () => { await advanced(await loop(database, name)) })
    }
  }

  function tick (): Promise<void> {
    ticking ??= tickOnce().finally(() => { ticking = null })
    return ticking
  }

  const tryTick = (): void => { tick().catch((error: unknown) => { log('loops could not be looked at', { error: publicError(error).code }) }) }

  async function shown (kept: Kept): Promise<Loop> {
    const { settings, handled: until } = kept
    const all = (await rounds(database, settings.name, told)).map(roundOf)
    const round = all[0]?.ended === null ? all[0] : null
    const count = await freshOf(settings)
    const next = settings.cron === null ? null : dueAfter(settings.cron, Math.min(until, now()))
    const { step, words } = round === null ? between(settings, all[0], count, next, coolAt(settings, all[0]), now()) : within(settings, await phaseOf(parts, settings, round), troubles.get(round.id)?.words ?? null)
    return { settings, step, words: settings.paused ? `Paused. ${words}` : words, fresh: count, next, round, rounds: all.filter(({ ended }) => ended !== null) }
  }

  const found = async (name: string): Promise<Loop> => await shown(await loop(database, name))

  return {
    list: async () => await Promise.all((await loops(database)).map(shown)),
    find: found,
    async set (settings, by) {
      await validate(settings)
      const { name, tenant } = settings
      return await inTurn(async () => {
        const before = (await loops(database)).find(kept => kept.settings.name === name)
        if (before !== undefined && before.settings.tenant !== tenant) throw problem('loop_invalid', { detail: `The loop '${name}' belongs to another tenant: choose another name, or remove that one first.` }, { param: 'tenant' })
        await database.commit([written(settings, now()), record(by, 'loop.set', name, { paused: settings.paused })])
        return await found(name)
      })
    },
    async pause (name, paused, by) {
      return await inTurn(async () => {
        const { settings } = await loop(database, name)
        await database.commit([written({ ...settings, paused }, now()), record(by, paused ? 'loop.pause' : 'loop.resume', name)])
        return await found(name)
      })
    },
    async run (name, by) {
      return await inTurn(async () => {
        const { settings, round, step } = await found(name)
        if (settings.paused) throw problem('loop_paused', { name })
        if (round !== null) throw problem('loop_running', { name, number: round.number, step })
        await begin(name, 'asked', by)
        await advanced(await loop(database, name))
        return await found(name)
      })
    },
    async decide (name, decision, by) {
      return await inTurn(async () => {
        const { settings } = await loop(database, name)
        const round = await underWay(name)
        if (round === null) throw problem('loop_not_waiting', { name, detail: 'no round is under way.' })
        const phase = await phaseOf(parts, settings, round)
        if (decision === 'refuse') {
          if (phase.at === 'running') await training.cancel(phase.run.id)
          if (phase.at === 'canary' && phase.told.ended === null) await canaries.end(name, by)
          await over(round, name, 'stopped', `Ended by ${by}.`)
        } else if (phase.at === 'canary' && decision === 'live' && round.version !== null) {
          await adapters.promote(name, round.version, by)
        } else {
          if (phase.at !== 'passed') throw problem('loop_not_waiting', { name, detail: within(settings, phase, null).words })
          if (decision === 'live') await adapters.promote(name, phase.version, by)
          else await canaries.start(name, { version: phase.version, ...settings.canary }, by)
        }
        await advanced(await loop(database, name))
        return await found(name)
      })
    },
    async remove (name, by) {
      await inTurn(async () => {
        await loop(database, name)
        const round = await underWay(name)
        await database.commit([...round === null ? [] : [ended(round.id, 'stopped', `Ended by ${by}, who removed the loop.`, now())], removed(name), record(by, 'loop.remove', name)])
      })
    },

    tick,
    start () {
      timer ??= setInterval(tryTick, lookEveryMs).unref()
      tryTick()
    },
    async close () {
      closed = true
      if (timer !== null) clearInterval(timer)
      await ticking?.catch(() => {})
      await turn
    }
  }

  async function validate (settings: LoopSettings): Promise<void> {
    const { name, filters, cron, rows: enough } = settings
    if (!validName.test(name)) throw problem('name_invalid', { name }, { param: 'name' })
    if ((cron === null) === (enough === null)) throw problem('loop_invalid', { detail: "Say either 'cron', when a round begins, or 'rows', how much new evidence makes it begin." }, { param: 'cron' })
    if (cron !== null && nextOf(cron, now()) === null) throw problem('loop_invalid', { detail: `'${cron}' names no time. A cron expression has five parts, as '0 3 * * 1' for Mondays at three.` }, { param: 'cron' })
    datasets.check(filters)
    await training.check(wantedOf(settings, ''))
  }
}

function wantedOf ({ tenant, name, training }: LoopSettings, dataset: string): Wanted {
  return { tenant, name, dataset, ...training, parent: null, candidate: null, curve: false }
}

function outcomeOf (code: string | undefined): Outcome { return code !== undefined && unfit.has(code) ? 'refused' : 'failed' }

function nextOf (cron: string, after: number): number | null {
  try {
    return dueAfter(cron, after)
  } catch {
    return null
  }
}

function roundOf ({ id, number, reason, began, ended, dataset, run, version, canary, outcome, words }: KeptRound): Round {
  return { id, number, reason, began, ended, dataset, run, version, canary, outcome, words }
}
