import { execFileSync } from 'node:child_process'
import { appendFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { freshFolder } from '../database/fixtures.ts'
import { startServer } from '../support/server.ts'
import { as, ask, assistant, captured, memoriesOf, search, user } from './remembering.ts'

const skip = process.platform === 'linux' && process.getuid?.() === 0 ? false : 'needs root on Linux, to mount a small disk'

test('on a full disk answers go on and say that they are not on record, reads go on, and writes are refused until there is room', { skip }, async t => {
  const disk = freshFolder(t)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk])
  t.teardown(() => execFileSync('umount', ['-l', disk]))
  const server = await startServer(t, [], {}, join(disk, 'data'))
  await ask(server, 'ada', [user('My dog is called Biscuit.')])
  await captured(server)
  const before = await memoriesOf(server, 'ada')

  const ballast = join(disk, 'ballast')
  // The server may take some of the room meanwhile.
  try {
    for (;;) appendFileSync(ballast, Buffer.alloc(64 * 1024))
  } catch (error) {
    t.match(error, { code: 'ENOSPC' })
  }
  // What is free inside the file and its log is used up by the first writes.
  let status = 202
  for (let i = 0; status === 202 && i < 200; i++) status = (await server.post('/v1/memories', { content: `${i} ${'word '.repeat(20_000)}` }, as('filler'))).status
  t.equal(status, 507)
  t.match(await (await server.post('/v1/memories', { content: 'x '.repeat(50_000) }, as('ada'))).json(), { error: { code: 'storage_full' } })

  // Longer than what small writes still find room for.
  const unrecorded = await ask(server, 'ada', [user('It rains. '.repeat(600)), assistant('I see.'), user('What is the name of my dog?')], { max_tokens: 24 })
  t.ok(unrecorded.content.length > 0, 'it is answered')
  t.equal(unrecorded.engraft.recorded, false)
  t.ok(unrecorded.engraft.memories.includes(before[0]!.id), 'with what was said before')
  t.strictSame(await memoriesOf(server, 'ada'), before, 'what was there can be read')
  t.match(await search(server, 'ada', 'dog', { limit: 1 }), { data: [{ content: /^My dog is called Biscuit/ }] })

  rmSync(ballast)
  t.equal((await ask(server, 'ada', [user('I have a cat, too.')])).engraft.recorded, true)
  await captured(server)
  t.match((await memoriesOf(server, 'ada')).slice(before.length).filter(({ kind }) => kind === 'turn'), [{ content: 'I have a cat, too.' }, { role: 'assistant' }])
})
