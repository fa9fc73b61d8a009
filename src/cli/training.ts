import { checksIn, settingIn } from './given.ts'
import type { Print } from './keys.ts'
import type { Output } from './progress.ts'
import { interruptible } from './pull.ts'
import { type Detail, type Estimate, type Run, at, follow, lineOf, printEnd, printLosses, sentenceOf } from './run.ts'
import { type Server, ServerError, ask } from './server.ts'
import { table } from './table.ts'

/** What is measured, of an adapter that is trained or of one that exists. */
export interface EvaluateFlags {
  readonly dataset?: string
  readonly tenant?: string
  readonly base?: string
  /** A JSON file with the list of checks. */
  readonly checks?: string
  readonly examples?: string
  readonly judge?: string
  readonly estimate?: boolean
  readonly detach?: boolean
}

/** The flags of `engraft train`. */
export interface TrainFlags extends EvaluateFlags {
  readonly method?: string
  readonly parent?: string
  /** KEY=VALUE each. */
  readonly hyper?: readonly string[]
  readonly curve?: boolean
}

/** Trains the next version of an adapter and shows it until its verdict; resolves to the exit code, null where Ctrl-C left it running. Throws `ServerError` where it fails. */
export async function train (server: Server, name: string | undefined, flags: TrainFlags, print: Print, output: Output): Promise<number | null> {
  const { method, parent, hyper = [], curve } = flags
  return await begin(server, { name, method, parent, hyper: Object.fromEntries(hyper.map(settingIn)), curve }, flags, print, output)
}

/** Measures an adapter that exists, as NAME@VERSION; as `train` otherwise. */
export async function evaluate (server: Server, candidate: string, flags: EvaluateFlags, print: Print, output: Output): Promise<number | null> {
  return await begin(server, { candidate }, flags, print, output)
}

async function begin (server: Server, wanted: object, flags: EvaluateFlags, print: Print, output: Output): Promise<number | null> {
  const { dataset, tenant, base, checks, examples, judge, estimate, detach } = flags
  if (dataset === undefined) throw new ServerError("Say which data set: --dataset NAME. 'engraft datasets list' shows them.")
  const body = { ...wanted, dataset, tenant, base, judge, ...checks !== undefined && { checks: await checksIn(checks) }, ...examples !== undefined && { examples: wholeIn(examples) } }
  if (estimate === true) {
    print(sentenceOf((await ask<Estimate>(server, 'POST', '/admin/training', { ...body, dry_run: true })).body))
    return 0
  }
  const { body: { id } } = await ask<Run>(server, 'POST', '/admin/training', body)
  print(`${id} has begun.`)
  if (detach !== true) return await follow(server, id, print, output)
  print(`'engraft training show ${id}' shows how far it is.`)
  return 0
}

/** Installs what training needs, and says how far it is; resolves to the exit code, null where Ctrl-C ended it. */
export async function setUpTraining (setUp: (progress: (words: string) => void, signal: AbortSignal) => Promise<{ readonly python: string }>, print: Print): Promise<number | null> {
  let last = ''
  const progress = (words: string): void => {
    if (words !== last) print(words)
    last = words
  }
  const found = await interruptible(async signal => await setUp(progress, signal))
  print(found === null ? "Stopped. What arrived is kept: 'engraft train --setup' goes on from there." : `Training is done by ${found.python}.`)
  return found === null ? null : 0
}

/** Prints one aligned line a run, the newest first. */
export async function listTraining (server: Server, { tenant }: { readonly tenant?: string }, print: Print): Promise<void> {
  const { body: { data } } = await ask<{ data: readonly Run[] }>(server, 'GET', `/admin/training${tenant === undefined ? '' : `?${new URLSearchParams({ tenant })}`}`)
  if (data.length === 0) return print("Nothing has been trained yet: 'engraft train --dataset NAME' does.")
  for (const line of table([heading, ...data.map(cells)])) print(line)
}

/** Prints how a run stands; with `follow` until it ends. The exit code as `train` has it. */
export async function showTraining (server: Server, id: string, flags: { readonly follow?: boolean }, print: Print, output: Output): Promise<number | null> {
  if (flags.follow === true) return await follow(server, id, print, output)
  const { body: run } = await ask<Detail>(server, 'GET', at(id))
  for (const line of table([heading, cells(run)])) print(line)
  printLosses(run, print)
  if (run.ended_at !== null) return printEnd(run, print)
  print(lineOf(run, () => ''))
  return 0
}

/** Ends a run that waits or is under way. */
export async function cancelTraining (server: Server, id: string, print: Print): Promise<void> {
  const { body: { stage } } = await ask<Run>(server, 'POST', `${at(id)}/cancel`)
  print(stage === 'cancelled' ? `${id} is cancelled.` : `${id} had ended before: it is ${stage}.`)
}

const heading = ['ID', 'NAME', 'TENANT', 'BEGUN', 'METHOD', 'STAGE', 'VERDICT', 'ADAPTER']

function cells ({ id, name, tenant, created_at: created, method, candidate, stage, verdict, adapter }: Run): string[] {
  return [id, name, tenant, created.slice(0, 16).replace('T', ' '), candidate === null ? method ?? '-' : `measures ${candidate}`, stage, verdict?.decision ?? '-', adapter === null ? '-' : `${adapter.name}@${adapter.version}`]
}

function wholeIn (text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new ServerError(`--examples is '${text}', but must be a whole number.`)
  return Number(text)
}
