import { setTimeout as sleep } from 'node:timers/promises'
import type { Print } from './keys.ts'
import { lossCurve } from './loss-curve.ts'
import { type Output, display, duration } from './progress.ts'
import { interruptible } from './pull.ts'
import { type Server, ServerError, ask } from './server.ts'
import { table } from './table.ts'

/** Memory in bytes; `runs`: how many it was learnt from. */
export interface Estimate { readonly seconds: number, readonly bytes: number, readonly runs: number }

/** What the server says of a run, as far as it is shown here. */
export interface Run {
  readonly id: string
  readonly tenant: string
  readonly name: string
  readonly dataset: string
  readonly method: string | null
  readonly candidate: string | null
  readonly created_at: string
  readonly ended_at: string | null
  readonly stage: 'waiting' | 'preparing' | 'training' | 'evaluating' | 'done' | 'failed' | 'cancelled'
  readonly progress: { readonly what: string, readonly done: number, readonly total: number | null, readonly loss: number | null, readonly tokens_per_second: number | null, readonly eta: number | null } | null
  readonly estimate: Estimate | null
  readonly took: Readonly<Record<string, number>>
  readonly failure: { readonly code: string, readonly message: string } | null
  readonly verdict: {
    readonly decision: 'promote' | 'person' | 'prompt' | 'refuse'
    readonly words: string
    readonly steps: readonly { readonly name: string, readonly passed: boolean | null, readonly words: string }[]
  } | null
  readonly adapter: { readonly name: string, readonly version: number } | null
  readonly erased: number
}
export interface Detail extends Run { readonly losses: readonly { readonly step: number, readonly loss: number, readonly valid: number | null }[] }

/** What scripts go by: whether there is an adapter that may be served. */
const exits = { promote: 0, person: 0, prompt: 3, refuse: 3 } as const

/** Often enough for a bar, and nothing beside a training. */
const askEvery = 500

export function at (id: string): string { return `/admin/training/${encodeURIComponent(id)}` }

/**
 * Shows how far a run is until it ends, with the estimate once there is one,
 * its losses once they are whole, and then its end; resolves to the exit code. Ctrl-C leaves it running and
 * resolves to null. Throws `ServerError` where the run failed or was cancelled.
 */
export async function follow (server: Server, id: string, print: Print, output: Output): Promise<number | null> {
  const progress = display(output, lineOf, (run: Run, before) => run.stage !== before?.stage || run.progress?.what !== before.progress?.what)
  const run = await interruptible(async signal => {
    for (let [estimated, drawn] = [false, false]; ;) {
      const { body: run } = await ask<Detail>(server, 'GET', at(id))
      if (!estimated && run.estimate !== null) {
        progress.end()
        print(sentenceOf(run.estimate))
        estimated = true
      }
      if (!drawn && (run.stage === 'evaluating' || run.ended_at !== null)) {
        progress.end()
        printLosses(run, print)
        drawn = true
      }
      if (run.ended_at !== null) return run
      progress.show(run)
      await sleep(askEvery, undefined, { signal })
    }
  }).finally(progress.end)
  if (run !== null) return printEnd(run, print)
  print(`${id} goes on. 'engraft training show ${id} --follow' shows it again, 'engraft training cancel ${id}' ends it.`)
  return null
}

/** What it takes, for people. */
export function sentenceOf ({ seconds, bytes, runs }: Estimate): string {
  return `It takes about ${duration(seconds)} and ${(bytes / 1e9).toFixed(1)} GB of memory, by ${runs === 0 ? 'a short test' : `${runs} run${runs === 1 ? '' : 's'} before`}.`
}

/** How far a run is, as one line. */
export function lineOf ({ stage, progress }: Run, bar: (share: number) => string): string {
  if (progress === null) return stage
  const { what, done, total, loss, tokens_per_second: rate, eta } = progress
  const far = total !== null && total > 0 ? `${bar(done / total)} ${done}/${total}` : done > 0 ? ` ${done}` : ''
  return [`${stage}: ${what}${far}`, ...loss === null ? [] : [`loss ${loss.toFixed(3)}`], ...rate === null ? [] : [`${Math.round(rate)} tokens/s`], ...eta === null ? [] : [`${duration(eta)} left`]].join(', ')
}

/** Prints how the loss went, where anything was trained. */
export function printLosses ({ losses }: Detail, print: Print): void {
  if (losses.length < 2) return
  for (const line of lossCurve(losses.map(({ loss }) => loss))) print(line)
  const valid = losses.flatMap(({ valid }) => valid === null ? [] : [valid.toFixed(3)])
  print(`Loss of ${losses.length} steps.${valid.length === 0 ? '' : ` On rows kept back: ${valid.join(', ')}.`}`)
}

/** Prints how a run ended and what to do next; the exit code. Throws where it has no verdict. */
export function printEnd ({ id, stage, failure, took, verdict, adapter, erased }: Run, print: Print): number {
  if (failure !== null) throw new ServerError(failure.message, { code: failure.code })
  if (verdict === null) throw new ServerError(`${id} was ${stage}.`)
  const stages = Object.entries(took).filter(([stage]) => stage !== 'waiting')
  if (stages.length > 0) print(`${stages.map(([stage, ms]) => `${stage} ${duration(ms / 1000)}`).join(', ')}.`)
  for (const line of table([['STEP', 'PASSED', 'FOUND'], ...verdict.steps.map(({ name, passed, words }) => [name, passed === null ? 'open' : passed ? 'yes' : 'NO', words])])) print(line)
  print(verdict.words)
  if (erased > 0) print(`Mind: ${erased} row${erased === 1 ? '' : 's'} of its data set ${erased === 1 ? 'has' : 'have'} been erased since. Train it anew.`)
  if (adapter !== null) print(`It is ${adapter.name}@${adapter.version}: 'engraft adapters promote ${adapter.name} ${adapter.version}' lets it answer.`)
  print(`'engraft report ${id}' prints the report; with --out FOLDER it is written with its plots.`)
  return exits[verdict.decision]
}
