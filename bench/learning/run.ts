import { setTimeout as sleep } from 'node:timers/promises'
import type { Measured } from '../../src/training/measured.ts'
import type { Stage } from '../../src/training/training.ts'
import type { Verdict } from '../../src/training/verdict.ts'
import type { LiveServer } from '../../test/support/server.ts'
import { type Collected, collect, placeOf, read } from './collect.ts'
import type { Task } from './task.ts'

/** What was measured of one task, and how long each part of it took. */
export interface Outcome {
  /** The id of the run. */
  readonly run: string
  readonly collected: Collected
  /** Rows of the data set, by what they are for. */
  readonly rows: { readonly train: number, readonly valid: number, readonly test: number }
  readonly measured: Measured
  readonly verdict: Verdict
  readonly minutes: Readonly<Record<string, number>>
}

export interface Version { readonly id: string, readonly state: string, readonly failure: { readonly message: string } | null, readonly rows: Outcome['rows'] }
export interface Run {
  readonly id: string
  readonly stage: Stage
  readonly took: Readonly<Partial<Record<Stage, number>>>
  readonly failure: { readonly code: string, readonly message: string } | null
  readonly verdict: Verdict | null
  readonly adapter: { readonly name: string, readonly version: number } | null
}

/** Milliseconds between two looks at what goes on for minutes. */
const lookEvery = 2000
const minute = 60_000

/** People talk, a data set is made of what they say, and an adapter is trained on it and measured. */
export async function learn (server: LiveServer, name: string, task: Task): Promise<{ readonly outcome: Outcome, readonly adapter: string | null }> {
  const { outcome, adapter } = await run(server, name, task, task.training)
  return { outcome, adapter: adapter === null ? null : `${adapter.name}@${adapter.version}` }
}

/** Other people talk, and an adapter that was trained on none of them is measured on what they ask. */
export async function measure (server: LiveServer, name: string, task: Task, candidate: string): Promise<Outcome> {
  return (await run(server, name, task, { candidate, examples: 0 })).outcome
}

async function run (server: LiveServer, name: string, task: Task, over: object): Promise<{ readonly outcome: Outcome, readonly adapter: Run['adapter'] }> {
  const place = await placeOf(server, name)
  const began = performance.now()
  const collected = await collect(place, task)
  const talked = performance.now()
  say(name, `${collected.judged} answers were judged`)
  const version = await build(server, name)
  say(name, 'the data set is built')
  let stage: Stage | null = null
  const done = await until(server, '/admin/training', await start<Run>(server, '/admin/training', { dataset: version.id, tenant: name, checks: task.checks, ...over }), now => {
    if (now.stage !== stage) say(name, stage = now.stage)
    return ['done', 'failed', 'cancelled'].includes(now.stage)
  })
  if (done.verdict === null) throw new Error(`the training '${name}' came to no verdict: ${done.failure?.message}`)
  const minutes = { talk: (talked - began) / minute, ...Object.fromEntries(Object.entries(done.took).map(([stage, ms]) => [stage, ms / minute])) }
  const report = await read<{ readonly measured: Measured }>(await fetch(new URL(`/admin/training/${done.id}/report?file=report.json`, server.url)))
  return { outcome: { run: done.id, collected, rows: version.rows, measured: report.measured, verdict: done.verdict, minutes }, adapter: done.adapter }
}

/** How far it is: a run takes many minutes. */
function say (name: string, what: string): void { console.error(`${new Date().toISOString().slice(11, 19)}  ${name}: ${what}`) }

/** The data set of all that was said in the tenant of that name. Throws where it cannot be built. */
export async function build (server: LiveServer, name: string): Promise<Version> {
  const version = await until(server, '/admin/datasets', await start<Version>(server, '/admin/datasets', { name, tenant: name }), ({ state }) => state !== 'building')
  if (version.state !== 'ready') throw new Error(`the data set '${name}' was not built: ${version.failure?.message}`)
  return version
}

/** Looks at what was begun until it has come so far. */
export async function until<T extends { readonly id: string }> (server: LiveServer, path: string, begun: T, isThere: (now: T) => boolean): Promise<T> {
  let now = begun
  while (!isThere(now)) {
    await sleep(lookEvery)
    now = await read<T>(await fetch(new URL(`${path}/${begun.id}`, server.url)))
  }
  return now
}

export async function start<T> (server: LiveServer, path: string, body: object): Promise<T> { return await read<T>(await server.post(path, body)) }
