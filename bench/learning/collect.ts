import { setTimeout as sleep } from 'node:timers/promises'
import type { LiveServer } from '../../test/support/server.ts'
import type { Message, Task } from './task.ts'

/** Whose server it is, and what opens it for one task's people: data sets are made of all that a tenant's people say. */
export interface Place { readonly server: LiveServer, readonly tenant: string, readonly key: string }

interface Reply { readonly id: string, readonly choices: readonly [{ readonly message: { readonly content: string } }], readonly engraft: { readonly memories: readonly string[] } }

/** What came of the talks. */
export interface Collected {
  readonly asked: number
  /** Answers that somebody said something of. */
  readonly judged: number
  /** Questions whose answer was not brought to mind, so that none could be right: nobody says anything of these. */
  readonly forgotten: number
}

/** As many as the server answers at a time by default. */
const atOnce = 4

/** A tenant of its own, with a key that lets its people's answers be learnt from. */
export async function placeOf (server: LiveServer, tenant: string): Promise<Place> {
  const { key } = await read<{ readonly key: string }>(await server.post('/admin/keys', { name: 'bench', tenant, scopes: ['chat', 'memory', 'feedback'], training: true }))
  return { server, tenant, key }
}

/** Lets everybody talk to the server and say what they think of its answers. */
export async function collect (place: Place, { people, system, request, feedback }: Task): Promise<Collected> {
  const around: readonly Message[] = system === null ? [] : [{ role: 'system', content: system }]
  const remembering = people.filter(({ told }) => told !== null)
  await each(remembering, async ({ user, told }) => { await chat(place, user, told!, { max_tokens: 1 }) })
  if (remembering.length > 0) await embedded(place.server)
  let [judged, forgotten] = [0, 0]
  const questions = people.flatMap(person => person.questions.map(question => ({ person, question })))
  await each(questions, async ({ person: { user }, question }, i) => {
    const { id, choices: [{ message: { content } }], engraft: { memories } } = await chat(place, user, [...around, { role: 'user', content: question.text }], { seed: i, ...request })
    if (question.needs !== undefined && !await brought(place, user, question.needs, memories)) {
      forgotten++
      return
    }
    await post(place, '/v1/feedback', user, { completion_id: id, ...feedback(question, content) })
    judged++
  })
  return { asked: questions.length, judged, forgotten }
}

/** Whether the words stood in the prompt: in a memory that was quoted, or in the profile. */
async function brought (place: Place, user: string, words: string, memories: readonly string[]): Promise<boolean> {
  const { data } = await get<{ readonly data: readonly { readonly id: string, readonly content: string }[] }>(place, '/v1/memories?limit=100', user)
  const { frame } = await get<{ readonly frame: string | null }>(place, `/v1/users/${user}/profile`, user)
  return [...data.filter(({ id }) => memories.includes(id)).map(({ content }) => content), frame ?? ''].some(text => text.toLowerCase().includes(words))
}

async function chat (place: Place, user: string, messages: readonly Message[], over: object): Promise<Reply> {
  return await post<Reply>(place, '/v1/chat/completions', user, { messages, ...over })
}

async function post<T> ({ server, key }: Place, path: string, user: string, body: object): Promise<T> {
  return await read<T>(await server.post(path, body, { headers: headers(key, user) }))
}

async function get<T> ({ server, key }: Place, path: string, user: string): Promise<T> {
  return await read<T>(await fetch(new URL(path, server.url), { headers: headers(key, user) }))
}

function headers (key: string, user: string): Record<string, string> { return { authorization: `Bearer ${key}`, 'x-engraft-user': user } }

/** Its JSON. Throws with the server's words where it refuses. */
export async function read<T> (reply: Response): Promise<T> {
  const text = await reply.text()
  if (!reply.ok) throw new Error(`${new URL(reply.url).pathname} answers ${reply.status}: ${text.slice(0, 400)}`)
  return JSON.parse(text) as T
}

/** Resolves when everything that was told has been remembered and has its vectors. */
async function embedded (server: LiveServer): Promise<void> {
  do await sleep(1000)
  while (await server.metric('engraft_memory_units{state="pending"}') > 0)
}

async function each<T> (list: readonly T[], work: (item: T, i: number) => Promise<void>): Promise<void> {
  let next = 0
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (next < list.length) {
      const i = next++
      await work(list[i]!, i)
    }
  }))
}
