import { randomOf } from '../../src/random.ts'
import { type Said, assistant, user } from '../../test/live/remembering.ts'
import type { LiveServer } from '../../test/support/server.ts'
import { Expected } from './tally.ts'

/** Somebody who talks, and is erased and comes back as somebody new again and again. */
export interface Person {
  readonly name: string
  /** Counts up when an erasure begins, and when it is over. */
  erasures: number
  /** The conversation that they go on with. */
  conversation: Said[]
  /** The newest answers to them that are on record, as they were given: between erasures. */
  answers: readonly { readonly id: string, readonly erasures: number }[]
}

/** Turns that a person has said before they come: each time the same, so that what is kept of people has one size from the beginning. */
const history = 60
/** Milliseconds for one request: a busy machine is slow, which is no failure. */
export const patience = 300_000
/** Codes of what is asked of somebody who was erased meanwhile. */
const afterErasure = ['user_erased', 'completion_not_found', 'memory_not_found']

const subjects = ['My kettle', 'The old lamp', 'Our neighbour', 'A letter from Porto', 'The train', 'My sister', 'The garden', 'That book']
const verbs = ['reminded me of', 'was louder than', 'came before', 'belongs to', 'was lost near', 'looks like', 'cost more than', 'was painted by']
const objects = ['the harbour', 'a green bicycle', 'my first teacher', 'the winter market', 'a broken radio', 'the blue house', 'an apple tree', 'the night bus']

/** Short sentences; the same seed gives the same ones. */
export function sentences (seed: number): () => string {
  const random = randomOf(seed)
  const pick = (list: readonly string[]): string => list[Math.floor(random() * list.length)]!
  return () => `${pick(subjects)} ${pick(verbs)} ${pick(objects)} in ${1950 + Math.floor(random() * 70)}.`
}

export const personOf = (name: string): Person => ({ name, erasures: 0, conversation: [], answers: [] })

/** Brings in what they said before. */
export async function arrive (server: LiveServer, person: Person): Promise<void> {
  const sentence = sentences(history)
  const turns = Array.from({ length: history }, (_, index) => ({ ...index % 2 === 0 ? user(sentence()) : assistant(sentence()), external_id: `history-${index}` }))
  await call(server, 'POST', '/v1/memories', { user: person.name, session: 'history', turns })
}

/** Erases them, and lets them come back. */
export async function leave (server: LiveServer, person: Person): Promise<void> {
  person.erasures++
  const { erased_at: erasedAt } = await call<{ erased_at: string | null }>(server, 'DELETE', `/v1/users/${person.name}`)
  person.conversation = []
  person.answers = []
  person.erasures++
  if (erasedAt === null) throw new Error('an erasure was not over when it was answered')
  await arrive(server, person)
}

/** Whether somebody is being erased, or was since there had been so many erasures of them. */
export function erasedSince (person: Person, erasures: number): boolean { return person.erasures !== erasures || person.erasures % 2 === 1 }

/** Asks for JSON. Throws `Expected` where the answer is that `person` was erased, and they were; any other refusal is a failure. */
export async function call<T> (server: LiveServer, method: string, path: string, body?: object, person?: Person, erasures = person?.erasures ?? 0): Promise<T> {
  const reply = await fetch(server.url + path, { method, signal: AbortSignal.timeout(patience), headers: { ...body !== undefined && { 'content-type': 'application/json' }, ...person !== undefined && { 'x-engraft-user': person.name } }, ...body !== undefined && { body: JSON.stringify(body) } })
  if (!reply.ok) throw await refusal(reply, `${method} ${path.replace(/[^/]*[-_][0-9a-f]{8}[^/]*/, '…')}`, person, erasures)
  return await reply.json() as T
}

/** What a reply that is no success means, where it answers a question of or about this person. */
export async function refusal (reply: Response, asked: string, person: Person | undefined, erasures: number): Promise<Error> {
  const { error } = await reply.json() as { error?: { code: string } }
  return refused(error?.code ?? 'none', `${asked} is answered by ${reply.status} ${error?.code}`, person, erasures)
}

/** The same of an error code. */
export function refused (code: string, message: string, person: Person | undefined, erasures: number): Error {
  return person !== undefined && afterErasure.includes(code) && erasedSince(person, erasures) ? new Expected() : new Error(message)
}
