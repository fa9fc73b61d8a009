/**
 * The measures of a first answer, on the real server with the default model:
 * time to first token cold and warm, what a cancel costs, how free the main
 * event loop stays, and how soon a killed engine answers again. Everything is
 * printed with its median and range; nothing is asserted.
 *
 *   npm run bench:first [-- ROUNDS]
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chatBody, endlessBias, events, spawnServer } from '../test/support/server.ts'
import { post, until } from '../test/support/wire.ts'

const rounds = Number(process.argv[2] ?? 7)
const folder = await mkdtemp(join(tmpdir(), 'engraft-bench-'))
const server = await spawnServer(join(folder, 'data'), ['--slots', '8'])

try {
  await prefixCache()
  await cancels()
  await eventLoop()
  await recovery()
} finally {
  await server.stop()
  await rm(folder, { recursive: true })
}

async function firstToken (body: object): Promise<number> {
  const began = performance.now()
  for await (const frame of events(await server.post('/v1/chat/completions', { ...body, stream: true }))) {
    if (frame.includes('"content":"') && !frame.includes('"content":""')) return performance.now() - began
  }
  throw new Error('no token came')
}

/** Second turn of a conversation of about 1,500 tokens against reading all of it: each round another text. */
async function prefixCache (): Promise<void> {
  const cold: number[] = []
  const warm: number[] = []
  for (let round = 0; round < rounds; round++) {
    const messages = [{ role: 'user', content: `Note ${round}. ${'The quick brown fox jumps over the lazy dog near the river bank. '.repeat(104)}` }]
    cold.push(await firstToken({ messages, temperature: 0, max_tokens: 2 }))
    warm.push(await firstToken({ messages: [...messages, { role: 'assistant', content: 'Yes.' }, { role: 'user', content: 'Go on.' }], temperature: 0, max_tokens: 2 }))
  }
  print('first token, 1,500 tokens cold (ms)', cold)
  print('first token, second turn (ms)', warm)
  print('cold / second turn', cold.map((ms, i) => ms / (warm[i] ?? NaN)))
}

/** Sockets cut in mid-answer: tokens decoded after that, for each. */
async function cancels (): Promise<void> {
  const costs: number[] = []
  for (let round = 0; round < rounds * 4; round++) {
    const before = await server.metric('engraft_tokens_decoded_after_cancel_total')
    const cancelled = await server.metric('engraft_answers_cancelled_total')
    const socket = connect(server.port, '127.0.0.1')
    socket.write(post(chatBody(`Round ${round}`, { stream: true, max_tokens: 2000, ...endlessBias })))
    await once(socket, 'data')
    socket.destroy()
    await until(async () => await server.metric('engraft_answers_cancelled_total') > cancelled)
    costs.push(await server.metric('engraft_tokens_decoded_after_cancel_total') - before)
  }
  print('tokens decoded after the socket closed', costs)
}

/** Delay of the main process's event loop while eight answers stream. */
async function eventLoop (): Promise<void> {
  const delays: number[] = []
  for (let round = 0; round < rounds; round++) {
    // Reading the metrics begins a new histogram.
    await server.metric('nodejs_eventloop_lag_p99_seconds')
    await Promise.all(Array.from({ length: 8 }, async (_, i) => {
      const reply = await server.post('/v1/chat/completions', chatBody(`Round ${round} ${i}`, { stream: true, max_tokens: 60, ...endlessBias }))
      for await (const frame of events(reply)) if (frame === 'data: [DONE]') return
    }))
    delays.push(await server.metric('nodejs_eventloop_lag_p99_seconds') * 1000)
  }
  print('event-loop delay p99 under 8 streams (ms)', delays)
}

/** From SIGKILL of the engine in mid-answer to the first token of the next answer. A fresh server each time: one that dies again soon is held back on purpose. */
async function recovery (): Promise<void> {
  const times: number[] = []
  for (let round = 0; round < Math.min(rounds, 5); round++) {
    const other = await spawnServer(join(folder, `recovery-${round}`), [])
    const frames = events(await other.post('/v1/chat/completions', chatBody('Count.', { stream: true, max_tokens: 2000, ...endlessBias })))
    await frames.next()
    const began = performance.now()
    process.kill(other.enginePid(), 'SIGKILL')
    if (!(await Array.fromAsync(frames)).at(-1)?.includes('engine_died')) throw new Error('the killed answer did not end in an error')
    const again = await other.post('/v1/chat/completions', chatBody('Still there?', { max_tokens: 1 }))
    if (!again.ok) throw new Error(`it answered ${again.status}`)
    times.push(performance.now() - began)
    await other.stop()
  }
  print('engine killed to answering again (ms)', times)
}

function print (name: string, values: readonly number[]): void {
  const sorted = values.toSorted((a, b) => a - b)
  const show = (value: number | undefined): string => (value ?? NaN).toFixed(value !== undefined && value < 100 ? 2 : 0)
  console.log(`${name.padEnd(52)} median ${show(sorted[Math.floor(sorted.length / 2)]).padStart(8)}   min ${show(sorted[0]).padStart(8)}   max ${show(sorted.at(-1)).padStart(8)}   n ${sorted.length}`)
}
