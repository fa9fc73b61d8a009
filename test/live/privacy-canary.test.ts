import { test } from 'tap'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { startServer } from '../support/server.ts'
import { as, ask, captured, memoriesOf, user } from './remembering.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
type Document = { readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>> }

test('what one person said is found by no route, metric, error or log, asked as another person or another tenant', async t => {
  const server = await startServer(t)
  const canary = 'Quizzaciously'
  const keysCreate = spawn(process.execPath, [main, 'keys', 'create', '--data', server.data, '--tenant', 'other', '--scope', 'chat', '--scope', 'memory'], { stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  keysCreate.stdout.on('data', chunk => { out += chunk })
  await once(keysCreate, 'close')
  const key = out.split('\n')[0]!

  await ask(server, 'ada', [user(`My name is ${canary}.`)])
  await captured(server)
  const there = await memoriesOf(server, 'ada')
  const { data: stored } = await (await fetch(`${server.url}/v1/chat/completions?limit=100`, as('ada'))).json() as { data: { id: string }[] }
  t.ok(there.some(({ content }) => content.includes(canary)) && stored.length === 1)
  const ids = [...there.map(({ id }) => id), ...stored.map(({ id }) => id), 'ada']

  const { paths } = await (await fetch(`${server.url}/openapi.json`)).json() as Document
  const strangers: Record<string, string>[] = [{ 'x-engraft-user': 'bob' }, { authorization: `Bearer ${key}`, 'x-engraft-user': 'ada' }, { authorization: `Bearer ${key}` }]
  let asked = 0
  for (const headers of strangers) {
    for (const [path, methods] of Object.entries(paths)) {
      for (const method of Object.keys(methods)) {
        // What changes the server itself is no way to read.
        if (method !== 'get' && path.startsWith('/admin')) continue
        for (const id of path.includes('{') ? ids : ['']) {
          // The other tenant may erase its own ada; that is hers, not ours.
          const url = `${server.url}${path.replace(/\{[^}]+\}/g, encodeURIComponent(id))}`
          const body = method === 'get' || method === 'delete' ? {} : { body: JSON.stringify({ messages: [user('What is my name?')], query: canary.slice(0, 4), content: 'x', max_tokens: 2, model: 'smollm2-135m', input: 'x', prompt: 'x' }) }
          const reply = await fetch(url, { method: method.toUpperCase(), headers: { ...headers, ...'body' in body && { 'content-type': 'application/json' } }, ...body, signal: AbortSignal.timeout(30_000) })
          const said = `${JSON.stringify([...reply.headers])}${await reply.text()}`
          asked++
          if (said.includes(canary)) t.fail(`${method} ${path} tells it: ${said.slice(0, 300)}`)
          for (const memory of there) if (!url.includes(memory.id) && said.includes(memory.id)) t.fail(`${method} ${path} tells an id`)
        }
      }
    }
  }
  t.ok(asked > 100, `${asked} requests`)
  t.notMatch(server.log(), canary)
  t.strictSame(await memoriesOf(server, 'ada'), there, 'and nothing of it is gone')
})
