import { checksIn, settingIn } from './given.ts'
import type { Print } from './keys.ts'
import { type Server, ServerError, ask } from './server.ts'
import { table } from './table.ts'

interface Round {
  readonly number: number
  readonly reason: keyof typeof reasons
  readonly began_at: string
  readonly ended_at: string | null
  readonly run: string | null
  readonly version: number | null
  readonly outcome: string | null
  readonly words: string | null
}

/** What the server says of a loop, as far as it is shown here. */
interface Loop {
  readonly name: string
  readonly tenant: string
  readonly cron: string | null
  readonly rows: number | null
  readonly paused: boolean
  readonly step: string
  readonly words: string
  readonly round: Round | null
  readonly rounds: readonly Round[]
}

/** The flags of `engraft loop set`; what is left out is as the server has it for a new loop. */
export interface LoopFlags {
  readonly tenant?: string
  readonly base?: string
  readonly method?: string
  readonly hyper?: readonly string[]
  /** A JSON file with the list of checks. */
  readonly checks?: string
  readonly examples?: string
  readonly judge?: string
  readonly cron?: string
  readonly rows?: string
  readonly cooldown?: string
  readonly budgetMinutes?: string
  readonly budgetRows?: string
  readonly percent?: string
  readonly smallest?: string
  readonly approval?: string
  /** false: `--no-retrain`. */
  readonly retrain?: boolean
}

const reasons = { rows: 'enough new evidence', schedule: 'its time', asked: 'asked for', erased: 'rows were erased' } as const

/** Prints where each loop is, or the one of a name with what it did last. */
export async function showLoop (server: Server, name: string | undefined, print: Print): Promise<void> {
  const { body: { data } } = await ask<{ readonly data: readonly Loop[] }>(server, 'GET', `/admin/loop${name === undefined ? '' : `?${new URLSearchParams({ name })}`}`)
  if (data.length === 0) return print("No adapter is trained by itself: 'engraft loop set NAME --rows 200' changes that.")
  for (const loop of data) told(loop, print)
}

/** Makes a loop, or changes all of its settings. */
export async function setLoop (server: Server, name: string, flags: LoopFlags, print: Print): Promise<void> {
  const { tenant, base, method, hyper = [], checks, examples, judge, cron, rows, cooldown, budgetMinutes, budgetRows, percent, smallest, approval, retrain } = flags
  const { body } = await ask<Loop>(server, 'PUT', '/admin/loop', {
    name,
    tenant,
    base,
    method,
    hyper: Object.fromEntries(hyper.map(settingIn)),
    ...checks !== undefined && { checks: await checksIn(checks) },
    examples: numberIn('--examples', examples),
    judge,
    cron,
    rows: numberIn('--rows', rows),
    cooldown_hours: numberIn('--cooldown', cooldown),
    budget: { minutes: numberIn('--budget-minutes', budgetMinutes), rows: numberIn('--budget-rows', budgetRows) },
    canary: { percent: numberIn('--percent', percent), smallest: numberIn('--smallest', smallest) },
    approval,
    retrain
  })
  told(body, print)
}

/** Begins a round, pauses a loop, or lets it go on. */
export async function moveLoop (server: Server, name: string, move: 'run' | 'pause' | 'resume', print: Print): Promise<void> {
  const { body } = await ask<Loop>(server, 'POST', `/admin/loop/${move === 'run' ? 'run' : 'pause'}`, move === 'run' ? { name } : { name, paused: move === 'pause' })
  told(body, print)
}

/** Says what becomes of a candidate: `canary`, `live` or `refuse`. */
export async function decideLoop (server: Server, name: string, decision: string, print: Print): Promise<void> {
  told((await ask<Loop>(server, 'POST', '/admin/loop/decide', { name, decision })).body, print)
}

export async function removeLoop (server: Server, name: string, print: Print): Promise<void> {
  await ask(server, 'DELETE', `/admin/loop?${new URLSearchParams({ name })}`)
  print(`${name} is not trained by itself any more; what was made stays.`)
}

function told ({ name, tenant, cron, rows, step, words, round, rounds }: Loop, print: Print): void {
  print(`${name} (${tenant}), ${cron === null ? `after ${rows} new pieces of evidence` : `at '${cron}'`}: ${step}`)
  print(words)
  const all = [...round === null ? [] : [round], ...rounds]
  if (all.length > 0) for (const line of table([['ROUND', 'BEGUN', 'BECAUSE', 'RUN', 'VERSION', 'OUTCOME', 'WORDS'], ...all.map(cells)])) print(line)
}

function cells ({ number, reason, began_at: began, run, version, outcome, words }: Round): string[] {
  return [String(number), began.slice(0, 16).replace('T', ' '), reasons[reason], run ?? '-', version === null ? '-' : `@${version}`, outcome ?? 'under way', words ?? '']
}

function numberIn (flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,9}(\.\d{1,9})?$/.test(text)) throw new ServerError(`${flag} is '${text}', but must be a number.`)
  return Number(text)
}
