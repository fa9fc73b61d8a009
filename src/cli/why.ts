import { type Server, ask } from './server.ts'

/** What the server says of a memory and why it came, as far as it is shown here. */
export interface Found {
  readonly id: string
  readonly kind: string
  readonly content: string
  readonly session: string | null
  readonly at: string
  readonly score?: number
  readonly explain?: {
    readonly quote: string
    readonly words: readonly string[]
    readonly lexical: number
    readonly dense: number
    readonly late: number
    readonly cosine: number | null
    readonly factors: Readonly<Record<string, number>>
  }
}

export interface Search { readonly data: readonly Found[], readonly relevant: boolean, readonly lexical_only: boolean }

/** More than a prompt quotes. */
const mostQuoted = 100

/** Why an answer had the memories that it had: the question is asked once more, of the memories alone. */
export async function why (server: Server, question: string, quoted: readonly string[]): Promise<string[]> {
  if (quoted.length === 0) return ['Nothing that was said before was quoted for this answer.']
  const { body } = await ask<Search>(server, 'POST', '/v1/memories/search', { query: question.slice(0, longestQuery), limit: mostQuoted, explain: true })
  const found = new Map(body.data.map(memory => [memory.id, memory]))
  const memories = await Promise.all(quoted.map(async id => found.get(id) ?? (await ask<Found>(server, 'GET', `/v1/memories/${encodeURIComponent(id)}`).catch(() => null))?.body ?? null))
  return [
    `${quoted.length === 1 ? 'One memory was' : `${quoted.length} memories were`} quoted for this answer${body.lexical_only ? ' (found by their words only)' : ''}:`,
    ...memories.flatMap((memory, i) => memory === null ? [`- ${quoted[i]} is gone by now`] : shown(memory, '- '))
  ]
}

/** The most that a search takes. */
const longestQuery = 8192

/** A memory in lines: what it says, and below it when it was said and why it came. */
export function shown ({ kind, content, session, at, explain }: Found, bullet: string): string[] {
  const indent = ' '.repeat(bullet.length)
  const text = (explain?.quote ?? content).replace(/\s+/g, ' ').trim()
  return [
    `${bullet}${text.length > longestShown ? `${text.slice(0, longestShown).toWellFormed()}…` : text}`,
    `${indent}${kind}, ${at.slice(0, 16).replace('T', ' ')}${session === null ? '' : `, session ${session}`}`,
    ...(explain === undefined ? [] : [`${indent}${reasons(explain)}`])
  ]
}

/** What a prompt quotes, and a little more. */
const longestShown = 320

function reasons ({ words, lexical, dense, late, cosine, factors }: NonNullable<Found['explain']>): string {
  return [
    words.length === 0 ? 'no word of the question' : `words ${words.join(', ')} (${lexical.toFixed(2)})`,
    ...(cosine === null ? [] : [`meaning ${dense.toFixed(2)}, cosine ${cosine.toFixed(2)}`]),
    ...(late === 0 ? [] : [`word by word ${late.toFixed(2)}`]),
    ...Object.entries(factors).map(([name, factor]) => `${name} ×${Number(factor.toFixed(2))}`)
  ].join(' · ')
}
