import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { assistant, user } from '../../test/live/remembering.ts'
import { begin, says } from '../../test/live/swapping.ts'
import { slowRelay } from '../../test/support/relay.ts'
import { chatBody, endlessBias, events, type LiveServer } from '../../test/support/server.ts'
import type { Frame } from '../../test/support/socket.ts'
import { type Person, call, patience, refusal, refused, sentences } from './people.ts'
import type { Tally } from './tally.ts'

export interface Talk {
  readonly server: LiveServer
  readonly people: readonly Person[]
  readonly tally: Tally
  readonly random: () => number
}

/** Turns after which a conversation begins anew, so that prompts have a greatest length. */
const longest = 8
/** Of the newest answers, those that feedback is given on. */
const remembered = 8
const animal = { type: 'json_schema', json_schema: { name: 'animal', strict: true, schema: { type: 'object', properties: { name: { type: 'string', maxLength: 12 }, legs: { type: 'integer', minimum: 0, maximum: 8 } }, required: ['name', 'legs'], additionalProperties: false } } }

/** Ways of talking to a server, and how often each is chosen among all. */
const ways: readonly (readonly [kind: string, weight: number, way: (talk: Talk, person: Person) => Promise<void>])[] = [
  ['chat of a person', 22, async (talk, person) => await chat(talk, person, false)],
  ['streamed chat of a person', 22, async (talk, person) => await chat(talk, person, true)],
  ['adapter by its name', 12, byName],
  ['long prompt', 4, longPrompt],
  ['memory search', 8, async ({ server, random }, person) => { await call(server, 'POST', '/v1/memories/search', { query: sentences(Math.floor(random() * 1e6))(), limit: 5 }, person) }],
  ['note', 6, async ({ server, random }, person) => { await call(server, 'POST', '/v1/memories', { content: sentences(Math.floor(random() * 1e6))() }, person) }],
  ['memories listed', 3, async ({ server }, person) => { await call(server, 'GET', '/v1/memories?limit=100', undefined, person) }],
  ['answers listed', 3, async ({ server }, person) => { await call(server, 'GET', '/v1/chat/completions?limit=50', undefined, person) }],
  ['export of a person', 1, takeAlong],
  ['feedback', 8, judge],
  ['WebSocket', 6, socket],
  ['hung up', 5, hangUp],
  ['slow reader', 0.7, slowly],
  ['schema', 2, async ({ server }) => { await call(server, 'POST', '/v1/chat/completions', chatBody('Describe a cat.', { max_tokens: 40, response_format: animal })) }],
  ['completion', 2, async ({ server }) => { await call(server, 'POST', '/v1/completions', { prompt: 'The capital of France is', max_tokens: 8, logprobs: 1 }) }],
  ['embeddings', 2, async ({ server }) => { await call(server, 'POST', '/v1/embeddings', { input: ['The cat sleeps on the sofa.', 'A kitten naps on the couch.'] }) }]
]
const weights = ways.reduce((sum, [, weight]) => sum + weight, 0)

/** One of the ways, by one of the people. */
export async function talk (given: Talk): Promise<void> {
  const { people, random, tally } = given
  const person = people[Math.floor(random() * people.length)]!
  let left = random() * weights
  const [kind, , way] = ways.find(([, weight]) => (left -= weight) < 0) ?? ways[0]!
  await tally.count(kind, async () => await way(given, person))
}

interface Completion { readonly id: string, readonly choices: readonly { readonly message: { readonly content: string } }[] }

/** The next turn of a conversation that is remembered. */
async function chat ({ server, random }: Talk, person: Person, stream: boolean): Promise<void> {
  const { erasures } = person
  const said = [...person.conversation.length < longest ? person.conversation : [], user(sentences(Math.floor(random() * 1e6))())]
  const body = chatBody('', { messages: said, temperature: 0.8, max_tokens: 8 + Math.floor(random() * 24) })
  const { id, text } = stream ? await streamed(server, body, person, erasures) : await call<Completion>(server, 'POST', '/v1/chat/completions', body, person).then(({ id, choices }) => ({ id, text: choices[0]!.message.content }))
  // What was said to somebody who is gone is not gone on from.
  if (person.erasures !== erasures) return
  person.conversation = [...said, assistant(text)]
  person.answers = [{ id, erasures }, ...person.answers].slice(0, remembered)
}

async function streamed (server: LiveServer, body: object, person: Person, erasures: number): Promise<{ id: string, text: string }> {
  const reply = await server.post('/v1/chat/completions', { ...body, stream: true }, { headers: { 'x-engraft-user': person.name }, signal: AbortSignal.timeout(patience) })
  if (!reply.ok) throw await refusal(reply, 'a stream', person, erasures)
  let id = ''
  let text = ''
  let last = ''
  for await (const frame of events(reply)) {
    last = frame
    const chunk = frame.startsWith('data: {') ? JSON.parse(frame.slice(6)) as { id?: string, choices?: { delta: { content?: string } }[], error?: { code: string } } : {}
    if (chunk.error !== undefined) throw refused(chunk.error.code, `a stream ends in ${chunk.error.code}`, person, erasures)
    id = chunk.id ?? id
    text += chunk.choices?.[0]?.delta.content ?? ''
  }
  if (last !== 'data: [DONE]') throw new Error('a stream broke off')
  return { id, text }
}

/** An answer is one version's own from its first word to its last, whatever is promoted meanwhile. */
async function byName ({ server, random, tally }: Talk): Promise<void> {
  const name = ['notes', 'notes', 'notes@1', 'notes@2'][Math.floor(random() * 4)]!
  const { models, text, end } = await (await begin(server, name)).rest()
  if (end !== '[DONE]') throw new Error(`a stream ends in ${end}`)
  tally.checked++
  if (models.length !== 1 || text !== { 'notes@1': says.support, 'notes@2': says.json }[models[0]!]) tally.mixed++
}

/** Some five hundred tokens, from one of a few texts. */
async function longPrompt ({ server, random }: Talk): Promise<void> {
  const sentence = sentences(Math.floor(random() * 6))
  await call(server, 'POST', '/v1/chat/completions', chatBody(Array.from({ length: 40 }, sentence).join(' '), { max_tokens: 4 }))
}

async function takeAlong ({ server }: Talk, person: Person): Promise<void> {
  const { erasures } = person
  const reply = await fetch(`${server.url}/v1/users/${person.name}/export`, { headers: { 'x-engraft-user': person.name }, signal: AbortSignal.timeout(patience) })
  if (!reply.ok) throw await refusal(reply, 'an export', person, erasures)
  await reply.text()
}

async function judge ({ server, random }: Talk, person: Person): Promise<void> {
  const answer = person.answers[Math.floor(random() * person.answers.length)]
  if (answer === undefined) return
  const word = random() < 0.5 ? { kind: 'thumb', value: random() < 0.5 } : { kind: 'correction', value: sentences(Math.floor(random() * 1e6))() }
  await call(server, 'POST', '/v1/feedback', { completion_id: answer.id, ...word }, person, answer.erasures)
}

/** Three answers on one socket, one of them cancelled. */
async function socket ({ server, random }: Talk): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/v1/ws`, 'engraft.v1')
  try {
    await once(socket, 'open')
    const ended = Promise.withResolvers<void>()
    let open = 3
    socket.addEventListener('message', ({ data }) => {
      const frame = JSON.parse(String(data)) as Frame
      if (frame.type === 'error') ended.reject(new Error(`a frame says ${frame.error?.code}`))
      if (frame.type === 'chunk' && frame.id === 'cancelled') socket.send(JSON.stringify({ type: 'cancel', id: 'cancelled' }))
      if (frame.type === 'done' && --open === 0) ended.resolve()
    })
    socket.addEventListener('close', () => ended.reject(new Error('a socket was closed')))
    for (const id of ['short', 'other', 'cancelled']) socket.send(JSON.stringify({ type: 'create', id, body: chatBody(sentences(Math.floor(random() * 1e6))(), { max_tokens: id === 'cancelled' ? 400 : 12, ...id === 'cancelled' && endlessBias }) }))
    await ended.promise
  } finally {
    socket.close()
  }
}

/** Leaves in the middle of an answer. */
async function hangUp ({ server, random }: Talk): Promise<void> {
  const leaving = new AbortController()
  const reply = await server.post('/v1/chat/completions', chatBody('Count for ever.', { stream: true, max_tokens: 2000, ...endlessBias }), { signal: leaving.signal })
  let left = 1 + Math.floor(random() * 10)
  try {
    for await (const frame of events(reply)) {
      if (frame.includes('"error"')) throw new Error(`a stream says ${frame.slice(0, 200)}`)
      if (--left === 0) leaving.abort()
    }
    throw new Error('an answer without end came to one')
  } catch (error) {
    if (!leaving.signal.aborted) throw error
  }
}

/** Stops reading for some seconds, long enough for the engine to wait. */
async function slowly ({ server }: Talk): Promise<void> {
  const undo: (() => unknown)[] = []
  const relay = await slowRelay({ teardown: work => { undo.push(work) } }, server.port)
  try {
    const reply = await fetch(`http://127.0.0.1:${relay.port}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(chatBody('Count.', { stream: true, max_tokens: 150, logprobs: true, top_logprobs: 20, ...endlessBias })) })
    const frames = events(reply)
    await frames.next()
    relay.toggle()
    await sleep(5000)
    relay.toggle()
    if ((await Array.fromAsync(frames)).at(-1) !== 'data: [DONE]') throw new Error('a stream that was read slowly broke off')
  } finally {
    undo.forEach(work => work())
  }
}
