import { isDeepStrictEqual } from 'node:util'
import { record } from '../access/audit.ts'
import type { Adapters } from '../adapters/adapters.ts'
import type { Canaries } from '../canary/canaries.ts'
import type { Database } from '../database/database.ts'
import type { Datasets, Version } from '../datasets/datasets.ts'
import { dueAfter } from '../datasets/due.ts'
import { fresh, nothing, recorded } from '../datasets/fresh.ts'
import { type ErrorCode, PublicError, problem, publicError } from '../errors.ts'
import type { Lineages } from '../lineage/lineage.ts'
import { type Kept, type KeptRound, type Reached, begun, ended, handled, loop, loops, reached, removed, restarted, rounds, written } from './loop-store.ts'
import { isCandidate, phaseOf } from './loop-phase.ts'
import { checkSettings, wantedOf } from './loop-settings.ts'
import { between, within } from './loop-words.ts'
import type { Loop, LoopSettings, Loops, Outcome, Reason, Round } from './loops.ts'
import type { Training } from './training.ts'

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
const passing: ReadonlySet<string> = new Set<ErrorCode>(['canary_running', 'storage_full', 'storage_failed', 'python_missing', 'python_setup_failed'])
/** Tries after which what is broken here, and does not say that it passes, ends the round. */
const tries = 60

/** Loops in this database. */
export function openLoops (parts: LoopParts): OpenLoops {
  const { database, datasets, training, adapters, canaries, lineages, log, now = Date.now } = parts
  let turn: Promise<unknown> = Promise.resolve()
  let ticking: Promise<void> | null = null
  let timer: NodeJS.Timeout | null = null
  let closed = false
  /** Why a round cannot take its next step, since when it is left alone, and how often it was tried; by its id. */
  const troubles = new Map<string, { readonly words: string, readonly since: number, readonly times: number }>()
  /** When each run was first seen at work, by its id: time in the queue, and while no server ran, is no time of its own. */
  const working = new Map<string, number>()

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
    if (isCandidate(phase) && phase.run.erased > 0) {
      // What learnt from the erased does not go live. Once more at most, for rows may go on going.
      if (phase.at === 'canary' && phase.told.ended === null) await canaries.end(name, loopName)
      if (!retrain) return await end('refused', 'Rows that it learnt from were erased while it was judged.')
      if (round.reason === 'erased') return await end('failed', 'Rows that it learnt from were erased while it was judged, once more.')
      await database.commit([restarted(round.id, 'erased', now())])
      return true
    }
    switch (phase.at) {
      case 'begun': {
        // A server that was killed between the two had begun it already.
        const had = (await datasets.list(tenant)).find(version => version.name === name && version.created >= round.began)
        return await come({ dataset: (had ?? (await datasets.build({ tenant, name, filters })).version).id })
      }
      case 'building': return false
      case 'unbuilt': return await unmade(round, name, phase.data.failure, 'The data set could not be built.')
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
        const { id, stage } = phase.run
        if (budget.minutes === null || stage === 'waiting') return false
        if (!working.has(id)) working.set(id, now())
        if (now() - working.get(id)! <= budget.minutes * minuteMs) return false
        await training.cancel(id)
        return await end('refused', `Its training was still under way after the ${budget.minutes} minutes that are the budget of a round, and was ended.`)
      }
      case 'broken': return phase.run.stage === 'cancelled' ? await end('stopped', 'Its training was cancelled.') : await unmade(round, name, phase.run.failure, 'Its training failed.')
      case 'judged': {
        const { adapter, verdict } = phase.run
        if (adapter === null) return await end('refused', verdict?.words ?? 'The gate refused it.')
        if (adapters.find(name)?.live === adapter.version) return await end('live', `It came out as ${name}@${adapter.version}, which is live already: nothing changed.`)
        return await come({ version: adapter.version })
      }
      case 'passed': {
        if (adapters.find(name)?.versions.some(({ version }) => version === phase.version) !== true) return await end('stopped', `${name}@${phase.version} was removed.`)
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

  async function over (round: Round, name: string, outcome: Outcome, words: string, by = loopName): Promise<void> {
    await database.commit([ended(round.id, outcome, words, now()), record(by, 'loop.end', name, { round: round.number, outcome })])
    troubles.delete(round.id)
    if (round.run !== null) working.delete(round.run)
  }

  /** A data set or a training that failed: what passes is made again when it may have, all else ends the round. */
  async function unmade (round: Round, name: string, failure: Version['failure'], words: string): Promise<boolean> {
    if (failure === null || !passing.has(failure.code)) {
      await over(round, name, outcomeOf(failure?.code), failure?.message ?? words)
      return true
    }
    await database.commit([restarted(round.id, round.reason, now())])
    left(round, failure.message)
    return false
  }

  /** It is left alone for a while. */
  function left (round: Round, words: string): void { troubles.set(round.id, { words, since: now(), times: (troubles.get(round.id)?.times ?? 0) + 1 }) }

  /** Ends what a round has under way, and itself. */
  async function stopped (settings: LoopSettings, round: KeptRound, by: string, words: string): Promise<void> {
    const phase = await phaseOf(parts, settings, round)
    if (phase.at === 'running') await training.cancel(phase.run.id)
    if (phase.at === 'canary' && phase.told.ended === null) await canaries.end(settings.name, by)
    await over(round, settings.name, 'stopped', words, by)
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
    // A clock that was set back must not silence it.
    if (last === undefined || last.began > now()) return 0
    return last.began + Math.max(cooldown * hourMs, last.outcome === 'failed' ? failedCooldownMs : 0)
  }

  async function due ({ settings, handled: until }: Kept): Promise<Reason | null> {
    const { name, cron, rows: enough, retrain } = settings
    const [last] = await rounds(database, name, 1)
    if (coolAt(settings, last) > now()) return null
    if (retrain) {
      const gone = await goneOf(name)
      // Once turned down, or rolled back, the same is not made again before more is different.
      const same = last !== undefined && last.outcome !== 'failed' && last.gone === gone && last.version !== adapters.find(name)?.live
      if (gone > 0 && !same) return 'erased'
    }
    if (cron !== null) {
      if (until <= now() && (dueAfter(cron, until) ?? Infinity) > now()) return null
      if (until <= now() && await freshOf(settings) > 0) return 'schedule'
      // Nothing to learn from at its time, or a clock that was set back.
      await database.commit([handled(name, now())])
      return null
    }
    return await freshOf(settings) >= (enough ?? Infinity) ? 'rows' : null
  }

  async function begin (name: string, reason: Reason, by: string): Promise<void> {
    await database.commit([
      begun({ loop: name, reason, began: now(), evidence: await recorded(database), gone: await goneOf(name) }),
      ...reason === 'schedule' ? [handled(name, now())] : [],
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
      const since = troubles.get(round.id)?.since ?? -Infinity
      if (closed || (since <= now() && now() < since + retryMs)) return
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
    const broken = error.status === 500
    if (broken ? (troubles.get(round.id)?.times ?? 0) < tries : [429, 503].includes(error.status) || passing.has(error.code)) left(round, broken ? "something is wrong here, and the server's log has the cause." : error.message)
    else await over(round, name, outcomeOf(error.code), error.message)
  }

  async function tickOnce (): Promise<void> {
    for (const { settings: { name } } of await loops(database)) {
      if (!closed) await inTurn(async () => { await advanced(await loop(database, name)) }).catch((error: unknown) => { log('a loop could not be looked at', { loop: name, error: publicError(error).code }) })
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
    async set (given, by) {
      const settings = { ...given, paused: given.paused ?? (await loops(database)).find(kept => kept.settings.name === given.name)?.settings.paused ?? false }
      await checkSettings(parts, settings, now())
      const { name, tenant } = settings
      return await inTurn(async () => {
        const before = (await loops(database)).find(kept => kept.settings.name === name)
        if (before !== undefined && before.settings.tenant !== tenant) throw problem('loop_invalid', { detail: `The loop '${name}' belongs to another tenant: choose another name, or remove that one first.` }, { param: 'tenant' })
        const other = before !== undefined && before.settings.cron !== settings.cron
        await database.commit([written(settings, now()), ...other ? [handled(name, now())] : [], record(by, 'loop.set', name, { paused: settings.paused })])
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
          await stopped(settings, round, by, `Ended by ${by}.`)
        } else if (isCandidate(phase) && phase.run.erased > 0) {
          throw problem('loop_not_waiting', { name, detail: 'rows that the candidate learnt from were erased, so it cannot go live.' })
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
        const { settings } = await loop(database, name)
        const round = await underWay(name)
        if (round !== null) await stopped(settings, round, by, `Ended by ${by}, who removed the loop.`)
        await database.commit([removed(name), record(by, 'loop.remove', name)])
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
}

function outcomeOf (code: string | undefined): Outcome { return code !== undefined && unfit.has(code) ? 'refused' : 'failed' }

function roundOf ({ id, number, reason, began, ended, dataset, run, version, canary, outcome, words }: KeptRound): Round {
  return { id, number, reason, began, ended, dataset, run, version, canary, outcome, words }
}
