import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { text as allOf } from 'node:stream/consumers'
import type { Print } from './keys.ts'
import { type Server, ServerError, ask } from './server.ts'
import { table } from './table.ts'
import { type Found, type Search, shown } from './why.ts'

interface Memory extends Found {
  readonly role: string | null
  readonly name: string | null
  readonly ended_at: string | null
  readonly external_id: string | null
}

/** A line of what is imported and exported; its other fields go to the server as they are. */
interface Entry {
  readonly kind?: string
  readonly content?: string
  readonly session?: string | null
  readonly external_id?: string | null
  readonly [field: string]: unknown
}

interface Flags { readonly session?: string, readonly limit?: string }

/** Most memories that the server gives or takes at once. */
const pageSize = 100
const turnsAtOnce = 500
/** A quarter of what a server takes by default in one body. */
const charactersAtOnce = 1_000_000

/** Prints one aligned line a memory, the newest first. */
export async function listMemories (server: Server, { session, limit }: Flags, print: Print): Promise<void> {
  const most = atMost(limit)
  const memories: Memory[] = []
  for await (const memory of every(server, session, Math.min(most, pageSize))) if (memories.push(memory) === most) break
  if (memories.length === 0) {
    print(`Nothing is remembered of ${server.user ?? 'this user'}${session === undefined ? '' : ` in the session ${session}`} yet.`)
    return
  }
  for (const line of table([['ID', 'KIND', 'SAID', 'SESSION', 'BY', 'CONTENT'], ...memories.map(cells)])) print(line)
}

/** Prints what a chat would find, the best first, and why. */
export async function searchMemories (server: Server, query: string, { limit }: Flags, print: Print): Promise<void> {
  const { body: { data, relevant, lexical_only: lexicalOnly } } = await ask<Search>(server, 'POST', '/v1/memories/search', { query, limit: atMost(limit), explain: true })
  data.forEach((memory, i) => { for (const line of shown(memory, `${i + 1}. `)) print(line) })
  if (data.length === 0) print('Nothing is remembered that has a word of this.')
  else if (!relevant) print('None of it has much to do with the question: a chat would quote nothing.')
  if (lexicalOnly) print('They were found by their words only: the server has no embedding model.')
}

/** Brings a file in, oldest first. What has no id of its own gets one by its place and words, so that a second import adds nothing. */
export async function importMemories (server: Server, file: string, { session }: Flags, input: NodeJS.ReadableStream, print: Print): Promise<void> {
  const text = file === '-' ? await allOf(input) : await readFile(file, 'utf8').catch(() => { throw new ServerError(`There is no file ${file} that can be read.`) })
  const entries = named(entriesIn(text).map(entry => ({ ...entry, session: entry.session ?? session ?? null })))
  let turns = 0
  let pending = 0
  for (const group of grouped(entries)) {
    const [first] = group
    const { body } = await ask<{ pending: number }>(server, 'POST', '/v1/memories', isTurn(first)
      ? { session: first?.session, turns: group.map(({ session, kind, ...turn }) => turn) }
      : { ...first })
    if (isTurn(first)) turns += group.length
    pending = body.pending
  }
  const others = entries.length - turns
  print(`${[count(turns, 'turn'), count(others, 'other memory', 'other memories')].filter(said => said !== null).join(' and ') || 'Nothing'} of ${server.user ?? 'this user'} ${entries.length === 1 ? 'is' : 'are'} remembered${pending === 0 ? '.' : `; ${pending} wait for their vectors and are found by their words until then.`}`)
}

/** Prints a JSON line a memory that holds, the oldest first. */
export async function exportMemories (server: Server, { session }: Flags, print: Print): Promise<void> {
  const memories: Memory[] = []
  for await (const memory of every(server, session, pageSize)) if (memory.ended_at === null) memories.push(memory)
  for (const { kind, content, role, name, at, session, external_id: externalId } of memories.reverse()) {
    const entry = { kind, content, role, name, at, session, external_id: externalId }
    print(JSON.stringify(Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== null))))
  }
}

function atMost (limit: string | undefined): number {
  const most = Number(limit)
  if (!Number.isSafeInteger(most) || most < 1) throw new ServerError(`--limit is '${limit}', but must be a whole number from 1.`)
  return most
}

async function * every (server: Server, session: string | undefined, limit: number): AsyncGenerator<Memory> {
  let cursor: string | null = null
  do {
    const query: URLSearchParams = new URLSearchParams({ limit: String(limit), ...(session !== undefined && { session }), ...(cursor !== null && { cursor }) })
    const { body }: { body: { data: readonly Memory[], next_cursor: string | null } } = await ask(server, 'GET', `/v1/memories?${query}`)
    yield * body.data
    cursor = body.next_cursor
  } while (cursor !== null)
}

function entriesIn (text: string): Entry[] {
  const values = parsed(text) ?? text.split('\n').flatMap((line, i) => line.trim() === '' ? [] : [parsed(line) ?? unreadable(i + 1)])
  // An object with `turns`, as the API takes it, stands for them.
  return [values].flat().flatMap(value => {
    const { turns, session } = value as { turns?: readonly Entry[], session?: string }
    return Array.isArray(turns) ? turns.map((turn: Entry) => ({ ...(session !== undefined && { session }), ...turn })) : [value as Entry]
  }).map((entry, i) => typeof entry === 'object' && entry !== null && typeof entry.content === 'string' ? entry : unreadable(i + 1))
}

function parsed (text: string): object | null {
  try {
    const value = JSON.parse(text) as unknown
    return typeof value === 'object' ? value : null
  } catch {
    return null
  }
}

function unreadable (number: number): never {
  throw new ServerError(`Number ${number} of the file is not a JSON object with a text as 'content': nothing was imported.`)
}

function named (entries: readonly Entry[]): Entry[] {
  const places = new Map<string | null, number>()
  return entries.map(entry => {
    const session = entry.session ?? null
    const place = places.get(session) ?? 0
    places.set(session, place + 1)
    return { ...entry, external_id: entry.external_id ?? `import-${createHash('sha256').update(JSON.stringify([session, place, entry.content])).digest('hex').slice(0, 32)}` }
  })
}

/** Turns that stand together in one session, as many as one request takes; all else alone. */
function grouped (entries: readonly Entry[]): Entry[][] {
  const groups: Entry[][] = []
  let characters = 0
  for (const entry of entries) {
    const last = groups.at(-1)
    const size = entry.content?.length ?? 0
    characters += size
    if (last !== undefined && isTurn(entry) && isTurn(last[0]) && entry.session === last[0]?.session && last.length < turnsAtOnce && characters <= charactersAtOnce) last.push(entry)
    else {
      groups.push([entry])
      characters = size
    }
  }
  return groups
}

function isTurn (entry: Entry | undefined): boolean { return (entry?.kind ?? 'turn') === 'turn' }

function count (number: number, one: string, many = `${one}s`): string | null {
  return number === 0 ? null : `${number} ${number === 1 ? one : many}`
}

function cells ({ id, kind, at, session, role, name, content, ended_at: ended }: Memory): string[] {
  const text = content.replace(/\s+/g, ' ').trim()
  return [id, ended === null ? kind : `${kind} (ended)`, at.slice(0, 16).replace('T', ' '), session ?? '-', name ?? role ?? '-', text.length > longestCell ? `${text.slice(0, longestCell).toWellFormed()}…` : text]
}

/** What fits beside the other columns on a wide terminal. */
const longestCell = 60
