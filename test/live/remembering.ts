import { until } from '../support/wire.ts'
import { chatBody, type LiveServer } from '../support/server.ts'

export interface Said { readonly role: string, readonly content: string }
export interface Answer {
  readonly content: string
  readonly usage: { readonly prompt_tokens: number, readonly prompt_tokens_details: { readonly cached_tokens: number } }
  readonly engraft: { readonly memories: readonly string[], readonly session: string | null, readonly recorded: boolean | null }
}
export interface Remembered { readonly id: string, readonly kind: string, readonly content: string, readonly role: string | null, readonly session: string | null }

/** Milliseconds that a busy machine may take for what is done in the background. */
export const patience = 60_000

export const user = (content: string): Said => ({ role: 'user', content })
export const assistant = (content: string): Said => ({ role: 'assistant', content })
export const as = (name: string): RequestInit => ({ headers: { 'x-engraft-user': Buffer.from(name).toString('latin1') } })

/** Asks as a user, and throws unless there is an answer. */
export async function ask (server: LiveServer, name: string, messages: readonly Said[], over: object = {}): Promise<Answer> {
  const reply = await server.post('/v1/chat/completions', chatBody('', { messages, max_tokens: 12, ...over }), as(name))
  const body = await reply.json() as { choices: { message: { content: string } }[] } & Omit<Answer, 'content'>
  if (!reply.ok) throw new Error(JSON.stringify(body))
  return { content: body.choices[0]!.message.content, usage: body.usage, engraft: body.engraft }
}

/** All that is remembered of a user, the oldest first. */
export async function memoriesOf (server: LiveServer, name: string): Promise<Remembered[]> {
  const all: Remembered[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const reply = await fetch(`${server.url}/v1/memories?limit=100${cursor === '' ? '' : `&cursor=${cursor}`}`, as(name))
    const page = await reply.json() as { data: Remembered[], next_cursor: string | null }
    all.push(...page.data)
    cursor = page.next_cursor
  }
  return all.reverse()
}

export async function search (server: LiveServer, name: string, query: string, over: object = {}): Promise<{ readonly data: readonly Remembered[], readonly relevant: boolean, readonly lexical_only: boolean }> {
  return await (await server.post('/v1/memories/search', { query, ...over }, as(name))).json() as Awaited<ReturnType<typeof search>>
}

let markers = 0

/** Resolves when all that was answered before has been captured: that happens in the order of the answers. */
export async function captured (server: LiveServer): Promise<void> {
  const marker = `marker-${process.pid}-${++markers}`
  await ask(server, marker, [user('Hello.')], { max_tokens: 2 })
  await until(async () => (await memoriesOf(server, marker)).length > 0, patience)
}

/** Resolves when everything has its vectors. */
export async function embedded (server: LiveServer): Promise<void> {
  await until(async () => await server.metric('engraft_memory_units{state="pending"}') === 0, patience)
}
