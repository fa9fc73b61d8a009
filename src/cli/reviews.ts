import type { Print } from './keys.ts'
import { type Server, ServerError, ask } from './server.ts'

interface Candidate {
  readonly id: string
  readonly tenant: string
  readonly user: string
  readonly created_at: string
  readonly messages: readonly { readonly role: string, readonly content: string }[]
  readonly answer: string | null
  readonly feedback: readonly { readonly kind: string, readonly choice: number, readonly value: unknown, readonly comment: string | null }[]
}

/** The flags of `engraft datasets review`. */
export interface ReviewFlags {
  readonly approve?: boolean
  readonly edit?: string
  readonly reject?: boolean
  readonly reviewer?: string
  readonly reason?: string
  readonly tenant?: string
  readonly evidence?: string
  readonly limit?: string
}

/** Says what is to become of an answer; without one, prints those that wait. */
export async function review (server: Server, completion: string | undefined, flags: ReviewFlags, print: Print): Promise<void> {
  if (completion === undefined) return await waiting(server, flags, print)
  const { approve, edit, reject, reviewer, reason } = flags
  const [decision, another] = [
    ...approve === true ? [{ verdict: 'approved' }] : [],
    ...edit === undefined ? [] : [{ verdict: 'edited', answer: edit }],
    ...reject === true ? [{ verdict: 'rejected' }] : []
  ]
  if (decision === undefined || another !== undefined) throw new ServerError('Say what is to become of it: --approve, --edit TEXT or --reject.')
  if (reviewer === undefined) throw new ServerError('Say who you are: --reviewer NAME.')
  const { body } = await ask<{ verdict: string }>(server, 'POST', `/admin/reviews/${encodeURIComponent(completion)}`, { ...decision, reviewer, reason })
  print(`${completion} is ${body.verdict}.`)
}

async function waiting (server: Server, { tenant, evidence, limit = '20' }: ReviewFlags, print: Print): Promise<void> {
  const query = new URLSearchParams({ limit, ...tenant !== undefined && { tenant }, ...evidence !== undefined && { evidence } })
  const { body: { data, has_more: more } } = await ask<{ data: readonly Candidate[], has_more: boolean }>(server, 'GET', `/admin/reviews?${query}`)
  if (data.length === 0) print('No answer waits for a review.')
  for (const { id, tenant, user, created_at: at, messages, answer, feedback } of data) {
    print(`${id}  ${at.slice(0, 16).replace('T', ' ')}  ${tenant}/${user}`)
    print(`  asked     ${line(messages.findLast(({ role }) => role === 'user')?.content ?? '')}`)
    print(`  answered  ${line(answer ?? '(calls of tools)')}`)
    for (const { kind, choice, value, comment } of feedback) print(`  ${(choice > 0 ? `${kind} (${choice})` : kind).padEnd(9)} ${line([value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value), comment ?? ''].filter(Boolean).join(' · '))}`)
  }
  if (more) print('More wait: --limit shows up to 100 of them.')
}

/** What fits beside the rest on a wide terminal. */
const longestLine = 120

function line (text: string): string {
  const flat = text.replace(/\s+/g, ' ').trim()
  return flat.length > longestLine ? `${flat.slice(0, longestLine).toWellFormed()}…` : flat
}
