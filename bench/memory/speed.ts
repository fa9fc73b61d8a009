import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { chatBody, endlessBias, events, type LiveServer, spawnServer } from '../../test/support/server.ts'
import { fill, userName } from './fill.ts'
import { embedded, post, print, type Scale, sentences, spread } from './shared.ts'

const streams = 4

/** Search at the same number of memories, in many small heaps and in one. */
export async function speed (folder: string, { searches, memories }: Scale): Promise<void> {
  for (const each of [10, 100, memories]) {
    const users = memories / each
    const data = join(folder, `speed-${each}`)
    await mkdir(data)
    const { rate, bytes } = await fill(data, users, each)
    const name = `${users.toLocaleString('en')} × ${each.toLocaleString('en')} memories`
    print(name, `${rate.toFixed(0)} inserts/s, ${(bytes / 1e6).toFixed(0)} MB, ${(bytes / memories / 1000).toFixed(1)} KB a memory`)
    const server = await spawnServer(data)
    try {
      await embedded(server)
      const ask = asking(server, users)
      // The first ones read the file.
      for (let i = 0; i < 10; i++) await ask()
      print(`search, ${name}`, spread(await timed(searches, ask)))
      await server.metric('nodejs_eventloop_lag_p99_seconds')
      print(`search beside ${streams} streams, ${name}`, spread(await beside(server, async () => await timed(searches, ask))))
      print('event-loop delay meanwhile, p99', `${(await server.metric('nodejs_eventloop_lag_p99_seconds') * 1000).toFixed(1)} ms`)
    } finally {
      await server.stop()
      await rm(data, { recursive: true })
    }
  }
}

/** A history of 600 turns in one request, until all of it has vectors. */
export async function importing (server: LiveServer): Promise<void> {
  const sentence = sentences(2)
  const turns = Array.from({ length: 600 }, (_, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content: sentence(), external_id: `h${i}` }))
  const began = performance.now()
  await post(server, '/v1/memories', 'history', { session: 'history', turns })
  const written = performance.now()
  await embedded(server)
  print('import of 600 turns in one request', `answered after ${((written - began) / 1000).toFixed(2)} s, embedded after ${((performance.now() - began) / 1000).toFixed(1)} s`)
}

function asking (server: LiveServer, users: number): () => Promise<void> {
  const sentence = sentences(3)
  let asked = 0
  return async () => {
    // A stride that is prime to every number of users comes to all of them.
    await post(server, '/v1/memories/search', userName(asked++ * 7919 % users), { query: `What did I say about ${sentence().split(' ').slice(0, 6).join(' ')}?` })
  }
}

async function timed (times: number, ask: () => Promise<void>): Promise<number[]> {
  const all: number[] = []
  for (let i = 0; i < times; i++) {
    const began = performance.now()
    await ask()
    all.push(performance.now() - began)
  }
  return all
}

/** Runs something while answers are generated, and ends them with it. */
async function beside<T> (server: LiveServer, run: () => Promise<T>): Promise<T> {
  const over = new AbortController()
  const running = Array.from({ length: streams }, async (_, i) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const reading = (async () => {
      while (!over.signal.aborted) {
        const reply = await server.post('/v1/chat/completions', chatBody(`Stream ${i}`, { stream: true, max_tokens: 2000, ...endlessBias }), { signal: over.signal })
        for await (const frame of events(reply)) if (frame.includes('"content":"')) resolve()
      }
    })().catch(error => { if (!over.signal.aborted) throw error })
    await Promise.race([promise, reading])
    return reading
  })
  // Resolves when all have begun; an array of promises inside would be waited for too.
  const readings = await Promise.all(running.map(async begun => ({ reading: begun })))
  try {
    return await run()
  } finally {
    over.abort()
    await Promise.all(readings.map(async ({ reading }) => await reading))
  }
}
