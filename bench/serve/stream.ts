import { events } from '../../test/support/server.ts'

/** One streamed answer: when its pieces came, in ms of `performance.now()`. */
export interface Answered {
  readonly sentAt: number
  /** Of each piece of text, in order; about one a token. */
  readonly pieces: readonly number[]
  readonly promptTokens: number
  readonly tokens: number
  readonly text: string
}

/** Posts a chat request that asks for a stream with its usage, and reads it to its end. `heard` is called at every piece. Throws unless the answer is whole. */
export async function streamed (url: string, body: object, signal?: AbortSignal, heard: (at: number) => void = () => {}): Promise<Answered> {
  const sentAt = performance.now()
  // A connection of its own: on one that was idle for a while, either server may hang up at the moment it is asked.
  const reply = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json', connection: 'close' }, body: JSON.stringify(body), ...signal !== undefined && { signal } })
  if (!reply.ok) throw new Refused(reply.status, await reply.text())
  const pieces: number[] = []
  let text = ''
  let usage: Usage | null = null
  for await (const frame of events(reply)) {
    if (!frame.startsWith('data: {')) continue
    const chunk = JSON.parse(frame.slice(6)) as Chunk
    const content = chunk.choices?.[0]?.delta.content ?? ''
    if (content !== '') {
      pieces.push(performance.now())
      heard(pieces.at(-1) ?? 0)
      text += content
    }
    usage = chunk.usage ?? usage
  }
  if (usage === null || pieces.length === 0) throw new Error(`an answer of ${url} broke off`)
  return { sentAt, pieces, promptTokens: usage.prompt_tokens, tokens: usage.completion_tokens, text }
}

/** It answered with an error. */
export class Refused extends Error {
  readonly status: number
  constructor (status: number, body: string) {
    super(`it answered ${status}: ${body.slice(0, 300)}`)
    this.status = status
  }
}

interface Usage { readonly prompt_tokens: number, readonly completion_tokens: number }
interface Chunk { readonly choices?: readonly { readonly delta: { readonly content?: string | null } }[], readonly usage?: Usage | null }

/** Milliseconds to the first piece. */
export function firstToken ({ sentAt, pieces }: Answered): number { return (pieces[0] ?? NaN) - sentAt }

/** Milliseconds between neighbouring pieces. */
export function gaps ({ pieces }: Answered): number[] { return pieces.slice(1).map((at, i) => at - (pieces[i] ?? NaN)) }

/** Tokens per second while all of them are being written: from the last one's first piece to the first one's last. Throws where there is no such time. */
export function writingRate (answers: readonly Answered[]): number {
  const from = Math.max(...answers.map(({ pieces }) => pieces[0] ?? NaN))
  const to = Math.min(...answers.map(({ pieces }) => pieces.at(-1) ?? NaN))
  if (!(to > from)) throw new Error('the answers were not written at the same time')
  const written = answers.map(({ pieces, tokens }) => pieces.filter(at => at > from && at <= to).length * tokens / pieces.length)
  return sum(written) / (to - from) * 1000
}

/** Tokens per second from the first request to the last token, prompts included. */
export function wholeRate (answers: readonly Answered[]): number {
  const from = Math.min(...answers.map(({ sentAt }) => sentAt))
  const to = Math.max(...answers.map(({ pieces }) => pieces.at(-1) ?? NaN))
  return sum(answers.map(({ tokens }) => tokens)) / (to - from) * 1000
}

function sum (values: readonly number[]): number { return values.reduce((total, value) => total + value, 0) }
