import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { query } from '../src/database/sql.ts'
import { openDatabase } from '../src/database/open.ts'
import { openDatasets } from '../src/datasets/open.ts'
import type { NewInteraction } from '../src/interactions/interactions.ts'
import { recording } from '../src/interactions/recording.ts'
import { type LiveServer, spawnServer } from '../test/support/server.ts'
import { quantile, spread } from './memory/shared.ts'
import { firstToken, streamed } from './serve/stream.ts'

/**
 * What a version of so many corrected answers (default 100,000) of a hundredth
 * as many people takes: `npm run bench:datasets [-- COUNT] [building|chatting]`.
 *
 * `building`: how long it takes and how much memory, in one process with the
 * data sets alone.
 *
 * `chatting`: what a build does to those who chat meanwhile. A real server on
 * the same data folder answers streamed chats one after the other, each with a
 * prompt of its own of some 90 tokens and a pause of 0.2 s before it: as many
 * as fit beside one build, then as many while nothing is built, and so on for
 * three builds. A chat counts as beside the build if the build was under way
 * at its begin and its end. The figure is the p95 of the time from the request
 * to the first token beside builds, by that without. Beside other work on the
 * machine both are slower, and the ratio says less: look at the load first.
 */
const given = process.argv.slice(2)
const count = Number(given.find(argument => /^\d+$/.test(argument)) ?? 100_000)
const named = ['building', 'chatting'].filter(part => given.includes(part))
const builds = 3
const pauseMs = 200
const folder = mkdtempSync(join(tmpdir(), 'engraft-datasets-'))
const syllables = ['ba', 'de', 'ki', 'lo', 'mu', 'na', 'pe', 'ri', 'so', 'tu', 'va', 'we', 'zi', 'fo', 'ga', 'hu']
const random = (seed: number) => () => { seed = Math.imul(seed ^ seed >>> 15, 0x2c1b3c6d) + 0x9e3779b9 | 0; return (seed >>> 8) / 2 ** 24 }

function text (next: () => number, words: number): string {
  const word = (): string => [1, 2, 3].map(() => syllables[Math.floor(next() * syllables.length)]).join('')
  return `${Array.from({ length: words }, word).join(' ')}.`
}

/** A data folder with all that a version is made of. */
async function opened () {
  return await openDatabase({ path: join(folder, 'engraft.db'), migrationsDir: fileURLToPath(new URL('../migrations', import.meta.url)) })
}

async function fill (): Promise<void> {
  const database = await opened()
  for (let from = 0; from < count; from += 200) {
    const queries = Array.from({ length: Math.min(200, count - from) }, (_, i) => {
      const next = random(from + i + 1)
      const interaction: NewInteraction = {
        id: `chatcmpl-${from + i}`,
        owner: { tenant: 'acme', user: `user-${(from + i) % Math.max(1, Math.floor(count / 100))}` },
        session: `s-${from + i}`,
        created: 1_750_000_000_000 + (from + i) * 20_000,
        model: 'house@1',
        version: 1,
        digest: 'ab'.repeat(32),
        messages: [{ role: 'system', content: 'You help.' }, { role: 'user', content: `How do I ${text(next, 20)}` }],
        block: null,
        profile: null,
        memories: [],
        prompt: null,
        choices: [{ content: text(next, 40), reasoning: '', calls: [], reason: 'stop' }],
        usage: null,
        timings: {},
        params: {},
        metadata: {},
        keyId: null,
        error: null,
        remember: false,
        training: true
      }
      return [...recording(interaction), query(`insert into feedback (id, owner, tenant, completion, session, interaction, created, kind, value)
        select :feedback, owner, tenant, id, session, seq, created, 'correction', :value from interactions where id = :id`, { feedback: `fb-${from + i}`, id: interaction.id, value: JSON.stringify(text(next, 60)) })]
    })
    await database.commit(queries.flat())
  }
  await database.close()
}

async function building (): Promise<void> {
  const database = await opened()
  const before = process.memoryUsage().rss
  let most = 0
  let late = 0
  let last = performance.now()
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss)
    late = Math.max(late, performance.now() - last - 20)
    last = performance.now()
  }, 20)
  const began = performance.now()
  const steps = new Map<string, number>()
  const datasets = await openDatasets({ database, path: join(folder, 'engraft.db'), folder: join(folder, 'tmp'), code: 'bench', gate: async () => {}, log: console.error })
  const version = await (await datasets.build({ tenant: 'acme', name: 'house', filters: {} }, ({ step }) => { steps.set(step, performance.now() - began) })).done
  clearInterval(watch)
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
  for (const [step, at] of steps) console.log(`${step}: until ${seconds(at)}`)
  console.log(`${count} answers: ${version.state} in ${seconds(performance.now() - began)}, ${Math.round((most - before) / 2 ** 20)} MiB more at most, main thread late by ${late.toFixed(0)} ms at most, ${JSON.stringify(version.failure ?? version.manifest?.counts)}`)
  await datasets.close()
  await database.close()
}

async function chatting (): Promise<void> {
  const server = await spawnServer(folder, ['--embedder', 'none'])
  try {
    const [beside, without]: [number[], number[]] = [[], []]
    for (let i = 0; i < 5; i++) await chat(server)
    for (let build = 1; build <= builds; build++) {
      const began = performance.now()
      const { id } = await json<{ id: string }>(await server.post('/admin/datasets', { tenant: 'acme', name: 'house' }))
      const under = async (): Promise<boolean> => {
        const { state, failure } = await json<{ state: string, failure: { message: string } | null }>(await fetch(`${server.url}/admin/datasets/${id}`))
        if (failure !== null) throw new Error(failure.message)
        return state === 'building'
      }
      const times: number[] = []
      for (let ms = await chat(server); await under(); ms = await chat(server)) times.push(ms)
      const seconds = (performance.now() - began) / 1000
      const idle: number[] = []
      while (idle.length < times.length) idle.push(await chat(server))
      beside.push(...times)
      without.push(...idle)
      console.log(`build ${build}, ${seconds.toFixed(1)} s with ${times.length} chats beside it: p95 ${quantile(times, 0.95).toFixed(0)} ms, without ${quantile(idle, 0.95).toFixed(0)} ms`)
    }
    console.log(`first token beside a build   ${spread(beside)}`)
    console.log(`first token without          ${spread(without)}`)
    console.log(`beside a build against idle: median ${(quantile(beside, 0.5) / quantile(without, 0.5)).toFixed(2)}, p95 ${(quantile(beside, 0.95) / quantile(without, 0.95)).toFixed(2)}`)
  } finally {
    await server.stop()
  }
}

let chats = 0

/** Milliseconds to the first token of a chat that nothing was read of before. */
async function chat (server: LiveServer): Promise<number> {
  await sleep(pauseMs)
  return firstToken(await streamed(server.url, { messages: [{ role: 'user', content: `How do I ${text(random(++chats), 20)}` }], temperature: 0, max_tokens: 8, stream: true, stream_options: { include_usage: true } }))
}

async function json<T> (reply: Response): Promise<T> {
  if (!reply.ok) throw new Error(`${reply.url} answers ${reply.status}: ${(await reply.text()).slice(0, 300)}`)
  return await reply.json() as T
}

try {
  await fill()
  if (named.length === 0 || named.includes('building')) await building()
  if (named.length === 0 || named.includes('chatting')) await chatting()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
