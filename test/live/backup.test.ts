import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { run } from '../clients/python.ts'
import { freshFolder } from '../database/fixtures.ts'
import { chatBody, type LiveServer, startServer } from '../support/server.ts'
import { ask, assistant, captured, embedded, memoriesOf, search, user } from './remembering.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))
const engraft = (...args: readonly string[]) => run(process.execPath, [main, ...args])

test('a backup made while people talk becomes a server of its own that remembers and answers as the first', async t => {
  const server = await startServer(t)
  const added = await engraft('adapters', 'add', 'notes', fixture('smollm2-support.gguf'), '--promote', '--url', server.url)
  t.equal(added.code, 0, added.err)
  const question = chatBody('My heater makes a loud noise.', { model: 'notes' })
  const said = async (url: string): Promise<unknown> => ((await (await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(question) })).json()) as { choices: { message: { content: string } }[] }).choices[0]?.message.content
  const answer = await said(server.url)
  await ask(server, 'ada', [user('My dog is called Biscuit.')])
  await captured(server)
  const before = await memoriesOf(server, 'ada')

  const done = new AbortController()
  let answered = 0
  const talk = (async () => {
    for (; !done.signal.aborted; answered++) await ask(server, 'bob', [user(`Question ${answered}.`)], { max_tokens: 4 })
  })()
  const target = join(freshFolder(t), 'backup')
  const made = await engraft('backup', target, '--data', server.data)
  done.abort()
  await talk
  t.equal(made.code, 0, made.err)
  t.match(made.out, /holds the database \(\S+ MB, version \d+\) and 1 adapter file \(\S+ MB\)\.\nModels are not in it/)
  t.ok(answered > 0, `${answered} answers meanwhile`)

  const busy = await engraft('restore', target, '--data', server.data, '--replace')
  t.equal(busy.code, 1)
  t.match(busy.err, /in use by another Engraft process\. Stop that one first/)

  const data = join(freshFolder(t), 'data')
  const restored = await engraft('restore', target, '--data', data)
  t.equal(restored.code, 0, restored.err)
  t.match(restored.out, /now holds the database .* from \d{4}-/)
  const second = await startServer(t, [], {}, data)
  t.strictSame(await memoriesOf(second, 'ada'), before)
  const found = async (where: LiveServer): Promise<string[]> => (await search(where, 'ada', 'What is the name of my dog?')).data.map(({ content }) => content)
  await Promise.all([server, second].map(embedded))
  t.strictSame(await found(second), await found(server))
  t.ok((await found(second)).includes('My dog is called Biscuit.'))
  const recalled = await ask(second, 'ada', [user('It rains.'), assistant('I see.'), user('What is the name of my dog?')])
  t.ok(recalled.engraft.memories.includes(before[0]!.id), 'and it reaches answers')
  t.equal(await said(second.url), answer, 'the adapter is live and says the same')
  const bobs = (await memoriesOf(second, 'bob')).filter(({ role }) => role === 'user').map(({ content }) => content)
  t.strictSame(bobs, bobs.map((_, index) => `Question ${index}.`), `${bobs.length} of the turns of meanwhile, none missing between`)

  t.equal(await second.stop(), 0)
  const again = await engraft('restore', target, '--data', data)
  t.match([again.code, again.err], [1, /holds a database already/])
  const replaced = await engraft('restore', target, '--data', data, '--replace')
  t.match(replaced.out, /The database that was there is .*engraft\.db\.replaced-/)
  t.strictSame(await memoriesOf(await startServer(t, [], {}, data), 'ada'), before)
})

test('a server clears away what a killed restore left', async t => {
  const source = join(freshFolder(t), 'data')
  mkdirSync(join(source, 'restoring'), { recursive: true })
  writeFileSync(join(source, 'restoring', 'engraft.db'), 'what users said')
  await startServer(t, [], {}, source)
  t.notOk(existsSync(join(source, 'restoring')))
})
