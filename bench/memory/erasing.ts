import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { chatBody, endlessBias, events, type LiveServer, spawnServer } from '../../test/support/server.ts'
import { fill, userName } from './fill.ts'
import { asUser, embedded, print, quantile, type Scale } from './shared.ts'

/** How long an answer is watched before. */
const idleMs = 3_000

/**
 * How long it takes until nothing of a person is left, who has so many memories
 * beside another with as many, and how long the other's answer stands still
 * meanwhile.
 */
export async function erasing (folder: string, { erased }: Scale): Promise<void> {
  const data = join(folder, 'erasing')
  await mkdir(data)
  await fill(data, 2, erased)
  const server = await spawnServer(data)
  try {
    await embedded(server)
    const stream = await watched(server, userName(1))
    await new Promise(resolve => setTimeout(resolve, idleMs))
    const idle = stream.gaps.splice(0)
    const began = performance.now()
    const reply = await fetch(`${server.url}/v1/users/${userName(0)}`, { method: 'DELETE' })
    const tookMs = performance.now() - began
    const beside = stream.gaps.splice(0)
    await stream.end()
    const { rows } = await reply.json() as { rows: Readonly<Record<string, number>> }
    if (!reply.ok || rows.memories !== erased) throw new Error(`erasing answers ${reply.status}: ${JSON.stringify(rows)}`)
    print(`erasing a user of ${erased.toLocaleString('en')} memories`, `${(tookMs / 1000).toFixed(1)} s`)
    const show = (gaps: readonly number[]): string => `p95 ${quantile(gaps, 0.95).toFixed(0)} ms   max ${quantile(gaps, 1).toFixed(0)} ms   n ${gaps.length}`
    print('between tokens of another user\'s answer, before', show(idle))
    print('the same while they are erased', show(beside))
  } finally {
    await server.stop()
    await rm(data, { recursive: true })
  }
}

/** An answer without end, once it has begun: milliseconds between its pieces. */
async function watched (server: LiveServer, user: string): Promise<{ readonly gaps: number[], end (): Promise<void> }> {
  const over = new AbortController()
  const gaps: number[] = []
  const begun = Promise.withResolvers<void>()
  const reading = (async () => {
    const reply = await server.post('/v1/chat/completions', chatBody('Tell me a tale.', { stream: true, max_tokens: 3000, ...endlessBias }), { ...asUser(user), signal: over.signal })
    let last = performance.now()
    for await (const frame of events(reply)) {
      if (!frame.includes('"content":"')) continue
      gaps.push(performance.now() - last)
      last = performance.now()
      begun.resolve()
    }
  })().catch(error => { if (!over.signal.aborted) begun.reject(error) })
  await begun.promise
  gaps.length = 0
  return { gaps, end: async () => { over.abort(); await reading } }
}
