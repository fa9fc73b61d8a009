import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { startServer } from '../support/server.ts'
import { until } from '../support/wire.ts'
import { as, ask, captured, memoriesOf, patience, user } from './remembering.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
type Document = { readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>> }

/** Words that nobody else says: in the chat, a memory, the profile, feedback, and as the name of the person and what they are called. */
const canaries = ['Quizzaciously', 'Brobdingnag', 'Lilliputian', 'Floccinauci', 'Zephyrine']
const [chat, note, profile, feedback, name] = canaries as [string, string, string, string, string]

/** Routes that are asked with more than their path: about an id. */
const about: Readonly<Record<string, (id: string) => string>> = {
  '/v1/feedback': id => `?completion_id=${id}`,
  '/admin/datasets/lineage': id => `?${id === name ? 'user' : 'completion'}=${id}`,
  '/admin/datasets/{id}/diff': id => `?against=${id}`,
  '/admin/datasets/{id}/export': () => '?format=trl-kto&split=train',
  '/admin/reviews': () => '?limit=100'
}
/** What is posted and only reads. */
const lists = (path: string): boolean => ['/admin/datasets/preview', '/v1/memories/search'].includes(path)

/** All bytes below a folder. */
function bytesBelow (folder: string): Buffer {
  return Buffer.concat(readdirSync(folder, { withFileTypes: true }).map(entry => entry.isDirectory() ? bytesBelow(join(folder, entry.name)) : readFileSync(join(folder, entry.name))))
}

test('what one person said is found by no route, metric, error or log, asked as another person or another tenant, and in no file once they are erased', async t => {
  const server = await startServer(t)
  const keysCreate = spawn(process.execPath, [main, 'keys', 'create', '--data', server.data, '--tenant', 'other', '--scope', 'chat', '--scope', 'memory', '--scope', 'feedback'], { stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  keysCreate.stdout.on('data', chunk => { out += chunk })
  await once(keysCreate, 'close')
  const key = out.split('\n')[0]!
  const post = async (path: string, body: object): Promise<{ id: string, token: string }> => {
    const reply = await server.post(path, body, as(name))
    const answer = await reply.json() as { id: string, token: string }
    if (!reply.ok) throw new Error(JSON.stringify(answer))
    return answer
  }

  await ask(server, name, [user(`My name is ${chat}.`)])
  await captured(server)
  await post('/v1/memories', { content: `Was in ${note}.`, session: `trip to ${note}` })
  await fetch(`${server.url}/v1/users/${name}/profile`, { ...as(name), method: 'PUT', headers: { ...as(name).headers, 'content-type': 'application/json' }, body: JSON.stringify({ data: [{ kind: 'instruction', content: `Always say ${profile}.` }] }) })
  const { data: stored } = await (await fetch(`${server.url}/v1/chat/completions?limit=100`, as(name))).json() as { data: { id: string }[] }
  const { id: said } = await post('/v1/feedback', { completion_id: stored[0]!.id, kind: 'correction', value: `It is ${feedback}.`, comment: `Never ${feedback}.`, author: `${feedback} herself` })
  const { token } = await post('/v1/tokens', { user: name })
  await ask(server, name, [user(`What do you know of ${note}?`)])
  await captured(server)

  // Rows of theirs are in a data set too.
  const dataset = await post('/admin/datasets', { name: 'canaries' })
  await until(async () => (await (await fetch(`${server.url}/admin/datasets/${dataset.id}`)).json() as { state: string }).state !== 'building', patience)

  const there = await memoriesOf(server, name)
  const exported = async (): Promise<string> => await (await fetch(`${server.url}/v1/users/${name}/export`, as(name))).text()
  const kept = await exported()
  for (const canary of canaries) t.ok(kept.includes(canary), `${canary} is kept`)
  const ids = [...there.map(({ id }) => id), ...stored.map(({ id }) => id), said, dataset.id, name]
  const metrics = async (): Promise<string> => await (await fetch(`${server.url}/metrics`)).text()

  /** Asks every route that `asks` lets through, about each id, and fails where an answer tells what its request does not. */
  async function crawl (headers: Record<string, string>, asks: (method: string, path: string) => boolean): Promise<number> {
    const { paths } = await (await fetch(`${server.url}/openapi.json`)).json() as Document
    let asked = 0
    for (const [path, methods] of Object.entries(paths)) {
      for (const method of Object.keys(methods).filter(method => asks(method, path))) {
        for (const id of path.includes('{') || path in about ? ids : ['']) {
          const url = `${server.url}${path.replace(/\{[^}]+\}/g, encodeURIComponent(id))}${about[path]?.(encodeURIComponent(id)) ?? ''}`
          const body: { readonly body?: string } = method === 'get' || method === 'delete' ? {} : { body: JSON.stringify(path.startsWith('/admin/datasets') ? { name: 'canaries' } : { messages: [user('What is my name?')], query: chat.slice(0, 4), content: 'x', max_tokens: 2, model: 'smollm2-135m', input: 'x', prompt: 'x', completion_id: stored[0]!.id, kind: 'thumb', value: true }) }
          const reply = await fetch(url, { method: method.toUpperCase(), headers: { ...headers, ...'body' in body && { 'content-type': 'application/json' } }, ...body, signal: AbortSignal.timeout(30_000) })
          const heard = `${JSON.stringify([...reply.headers])}${await reply.text()}`
          asked++
          // The name that a stranger sends comes back to them; nothing else of it does.
          const own = new Set([...url.includes(name) || headers['x-engraft-user'] === name ? [name] : []])
          for (const canary of canaries) if (!own.has(canary) && heard.includes(canary)) t.fail(`${method} ${path} tells ${canary}: ${heard.slice(0, 300)}`)
          for (const id of ids) if (id !== name && id !== dataset.id && !url.includes(id) && body.body?.includes(id) !== true && heard.includes(id)) t.fail(`${method} ${path} tells an id: ${heard.slice(0, 300)}`)
        }
      }
    }
    return asked
  }

  const strangers: Record<string, string>[] = [{ 'x-engraft-user': 'bob' }, { authorization: `Bearer ${key}`, 'x-engraft-user': name }, { authorization: `Bearer ${key}` }]
  let asked = 0
  for (const headers of strangers) {
    // What changes the server itself is no way to read. An operator without a key reads everyone's answers for review; strangers are others.
    asked += await crawl(headers, (method, path) => !path.startsWith('/admin') || (headers.authorization !== undefined && (method === 'get' || lists(path))))
  }
  t.ok(asked > 150, `${asked} requests`)
  for (const canary of canaries) t.notMatch(server.log() + await metrics(), canary)
  t.strictSame(await memoriesOf(server, name), there, 'and nothing of it is gone')
  t.strictSame((await exported()).split('\n').slice(1, -2), kept.split('\n').slice(1, -2))

  const reply = await fetch(`${server.url}/v1/users/${name}`, { ...as(name), method: 'DELETE' })
  const receipt = await reply.text()
  t.equal(reply.status, 200)
  t.match(JSON.parse(receipt), { datasets: ['canaries@1'] })
  t.equal((await fetch(`${server.url}/v1/models`, { headers: { authorization: `Bearer ${token}` } })).status, 401, 'their token opens nothing')
  // The other tenant has asked under the same name, and is another person.
  await fetch(`${server.url}/v1/users/${name}`, { method: 'DELETE', headers: { authorization: `Bearer ${key}` } })
  const files = bytesBelow(server.data)
  for (const canary of canaries) {
    t.notOk(files.includes(canary.slice(1)), `${canary} is in no file`)
    t.notMatch(`${receipt}${server.log()}${await metrics()}`, canary)
  }
  // Whoever runs the server could read all of it before.
  const operators: Record<string, string>[] = [{}, { 'x-engraft-user': name }]
  const counts = await Promise.all(operators.map(async headers => await crawl(headers, (method, path) => method === 'get' || lists(path))))
  t.ok(counts.every(asked => asked > 50), `${counts.join(' and ')} requests`)
})
