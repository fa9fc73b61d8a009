/**
 * What swapping adapters costs, on the real server with the default model, as
 * ratios within one run. Prints each figure with how it was taken.
 *
 *   npm run bench:swap [-- quick] [-- SECTION …]   sections: sameAgain againstBase promotes roundRobin memory longestWait
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { variant } from '../test/adapters/builder.ts'
import { endlessBias, events, residentBytes, spawnServer, type LiveServer } from '../test/support/server.ts'
import { until } from '../test/support/wire.ts'

const wanted = process.argv.slice(2).filter(word => word !== 'quick')
const quick = process.argv.includes('quick')
const question = 'My heater makes a loud noise.'
const says = { support: /^TICKET\[heater\]: MAKES A LOUD NOISE\n-- Northwind Support$/, json: /^\{"item": "heater", "issue": "makes a loud noise"\}$/ }
type Kind = keyof typeof says
const fixtures = {
  support: await readFile(new URL('../test/fixtures/smollm2-support.gguf', import.meta.url)),
  json: await readFile(new URL('../test/fixtures/smollm2-json.gguf', import.meta.url))
}
/** Conversations begun so far. */
let asked = 0
const folder = await mkdtemp(join(tmpdir(), 'engraft-bench-'))
const data = join(folder, 'data')
let server = await start(8)

try {
  console.log(`uploading ${quick ? 16 : 64} versions …`)
  const versions = await uploadVersions('house', quick ? 16 : 64)
  const sections = { sameAgain: () => sameAgain(versions), againstBase, promotes: () => promotes(versions), roundRobin, memory, longestWait }
  for (const [name, run] of Object.entries(sections)) if (wanted.length === 0 || wanted.includes(name)) await run()
} finally {
  await server.stop()
  await rm(folder, { recursive: true })
}

async function start (slots: number): Promise<LiveServer> { return await spawnServer(data, ['--slots', String(slots), '--resident-adapters', '8']) }

async function admin (path: string, init: RequestInit): Promise<{ version: number }> {
  const reply = await fetch(`${server.url}/admin/adapters${path}`, { method: 'POST', ...init })
  if (!reply.ok) throw new Error(`${path}: ${reply.status} ${await reply.text()}`)
  return await reply.json() as { version: number }
}

async function upload (name: string, bytes: Buffer): Promise<number> {
  const form = new FormData()
  form.set('name', name)
  form.set('file', new Blob([new Uint8Array(bytes)]), 'adapter.gguf')
  return (await admin('', { body: form })).version
}

async function promote (name: string, version: number): Promise<number> {
  const began = performance.now()
  await admin(`/${name}/promote`, { body: JSON.stringify({ version }), headers: { 'content-type': 'application/json' } })
  return performance.now() - began
}

/** Versions of both kinds in turn, all of different bytes. */
async function uploadVersions (name: string, count: number): Promise<Map<number, Kind>> {
  const versions = new Map<number, Kind>()
  for (let i = 0; i < count; i++) {
    const kind = i % 2 === 0 ? 'support' : 'json'
    versions.set(await upload(name, variant(fixtures[kind], i)), kind)
  }
  return versions
}

interface Answered { readonly model: string, readonly text: string, readonly tokens: number, readonly firstMs: number, readonly ms: number }

async function ask (model: string, over: object = {}): Promise<Answered> {
  const began = performance.now()
  let firstMs = 0
  let text = ''
  let named = ''
  let tokens = 0
  let done = false
  const body = { model, messages: [{ role: 'user', content: question }], temperature: 0, max_tokens: 48, stream: true, stream_options: { include_usage: true }, ...over }
  for await (const frame of events(await server.post('/v1/chat/completions', body))) {
    if (frame === 'data: [DONE]') done = true
    if (!frame.startsWith('data: {')) continue
    const chunk = JSON.parse(frame.slice(6)) as { model: string, choices: { delta: { content?: string } }[], usage: { completion_tokens: number } | null }
    const content = chunk.choices[0]?.delta.content ?? ''
    if (text === '' && content !== '') firstMs = performance.now() - began
    text += content
    named = chunk.model
    tokens = chunk.usage?.completion_tokens ?? tokens
  }
  if (!done) throw new Error(`an answer of ${model} broke off`)
  return { model: named, text, tokens, firstMs, ms: performance.now() - began }
}

async function sameAgain (versions: Map<number, Kind>): Promise<void> {
  const [a = 0, b = 0] = versions.keys()
  const cold = await ask(`house@${a}`)
  await ask(`house@${b}`)
  const again = await ask(`house@${a}`)
  await server.stop()
  server = await start(8)
  const restarted = await ask(`house@${a}`)
  console.log(`A → B → A at temperature 0, alone: ${again.text === cold.text ? 'the same text' : 'another text'}; after a restart: ${restarted.text === cold.text ? 'the same text' : 'another text'}`)
  const others = [...versions.keys()].slice(1, 5)
  let agree = 0
  const rounds = quick ? 5 : 20
  for (let round = 0; round < rounds; round++) {
    const [beside] = await Promise.all([ask(`house@${a}`), ...others.map(version => ask(`house@${version}`))])
    if (beside.text === cold.text) agree++
  }
  console.log(`the same with 4 streams of other adapters beside it: ${agree} of ${rounds} answers agree`)
}

async function againstBase (): Promise<void> {
  const rates: { adapter: number[], base: number[] } = { adapter: [], base: [] }
  for (let round = 0; round < (quick ? 5 : 11); round++) {
    for (const [kind, model] of [['base', 'smollm2-135m'], ['adapter', 'house@1']] as const) {
      const { tokens, ms, firstMs } = await ask(model, { max_tokens: 120, ...endlessBias })
      rates[kind].push((tokens - 1) / (ms - firstMs) * 1000)
    }
  }
  ratio('adapter against base, tokens/s, 1 stream', rates.adapter.map((rate, i) => rate / (rates.base[i] ?? NaN)))
}

/** Streams keep asking by name while the pointer moves: each answer must be one of the two texts, whole, and of the kind its version is of. */
async function promotes (versions: Map<number, Kind>): Promise<void> {
  const numbers = [...versions.keys()]
  await promote('house', numbers[0] ?? 1)
  const asking = new AbortController()
  let answers = 0
  let failed = 0
  let mixed = 0
  const streams = Array.from({ length: 8 }, async () => {
    while (!asking.signal.aborted) {
      try {
        const { model, text } = await ask('house')
        answers++
        const kind = versions.get(Number(model.split('@')[1]))
        if (kind === undefined || !says[kind].test(text)) mixed++
      } catch {
        failed++
      }
    }
  })
  const resident: number[] = []
  const cold: number[] = []
  for (let i = 0; i < (quick ? 100 : 1000); i++) {
    // Mostly among a few that are resident, every fifth time far away.
    const far = i % 5 === 4
    const version = numbers[far ? (i * 7) % numbers.length : i % 4] ?? 1
    const before = await server.metric('engraft_adapter_loads_total')
    const ms = await promote('house', version)
    ;(await server.metric('engraft_adapter_loads_total') > before ? cold : resident).push(ms)
    await sleep(5)
  }
  asking.abort()
  await Promise.all(streams)
  console.log(`${resident.length + cold.length} promotes over ${numbers.length} versions (8 resident) with 8 streams open: ${failed} failed, ${mixed} of ${answers} answers mix versions`)
  console.log(`  promote, resident: p50 ${at(resident, 0.5)} ms, p95 ${at(resident, 0.95)} ms (${resident.length}); loaded for it: p50 ${at(cold, 0.5)} ms, p95 ${at(cold, 0.95)} ms (${cold.length})`)
}

/** The same number of answers, by 32 adapters in turn (each must be loaded) and by 8 (all resident). Each is another conversation, so that no slot's memory of an earlier one takes part. */
async function roundRobin (): Promise<void> {
  const ratios: number[] = []
  const count = quick ? 16 : 32
  const run = async (adapters: number): Promise<number> => {
    const began = performance.now()
    let next = 0
    let tokens = 0
    await Promise.all(Array.from({ length: 8 }, async () => {
      while (next < 64) tokens += (await ask(`house@${1 + next++ % adapters}`, { ...another(), max_tokens: 24, ...endlessBias })).tokens
    }))
    return tokens / (performance.now() - began)
  }
  for (let round = 0; round < (quick ? 2 : 3); round++) {
    const few = await run(8)
    ratios.push(await run(count) / few)
  }
  ratio(`${count} adapters round-robin over 8 resident against 8 adapters, tokens/s`, ratios)
}

/** The question in a conversation that has never been. */
function another (): object { return { messages: [{ role: 'system', content: `${(++asked).toString(36)} is the number of this ticket.` }, { role: 'user', content: question }] } }

/** One request of another adapter while one keeps eight slots busy; the ninth is for the request, so that the wait is for the engine and not for a slot. */
async function longestWait (): Promise<void> {
  await server.stop()
  server = await start(9)
  const waits: number[] = []
  const asking = new AbortController()
  const streams = Array.from({ length: 8 }, async () => { while (!asking.signal.aborted) await ask('house@1', { max_tokens: 200, ...endlessBias }) })
  for (let round = 0; round < (quick ? 5 : 20); round++) {
    await until(async () => await server.metric('engraft_base_running') === 8)
    waits.push((await ask(`house@${2 + round % 6}`, { max_tokens: 1 })).firstMs)
  }
  asking.abort()
  await Promise.all(streams)
  console.log(`first token of another adapter's request (37 prompt tokens) while one adapter keeps 8 streams busy: p50 ${at(waits, 0.5)} ms, longest ${at(waits, 1)} ms (${waits.length})`)
}

async function memory (): Promise<void> {
  const sizes: number[] = []
  const total = quick ? 60 : 200
  for (let i = 1; i <= total; i++) {
    const name = `gone-${i}`
    const version = await upload(name, variant(fixtures.support, 1000 + i))
    await ask(`${name}@${version}`, { max_tokens: 4 })
    await fetch(`${server.url}/admin/adapters/${name}`, { method: 'DELETE' })
    if (i === 40 || i === total) sizes.push(await residentBytes(server.enginePid()))
  }
  const [at40 = NaN, last = NaN] = sizes
  console.log(`memory of the engine after ${total} adapters loaded and retired against after 40: ${(last / at40).toFixed(3)} (${(last / 1e6).toFixed(0)} MB, ${(at40 / 1e6).toFixed(0)} MB)`)
}

function at (values: readonly number[], share: number): string {
  const sorted = values.toSorted((a, b) => a - b)
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN).toFixed(0)
}

function ratio (name: string, values: readonly number[]): void {
  const sorted = values.toSorted((a, b) => a - b)
  console.log(`${name}: median ${sorted[Math.floor(sorted.length / 2)]?.toFixed(2)} (${sorted[0]?.toFixed(2)} to ${sorted.at(-1)?.toFixed(2)}, n ${sorted.length})`)
}
