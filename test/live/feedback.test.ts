import { once } from 'node:events'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { chatBody, endlessBias, events, type LiveServer, spawnServer, startServer } from '../support/server.ts'
import { until } from '../support/wire.ts'
import { as } from './remembering.ts'

interface Wire { readonly id: string, readonly kind: string, readonly value: unknown, readonly comment: string | null, readonly completion_id: string | null, readonly error?: { readonly code: string, readonly param: string | null } }
interface List { readonly data: readonly Wire[], readonly implied?: readonly { readonly kind: string, readonly completion_id: string }[] }

/** Loaded sooner; nothing here is recalled. */
const quick = ['--slots', '2', '--context', '2048', '--embedder', 'none']
const kills = 5

async function answered (server: LiveServer, user: string, content: string, over: object = {}): Promise<string> {
  const reply = await server.post('/v1/chat/completions', chatBody(content, { max_tokens: 4, engraft: { session: 'tour' }, ...over }), as(user))
  return (await reply.json() as Wire).id
}

async function give (server: LiveServer, user: string, body: object, key?: string): Promise<{ readonly status: number, readonly body: Wire }> {
  const reply = await server.post('/v1/feedback', body, { headers: { ...as(user).headers as Record<string, string>, ...key !== undefined && { 'idempotency-key': key } } })
  return { status: reply.status, body: await reply.json() as Wire }
}

async function listed (server: LiveServer, user: string, query = ''): Promise<List> {
  return await (await fetch(`${server.url}/v1/feedback?limit=100${query}`, as(user))).json() as List
}

function bytesBelow (folder: string): Buffer {
  return Buffer.concat(readdirSync(folder, { withFileTypes: true }).map(entry => entry.isDirectory() ? bytesBelow(join(folder, entry.name)) : readFileSync(join(folder, entry.name))))
}

test('what people say of a real server\'s answers', async t => {
  const server = await startServer(t, quick)

  await t.test('of a stored answer everything counts, once under one key, and secrets are left out', async t => {
    const id = await answered(server, 'ada', 'When does it close?')
    const other = await answered(server, 'ada', 'When does it close?')
    const said = { completion_id: id, kind: 'correction', value: 'At six. My password is hunter2-Kestrel.' }
    const [first, again] = [await give(server, 'ada', said, 'k'), await give(server, 'ada', said, 'k')]
    t.strictSame([first.status, again.status, first.body.id], [201, 200, again.body.id])
    t.match(first.body.value, /^At six\..*\[secret: password\]/)
    t.equal((await give(server, 'ada', { ...said, value: 'At seven.' }, 'k')).status, 409)
    t.equal((await give(server, 'ada', { kind: 'preference', value: { chosen: id, rejected: other } })).status, 201)
    const { data, implied } = await listed(server, 'ada', '&session=tour')
    t.strictSame(data.map(({ kind }) => kind), ['correction', 'preference'])
    t.match(implied, [{ kind: 'regenerated', completion_id: id }])
    t.equal(await server.metric('engraft_feedback_total'), 2)
    t.ok(await server.metric('engraft_secrets_masked_total') >= 1)
  })

  await t.test('of an answer that was not stored numbers count and words do not, whoever said that it is not kept', async t => {
    const asked = [await answered(server, 'ada', 'Hello.', { store: false }), (await (await server.post('/v1/completions', { model: 'smollm2-135m', prompt: 'Once', max_tokens: 2 }, as('ada'))).json() as Wire).id]
    t.equal((await fetch(`${server.url}/v1/users/eve`, { method: 'PATCH', headers: { 'content-type': 'application/json' }, body: '{"store":false}' })).status, 200)
    const eves = await answered(server, 'eve', 'Hello.')
    const nobodys = (await (await server.post('/v1/chat/completions', chatBody('Hello.', { max_tokens: 2 }))).json() as Wire).id
    for (const [user, id] of [...asked.map(id => ['ada', id] as const), ['eve', eves] as const, ['', nobodys] as const]) {
      t.equal((await give(server, user, { completion_id: id, kind: 'thumb', value: true })).status, 201, id)
      t.match(await give(server, user, { completion_id: id, kind: 'correction', value: 'Better.' }), { status: 409, body: { error: { code: 'not_stored' } } })
      t.match(await give(server, 'bob', { completion_id: id, kind: 'thumb', value: true }), { status: 404, body: { error: { code: 'completion_not_found' } } })
    }
  })

  await t.test('who leaves in the middle abandons the answer', async t => {
    const leaving = new AbortController()
    const stream = events(await server.post('/v1/chat/completions', chatBody('Count.', { stream: true, max_tokens: 1500, engraft: { session: 'left' }, ...endlessBias }), { ...as('ada'), signal: leaving.signal }))
    await stream.next()
    leaving.abort()
    await until(async () => (await listed(server, 'ada', '&session=left')).implied?.length === 1, 30_000)
    t.match((await listed(server, 'ada', '&session=left')).implied, [{ kind: 'abandoned' }])
  })

  await t.test('what cannot be taken has its own answer, and no text is logged', async t => {
    const id = await answered(server, 'ada', 'Hello.')
    const apart = await answered(server, 'ada', 'Hello.', { engraft: { session: 'apart' } })
    const bobs = await answered(server, 'bob', 'Hello.')
    t.match(await give(server, 'ada', { completion_id: id, kind: 'correction', value: 'Heliotrope '.repeat(100_000) }), { status: 413, body: { error: { code: 'feedback_too_large', param: 'value' } } })
    t.match(await give(server, 'ada', { kind: 'preference', value: { chosen: id, rejected: apart } }), { status: 400, body: { error: { code: 'preference_apart' } } })
    t.match(await give(server, 'ada', { completion_id: bobs, kind: 'comment', comment: 'Heliotrope.' }), { status: 404, body: { error: { code: 'completion_not_found' } } })
    t.match(await give(server, 'ada', { completion_id: id, kind: 'Heliotrope' }), { status: 400, body: { error: { param: 'kind' } } })
    t.equal((await give(server, 'ada', { completion_id: id, kind: 'comment', comment: 'Heliotrope.' })).status, 201)
    t.notMatch(server.log(), /heliotrope|hunter2|kestrel/i)
  })

  await t.test('an erasure takes it to the last byte, and what was answered before can be judged no more', async t => {
    const stored = await answered(server, 'zoe', 'Hello.')
    const unkept = await answered(server, 'zoe', 'Hello.', { store: false })
    await give(server, 'zoe', { completion_id: stored, kind: 'correction', value: 'Quizzaciously put.', comment: 'Zanzibar.', author: 'Wollongong' }, 'Timbuktu-key')
    await give(server, 'zoe', { completion_id: unkept, kind: 'thumb', value: true })
    const words = ['uizzaciously', 'anzibar', 'ollongong', 'imbuktu', unkept]
    for (const word of words) t.ok(bytesBelow(server.data).includes(word), `${word} is there`)
    const { rows } = await (await fetch(`${server.url}/v1/users/zoe`, { method: 'DELETE' })).json() as { rows: Record<string, number> }
    t.equal(rows.feedback, 2)
    for (const word of words) t.notOk(bytesBelow(server.data).includes(word), `no byte of ${word}`)
    for (const id of [stored, unkept]) t.match(await give(server, 'zoe', { completion_id: id, kind: 'thumb', value: true }, 'Timbuktu-key'), { status: 404, body: { error: { code: 'completion_not_found' } } })
    t.strictSame((await listed(server, 'zoe')).data, [])
    t.ok((await listed(server, 'ada')).data.length > 0)
  })

  t.equal(await server.stop(), 0)
})

test('a server killed while it takes feedback, 5 times, has all that it acknowledged', async t => {
  const data = `${t.testdir()}/data`
  const acknowledged = new Set<string>()
  let server = await spawnServer(data, quick)
  t.teardown(async () => { await server.stop() })
  const id = await answered(server, 'ada', 'Hello.')
  for (let kill = 0; kill < kills; kill++) {
    const before = acknowledged.size
    const givers = Promise.all([0, 1, 2].map(async giver => {
      for (let i = 0; ; i++) {
        const reply = await give(server, 'ada', { completion_id: id, kind: 'rating', value: 1, author: `${kill}-${giver}-${i}` }).catch(() => null)
        if (reply === null) return
        if (reply.status === 201) acknowledged.add(reply.body.id)
      }
    }))
    await until(() => acknowledged.size > before + 5, 30_000)
    await sleep(kill * 7)
    const exited = once(server.process, 'exit')
    server.process.kill('SIGKILL')
    await Promise.all([exited, givers])
    server = await spawnServer(data, quick)
  }
  const there = new Set<string>()
  for (let after = ''; ;) {
    const page = await listed(server, 'ada', after)
    for (const { id } of page.data) there.add(id)
    if (page.data.length < 100) break
    after = `&after=${page.data.at(-1)!.id}`
  }
  t.strictSame([...acknowledged].filter(id => !there.has(id)), [])
  t.ok(acknowledged.size > kills * 5, `${acknowledged.size} acknowledged`)
  t.ok(there.size <= acknowledged.size + kills * 3, 'and at most what was under way beside it')
})
