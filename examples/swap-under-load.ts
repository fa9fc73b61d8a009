/**
 * Swaps adapters under streaming load, and shows that no answer breaks.
 *
 * Start the server (`npm start`), then in a second terminal:
 *
 *   npm run example:swap
 *
 * It uploads two small adapters under one name, lets four readers ask without
 * pause, promotes the first, then the second, then rolls back, and prints what
 * the readers saw. ENGRAFT_URL and ENGRAFT_KEY name another server.
 */
import { openAsBlob } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const url = process.env.ENGRAFT_URL ?? 'http://127.0.0.1:8080'
const headers: Record<string, string> = process.env.ENGRAFT_KEY === undefined ? {} : { authorization: `Bearer ${process.env.ENGRAFT_KEY}` }
const name = `swap-${Date.now().toString(36)}`
const question = 'My heater makes a loud noise.'
const readers = 4

interface Seen { readonly model: string, readonly text: string, readonly startedAt: number }
const seen: Seen[] = []
let failed = 0
const asking = new AbortController()

const began = performance.now()
const clock = (): string => `${((performance.now() - began) / 1000).toFixed(2).padStart(6)} s`
const say = (text: string): void => console.log(`${clock()}  ${text}`)

const support = await upload('smollm2-support.gguf')
const json = await upload('smollm2-json.gguf')
await promote(support, 'promote')
const loops = Array.from({ length: readers }, () => read())
await sleep(4000)
await promote(json, 'promote')
await sleep(4000)
await promote(support, 'rollback')
await sleep(4000)
asking.abort()
await Promise.all(loops)

console.log(`\n${seen.length} answers by ${readers} readers, ${failed} failed. What each version said:`)
for (const model of [`${name}@${support}`, `${name}@${json}`]) {
  const texts = Map.groupBy(seen.filter(answer => answer.model === model), answer => answer.text)
  for (const [text, answers] of texts) console.log(`  ${model}  ${String(answers.length).padStart(4)} times  ${JSON.stringify(text)}`)
}
const changes = seen.toSorted((a, b) => a.startedAt - b.startedAt).filter((answer, i, all) => answer.model !== all[i - 1]?.model)
console.log(`In the order they began, the answers came from: ${changes.map(answer => answer.model).join(' → ')}`)

async function admin (path: string, init: RequestInit = {}): Promise<Record<string, unknown>> {
  const reply = await fetch(`${url}/admin/adapters${path}`, { method: 'POST', ...init, headers: { ...headers, ...init.headers } })
  const body = await reply.json() as { error?: { message: string } } & Record<string, unknown>
  if (!reply.ok) throw new Error(body.error?.message ?? `it answered ${reply.status}`)
  return body
}

async function upload (file: string): Promise<number> {
  const form = new FormData()
  form.set('name', name)
  form.set('file', await openAsBlob(fileURLToPath(new URL(`../test/fixtures/${file}`, import.meta.url))), file)
  const { version, digest } = await admin('', { body: form }) as { version: number, digest: string }
  say(`uploaded ${file} as ${name}@${version} (sha256 ${digest.slice(0, 12)}…): checked against the base, tried in a process of its own`)
  return version
}

async function promote (version: number, verb: 'promote' | 'rollback'): Promise<void> {
  const start = performance.now()
  await admin(`/${name}/${verb}`, verb === 'promote' ? { body: JSON.stringify({ version }), headers: { 'content-type': 'application/json' } } : {})
  say(`${verb}: ${name}@${version} is live after ${(performance.now() - start).toFixed(0)} ms`)
}

/** Asks again and again over one stream each, as a chat front-end would. */
async function read (): Promise<void> {
  while (!asking.signal.aborted) {
    const startedAt = performance.now()
    try {
      const reply = await fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ model: name, messages: [{ role: 'user', content: question }], temperature: 0, max_tokens: 48, stream: true })
      })
      const frames = (await reply.text()).split('\n\n').filter(frame => frame.startsWith('data: ')).map(frame => frame.slice(6))
      if (!reply.ok || frames.at(-1) !== '[DONE]') throw new Error('it broke off')
      const chunks = frames.slice(0, -1).map(frame => JSON.parse(frame) as { model: string, choices: { delta: { content?: string } }[] })
      seen.push({ model: chunks[0]?.model ?? '', text: chunks.map(chunk => chunk.choices[0]?.delta.content ?? '').join(''), startedAt })
    } catch {
      failed++
    }
  }
}
