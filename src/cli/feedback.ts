import type { Print } from './keys.ts'
import { type Server, ServerError, ask } from './server.ts'
import { table } from './table.ts'

interface Feedback { readonly id: string, readonly completion_id: string | null, readonly choice: number, readonly session: string | null, readonly kind: string, readonly value: unknown, readonly comment: string | null, readonly author: string | null, readonly created_at: string }
interface Signal { readonly kind: string, readonly completion_id: string }
interface Page { readonly data: readonly Feedback[], readonly has_more: boolean, readonly last_id: string | null, readonly implied?: readonly Signal[] }

/** The flags of `engraft feedback give`: what is said, and on what where it is no answer. */
export interface GiveFlags {
  /** Which of several answers to one prompt, counted from 0. */
  readonly choice?: string
  readonly session?: string
  readonly up?: boolean
  readonly down?: boolean
  readonly rating?: string
  readonly correction?: string
  readonly edited?: string
  /** The id of the answer that this one is better than. */
  readonly betterThan?: string
  /** METRIC=NUMBER. */
  readonly outcome?: string
  readonly comment?: string
  readonly author?: string
}

export interface ListFlags { readonly completion?: string, readonly session?: string, readonly kind?: string, readonly limit?: string }

/** Most that the server gives at once. */
const pageSize = 100

/** Says one thing of an answer, or of a session. */
export async function giveFeedback (server: Server, completion: string | undefined, flags: GiveFlags, print: Print): Promise<void> {
  const { choice, session, comment, author } = flags
  const { body: { id } } = await ask<Feedback>(server, 'POST', '/v1/feedback', { completion_id: completion, ...choice !== undefined && { choice: numberIn('choice', choice) }, session, comment, author, ...saidIn(completion, flags) })
  print(`${id} is recorded.`)
}

/** Prints one aligned line for each, in the order in which they came, and what the conversation itself tells where one is asked for. */
export async function listFeedback (server: Server, { completion, session, kind, limit }: ListFlags, print: Print): Promise<void> {
  const most = Number(limit)
  if (!Number.isSafeInteger(most) || most < 1) throw new ServerError(`--limit is '${limit}', but must be a whole number from 1.`)
  const feedback: Feedback[] = []
  let implied: readonly Signal[] = []
  for (let after: string | null = ''; after !== null && feedback.length < most;) {
    const wanted: Record<string, string | undefined> = { completion_id: completion, session, kind, after, limit: String(Math.min(most - feedback.length, pageSize)) }
    const query: URLSearchParams = new URLSearchParams(Object.entries(wanted).filter((pair): pair is [string, string] => Boolean(pair[1])))
    const { body }: { body: Page } = await ask(server, 'GET', `/v1/feedback?${query}`)
    feedback.push(...body.data)
    implied = body.implied ?? []
    after = body.has_more ? body.last_id : null
  }
  if (feedback.length === 0) print('Nothing was said yet.')
  else for (const line of table([['ID', 'SAID', 'BY', 'ON', 'KIND', 'WHAT'], ...feedback.map(cells)])) print(line)
  for (const { kind, completion_id: id } of implied) print(`nobody said, but: ${id} was ${kind}`)
}

function saidIn (completion: string | undefined, { up, down, rating, correction, edited, betterThan, outcome, comment }: GiveFlags): { readonly kind: string, readonly value?: unknown } {
  const said = [
    ...up === true ? [{ kind: 'thumb', value: true }] : [],
    ...down === true ? [{ kind: 'thumb', value: false }] : [],
    ...rating === undefined ? [] : [{ kind: 'rating', value: numberIn('rating', rating) }],
    ...correction === undefined ? [] : [{ kind: 'correction', value: correction }],
    ...edited === undefined ? [] : [{ kind: 'edited', value: edited }],
    ...betterThan === undefined ? [] : [{ kind: 'preference', value: { chosen: completion, rejected: betterThan } }],
    ...outcome === undefined ? [] : [{ kind: 'outcome', value: measureIn(outcome) }]
  ]
  const [one, another] = said
  if (another !== undefined) throw new ServerError('Say one thing at a time: --up, --down, --rating, --correction, --edited, --better-than or --outcome.')
  if (one !== undefined) return one
  if (comment === undefined) throw new ServerError('Say what: --up, --down, --rating, --correction, --edited, --better-than, --outcome or --comment.')
  return { kind: 'comment' }
}

function measureIn (outcome: string): { readonly metric: string, readonly number: number } {
  const [, metric = '', number = ''] = /^(.+)=([^=]+)$/s.exec(outcome) ?? []
  return { metric, number: numberIn('outcome', number) }
}

function numberIn (flag: string, text: string): number {
  const number = Number(text)
  if (text.trim() === '' || !Number.isFinite(number)) throw new ServerError(flag === 'outcome' ? '--outcome must be METRIC=NUMBER, as solved=1.' : `--${flag} is '${text}', but must be a number.`)
  return number
}

/** What fits beside the other columns on a wide terminal. */
const longestCell = 60

function cells ({ id, completion_id: completion, choice, session, kind, value, comment, author, created_at: at }: Feedback): string[] {
  const what = [value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value), comment ?? ''].filter(part => part !== '').join(' · ').replace(/\s+/g, ' ').trim()
  return [id, at.slice(0, 16).replace('T', ' '), author ?? '-', completion === null ? `session ${session}` : choice === 0 ? completion : `${completion} (${choice})`, kind, what.length > longestCell ? `${what.slice(0, longestCell).toWellFormed()}…` : what]
}
