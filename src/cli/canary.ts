import type { Print } from './keys.ts'
import { type Server, ServerError, ask } from './server.ts'
import { table } from './table.ts'

interface Judged { readonly answers: number, readonly people: number, readonly rate: number | null }
interface Both<T> { readonly candidate: T, readonly live: T }

/** What the server says of a canary, as far as it is shown here. */
interface Canary {
  readonly candidate: number
  readonly live: number
  readonly percent: number
  readonly began_at: string
  readonly ended_at: string | null
  readonly words: string
  readonly plan: { readonly smallest: number, readonly rate: number, readonly judged: number, readonly needed: Both<number> }
  readonly judged: Both<Judged>
  readonly tried: Both<{ readonly answers: number, readonly failed: number }>
  readonly manner: Both<{ readonly first_ms: number | null, readonly tokens: number | null }>
}

/** The flags of `engraft adapters canary`. */
export interface CanaryFlags { readonly percent?: string, readonly smallest?: string, readonly end?: boolean, readonly extend?: boolean }

/** Begins a canary of a version, or without one shows, ends or extends the one there is. */
export async function canary (server: Server, name: string, version: string | undefined, { percent, smallest, end, extend }: CanaryFlags, print: Print): Promise<void> {
  const at = `/admin/adapters/${encodeURIComponent(name)}/canary`
  const asked = [version !== undefined, end === true, extend === true].filter(Boolean).length
  if (asked > 1 || ((percent !== undefined || smallest !== undefined) && version === undefined)) throw new ServerError('Name a version (with --percent and --smallest), or say --end or --extend, or neither to see how it stands.')
  if (version !== undefined) {
    const { body } = await ask<Canary>(server, 'POST', at, { version: Number(version), percent: Number(percent ?? 20), ...smallest !== undefined && { smallest: Number(smallest) } })
    const { plan: { needed, smallest: seen, rate, judged } } = body
    print(`${name}@${version} answers ${body.percent} of 100 people as ${name} now.`)
    print(`It is decided by ${needed.candidate} judged answers of it and ${needed.live} of ${name}@${body.live}: that many see a difference of ${points(seen)} points from ${share(rate)} good answers${judged === 0 ? ', which is assumed' : ` (of ${judged} judged so far)`}.`)
    return
  }
  const { body } = await ask<Canary>(server, end === true ? 'DELETE' : extend === true ? 'POST' : 'GET', extend === true ? `${at}/extend` : at)
  print(`${name}@${body.candidate} against ${name}@${body.live}, for ${body.percent} of 100 people, since ${minute(body.began_at)}${body.ended_at === null ? '' : ` until ${minute(body.ended_at)}`}.`)
  print(body.words)
  for (const line of table([['VERSION', 'GOOD', 'JUDGED', 'PEOPLE', 'ANSWERS', 'FAILED', 'FIRST TOKEN', 'TOKENS'], ...(['candidate', 'live'] as const).map(arm => cells(name, body, arm))])) print(line)
}

function cells (name: string, canary: Canary, arm: keyof Both<unknown>): string[] {
  const [{ answers, people, rate }, tried, { first_ms: first, tokens }] = [canary.judged[arm], canary.tried[arm], canary.manner[arm]]
  return [`${name}@${canary[arm]}`, rate === null ? '-' : share(rate), String(answers), String(people), String(tried.answers), String(tried.failed), first === null ? '-' : `${Math.round(first)} ms`, tokens === null ? '-' : String(tokens)]
}

function share (of: number): string { return `${(of * 100).toFixed(1)} %` }
function points (of: number): string { return String(Number((of * 100).toFixed(1))) }
function minute (at: string): string { return `${at.slice(0, 16)}Z` }
