import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'tap'
import type { Database } from '../../src/database/database.ts'
import { sql } from '../../src/database/sql.ts'
import type { Message } from '../../src/inference/engine.ts'
import type { Page } from '../../src/interactions/interactions.ts'
import { openInteractions } from '../../src/interactions/open.ts'
import { opened } from '../database/fixtures.ts'
import { ada, answers, ask, bob, choice, interaction, says, store } from './fixtures.ts'

const firstPage: Page = { after: null, limit: 10, order: 'asc', model: null, metadata: {} }
const odd = 'é e\u0301 💛👩‍👧 \u2028\u2029 \0 \u001b[2J "\\" </s> ไทย 日本語 \u202e'

test('what was recorded is read again as it was, also after a restart', async t => {
  const { interactions, database, path } = await store(t)
  const calls = [{ id: 'c1', name: 'weather', arguments: '{"city":"Bern"}' }]
  const messages: Message[] = [
    { role: 'system', content: odd },
    { role: 'user', content: odd, name: 'Ada' },
    { role: 'assistant', content: '', reasoning: odd, calls },
    { role: 'tool', content: odd, callId: 'c1' },
    says(odd)
  ]
  const full = interaction({
    messages,
    model: 'house@7',
    version: 7,
    block: odd,
    profile: odd,
    memories: ['m1', 'm2'],
    choices: [choice(odd, { reasoning: odd, calls }), choice('', { reason: null })],
    params: { temperature: 0.3, stop: [odd], nested: { a: [1, null] } },
    metadata: { [odd]: odd, __proto__key: '' },
    keyId: 'k1',
    error: 'cancelled',
    remember: false,
    training: true
  })
  const bare = interaction({ owner: { tenant: odd, user: '' }, session: odd, messages: [], choices: [], prompt: null, usage: null, error: 'engine_died' })
  await interactions.record(full)
  await interactions.record(bare)
  await database.close()
  const again = openInteractions(await opened(t, path))
  const { seq, keys, answerKey, ...read } = await again.find(ada, full.id)
  t.strictSame(read, full)
  t.equal(seq, 1)
  t.match(keys, [null, /^[0-9a-f]{64}$/, /^[0-9a-f]{64}$/, /^[0-9a-f]{64}$/, /^[0-9a-f]{64}$/])
  t.match(answerKey, /^[0-9a-f]{64}$/)
  const empty = await again.find({ tenant: odd, user: null }, bare.id)
  t.strictSame(empty, { ...bare, seq: 2, keys: [], answerKey: null })
})

test('an answer\'s key is the one that it has as a turn of what follows', async t => {
  const s = await store(t)
  await ask(s, [says('q')], ' a ')
  await ask(s, [{ role: 'system', content: 'x' }, says('q'), answers('a'), says('r')], 'b')
  const [first, second] = await s.interactions.since(0, 10)
  t.equal(second?.keys[2], first?.answerKey)
  t.equal(second?.keys[1], first?.keys[0])
})

test('a growing conversation is kept once', async t => {
  const s = await store(t)
  const conversation: Message[] = []
  for (let i = 0; i < 20; i++) {
    conversation.push(says(`question ${i}`))
    await ask(s, conversation, `answer ${i}`)
    conversation.push(answers(`answer ${i}`))
  }
  t.equal((await bodies(s.database)).length, 39, '20 questions, and the 19 answers that were sent again')
  t.strictSame((await s.interactions.since(19, 1))[0]?.messages, conversation.slice(0, -1))
  await ask(s, conversation, 'x', { owner: bob })
  t.equal((await bodies(s.database)).length, 39 + 40, 'each owner has copies of their own')
})

test('the same message in another order of fields is the same', async t => {
  const s = await store(t)
  await ask(s, [{ role: 'user', content: 'q', name: 'Ada' }], 'a')
  await ask(s, [{ name: 'Ada', content: 'q', role: 'user' }], 'b')
  t.equal((await bodies(s.database)).length, 1)
  const [first, second] = await s.interactions.since(0, 2)
  t.equal(first?.keys[0], second?.keys[0])
  await ask(s, [{ role: 'user', content: 'q', name: 'Bob' }], 'c')
  t.equal((await bodies(s.database)).length, 2)
})

test('what is forgotten leaves no byte, and what others still hold stays', async t => {
  const s = await store(t)
  const marks = Object.fromEntries(['shared', 'own', 'answer', 'block', 'profile', 'label'].map(word => [word, `${word}-7f3c9a`]))
  const first = await ask(s, [says(marks.shared!)], 'a')
  const second = await ask(s, [says(marks.shared!), answers('a'), says(marks.own!)], marks.answer!, { block: marks.block!, profile: marks.profile!, metadata: { x: marks.label! } })
  await ask(s, [says(marks.own!)], 'b', { owner: bob })
  await s.interactions.remove(ada, second.id)
  await t.rejects(s.interactions.find(ada, second.id), { code: 'completion_not_found', status: 404 })
  t.strictSame((await s.interactions.find(ada, first.id)).messages, [says(marks.shared!)])
  t.equal((await s.interactions.list({ tenant: 'acme', user: 'bob' }, firstPage)).data.length, 1)
  await s.interactions.remove({ tenant: 'acme', user: null }, first.id)
  await s.interactions.remove(bob, (await s.interactions.list(bob, firstPage)).data[0]!.id)
  t.strictSame(await bodies(s.database), [])
  await s.database.close()
  const bytes = readdirSync(dirname(s.path)).map(name => readFileSync(join(dirname(s.path), name)))
  t.strictSame(Object.values(marks).filter(mark => bytes.some(file => file.includes(mark))), [])
})

test('plain deletes erase an owner, and no other', async t => {
  const s = await store(t)
  for (const owner of [ada, bob]) {
    await ask(s, [says('q')], 'a', { owner })
    await ask(s, [says('q'), answers('a'), says('r')], 'b', { owner })
  }
  const who = sql.selectFrom('owners').select('id').where('tenant', '=', ada.tenant).where('user', '=', ada.user)
  await s.database.commit([
    sql.deleteFrom('interactions').where('owner', '=', who).compile(),
    sql.deleteFrom('owners').where('tenant', '=', ada.tenant).where('user', '=', ada.user).compile()
  ])
  t.equal((await s.interactions.list({ tenant: 'acme', user: null }, firstPage)).data.length, 2)
  t.equal((await bodies(s.database)).length, 3)
  await s.database.check()
})

test('a list is paged in either order, and filtered', async t => {
  const s = await store(t)
  const ids: string[] = []
  for (let i = 0; i < 7; i++) {
    const made = interaction({ messages: [says(`q${i}`)], model: i % 2 === 0 ? 'tiny' : 'house@1', metadata: { even: String(i % 2 === 0), 'a"]b': '%_' } })
    ids.push(made.id)
    await s.interactions.record(made)
  }
  await s.interactions.record(interaction({ owner: bob }))
  const page = async (given: Partial<Page>) => {
    const { data, more } = await s.interactions.list(ada, { ...firstPage, ...given })
    return [data.map(({ id }) => ids.indexOf(id)), more]
  }
  t.strictSame(await page({}), [[0, 1, 2, 3, 4, 5, 6], false])
  t.strictSame(await page({ limit: 3 }), [[0, 1, 2], true])
  t.strictSame(await page({ limit: 3, after: ids[2]! }), [[3, 4, 5], true])
  t.strictSame(await page({ limit: 3, after: ids[5]! }), [[6], false])
  t.strictSame(await page({ limit: 2, order: 'desc', after: ids[4]! }), [[3, 2], true])
  t.strictSame(await page({ limit: 7, order: 'desc' }), [[6, 5, 4, 3, 2, 1, 0], false])
  t.strictSame(await page({ model: 'house@1' }), [[1, 3, 5], false])
  t.strictSame(await page({ metadata: { even: 'true', 'a"]b': '%_' } }), [[0, 2, 4, 6], false])
  t.strictSame(await page({ metadata: { even: 'true', 'a"]b': '%' } }), [[], false])
  t.strictSame(await page({ metadata: { odd: 'true' } }), [[], false])
  await t.rejects(s.interactions.list(bob, { ...firstPage, after: ids[0]! }), { code: 'completion_not_found', param: 'after' })
})

test('metadata is replaced whole', async t => {
  const s = await store(t)
  const { id } = await ask(s, [says('q')], 'a', { metadata: { a: '1', b: '2' } })
  await s.interactions.setMetadata(ada, id, { c: odd })
  t.strictSame((await s.interactions.find(ada, id)).metadata, { c: odd })
})

test('what is out of reach is not there', async t => {
  const s = await store(t)
  const { id } = await ask(s, [says('q')], 'a', { metadata: { a: '1' } })
  for (const reach of [bob, { tenant: 'acme', user: '' }, { tenant: 'other', user: 'ada' }, { tenant: 'other', user: null }]) {
    await t.rejects(s.interactions.find(reach, id), { code: 'completion_not_found' })
    await t.rejects(s.interactions.setMetadata(reach, id, {}), { code: 'completion_not_found' })
    await t.rejects(s.interactions.remove(reach, id), { code: 'completion_not_found' })
    t.strictSame(await s.interactions.list(reach, firstPage), { data: [], more: false })
  }
  t.strictSame((await s.interactions.find({ tenant: 'acme', user: null }, id)).metadata, { a: '1' })
})

test('a reader by number misses nothing, also when the newest was removed', async t => {
  const s = await store(t)
  const ids = [await ask(s, [says('a')], 'x'), await ask(s, [says('b')], 'x', { owner: bob }), await ask(s, [says('c')], 'x')].map(({ id }) => id)
  t.strictSame((await s.interactions.since(0, 2)).map(({ id, owner }) => [id, owner]), [[ids[0], ada], [ids[1], bob]])
  const cursor = (await s.interactions.since(2, 10))[0]!.seq
  await s.interactions.remove(ada, ids[2]!)
  t.strictSame(await s.interactions.since(2, 10), [])
  const { id } = await ask(s, [says('d')], 'x')
  const [next] = await s.interactions.since(cursor, 10)
  t.equal(next?.id, id)
  t.ok(next!.seq > cursor, 'its number was not given again')
})

test('what cannot be written is said, and nothing of it is kept', async t => {
  const s = await store(t)
  const { id } = await ask(s, [says('q')], 'a')
  await t.rejects(s.interactions.record(interaction({ id, owner: bob, messages: [says('lost')] })), { code: 'SQLITE_CONSTRAINT_UNIQUE' })
  t.equal((await bodies(s.database)).length, 1)
  t.equal((await s.database.all(sql.selectFrom('owners').selectAll().compile())).length, 1)
  await s.database.close()
  await t.rejects(s.interactions.record(interaction()), { code: 'storage_failed' })
  await t.rejects(s.interactions.open(ada, null, [says('q')]), { code: 'storage_failed' })
})

async function bodies (database: Database): Promise<string[]> {
  return (await database.all(sql.selectFrom('messages').select('body').compile())).map(({ body }) => body)
}
