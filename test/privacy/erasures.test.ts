import { randomUUID } from 'node:crypto'
import { appendFileSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Test, test } from 'tap'
import { openDatabase } from '../../src/database/open.ts'
import { query } from '../../src/database/sql.ts'
import { openInteractions } from '../../src/interactions/open.ts'
import { openErasures, reapply, resume } from '../../src/privacy/erasures.ts'
import { ownedTables } from '../../src/privacy/owned.ts'
import { People } from '../../src/privacy/people.ts'
import { openPolicies } from '../../src/privacy/policies.ts'
import { freshPath, migrationsDir } from '../database/fixtures.ts'
import { answers, choice, interaction, says } from '../interactions/fixtures.ts'
import { ada, bob, openedMemories } from '../memory/opened.ts'

/** A database in which people have said things. */
async function world (t: Test) {
  const opened = await openedMemories(t)
  const { database, memories } = opened
  const people = new People()
  const policies = openPolicies(database)
  const path = join(dirname(opened.path), 'erasures.jsonl')
  const interactions = openInteractions(database)
  const unread: string[] = []
  const erasures = openErasures({ database, path, people, policies, unread: tenant => { unread.push(tenant) } })
  const say = async (owner: typeof ada, words: string, i = 0): Promise<void> => {
    await interactions.record(interaction({ id: randomUUID(), owner, session: `s${i}`, created: i, messages: [says(`I said ${words} ${i}.`), answers('Yes.'), says(`And ${words}?`)], choices: [choice(`About ${words}.`)], block: `They like ${words}.`, metadata: { note: words } }))
    await memories.remember(owner, [{ kind: 'turn', text: `${words} is what I like ${i}.`, session: `s${i}`, speaker: words, externalId: `${words}-${i}` }])
  }
  const files = (): Buffer => Buffer.concat(readdirSync(dirname(opened.path)).map(name => readFileSync(join(dirname(opened.path), name))))
  return { ...opened, people, policies, file: path, interactions, erasures, unread, say, files }
}

test('an erased person is in no table and no byte of any file, and others are as they were', async t => {
  const { database, memories, interactions, policies, erasures, say, files } = await world(t)
  for (let i = 0; i < 400; i++) {
    await say(ada, 'heliotropes', i)
    await say(bob, 'petunias', i)
  }
  await policies.change(ada, { training: false })
  t.ok(files().includes('eliotropes'))
  const before = await memories.list(bob, {}, { limit: 1000 })

  const receipt = await erasures.erase(ada)
  t.match(receipt, { id: /^erasure_/, subject: /^[0-9a-f]{64}$/, rows: { interactions: 400, messages: 402, memories: 400, memory_units: 400, user_policies: 1 } })
  t.ok(receipt.erasedAt! >= receipt.requestedAt)
  for (const word of ['eliotrope', 'heliotrop', '"ada"']) t.notOk(files().includes(word), `${word}, while everything is open`)
  for (const { table } of await ownedTables(database)) {
    t.strictSame(await database.all(query(`select count(*) as count from ${table} where owner not in (select id from owners)`)), [{ count: 0 }], table)
  }
  t.strictSame(await database.all(query('select tenant, user from owners')), [{ tenant: 'house', user: 'bob' }])
  t.strictSame(await memories.list(ada, {}, { limit: 9 }), { memories: [], next: null })
  t.strictSame(await memories.list(bob, {}, { limit: 1000 }), before)
  t.equal((await interactions.list({ tenant: 'house', user: null }, { after: null, limit: 1000, order: 'asc', model: null, metadata: {} })).data.length, 400)
  t.strictSame(await erasures.receipts(ada), [receipt])
  t.strictSame(await erasures.receipts(bob), [])
  await database.check()

  t.match((await policies.of(ada)), { training: true }, 'who comes back is new')
  await say(ada, 'orchids')
  t.equal((await memories.list(ada, {}, { limit: 9 })).memories.length, 1)
  t.match((await erasures.erase(ada)).rows, { memories: 1 })
})

test('two erasures at once are one, and one of nobody is a receipt with zeros', async t => {
  const { erasures, say, unread } = await world(t)
  await say(ada, 'tulips')
  const [one, two] = await Promise.all([erasures.erase(ada), erasures.erase(ada)])
  t.strictSame(one, two)
  t.strictSame(unread, ['house'], 'and engines reuse nothing of the tenant')
  const nobody = await erasures.erase({ tenant: 'house', user: 'nobody' })
  t.ok(Object.values(nobody.rows).length > 8 && Object.values(nobody.rows).every(count => count === 0))
  t.equal((await erasures.receipts(ada)).length, 1)
})

test('every table that is somebody\'s is known as such', async t => {
  const { database } = await world(t)
  const tables = (await ownedTables(database)).map(({ table }) => table)
  for (const table of ['interactions', 'messages', 'memories', 'memory_units', 'memory_postings', 'memory_vectors', 'memory_signs', 'memory_tokens', 'memory_totals', 'memory_unembedded', 'user_policies', 'forgotten_turns']) t.ok(tables.includes(table), table)
  t.ok(tables.indexOf('interactions') < tables.indexOf('messages'), 'messages go after what refers to them')
})

test('what was cut off in the middle is finished at the next start', async t => {
  const { database, erasures, say, file, files } = await world(t)
  for (let i = 0; i < 20; i++) await say(ada, 'marigolds', i)
  const failing = openErasures({
    database: { ...database, checkpoint: async () => { throw new Error('the power is gone') } },
    path: file,
    people: new People(),
    policies: { erased: () => {} }
  })
  await t.rejects(failing.erase(ada))
  t.match(await erasures.receipts(ada), [{ erasedAt: null, rows: { memories: 20 } }])
  await resume(database, file)
  t.match(await erasures.receipts(ada), [{ erasedAt: Number, rows: { memories: 20 } }], 'with all that was there counted')
  t.notOk(files().includes('arigold'))
  await resume(database, file)
  t.equal((await erasures.receipts(ada)).length, 1)
})

test('who was erased after a backup is erased again when it is restored, and who came back before it is not', async t => {
  const { database, erasures, say, path, file } = await world(t)
  await say(ada, 'dahlias')
  await say(bob, 'petunias')
  const early = freshPath(t)
  await database.backup(early)
  await erasures.erase(ada)
  await say(ada, 'daisies')
  const late = freshPath(t)
  await database.backup(late)
  t.notMatch(readFileSync(file, 'utf8'), /ada/)
  // A record that a crash cut off.
  appendFileSync(file, '\n{"id":"erasure_cut')

  const old = await openDatabase({ path: early, migrationsDir })
  t.teardown(() => old.close())
  await reapply(old, file)
  t.strictSame(await old.all(query('select user from owners')), [{ user: 'bob' }])
  t.notOk(readFileSync(early).includes('dahlias'))
  // The same again, when ada is back.
  await openPolicies(old).change(ada, { store: false })
  await reapply(old, file)
  t.equal((await old.all(query('select user from owners'))).length, 2, 'once only')

  const newer = await openDatabase({ path: late, migrationsDir })
  t.teardown(() => newer.close())
  await reapply(newer, file)
  t.equal((await newer.all(query('select user from owners'))).length, 2)
  writeFileSync(file, '')
  await reapply(newer, join(dirname(path), 'no-such-file'))
})

test('answers are ended, writes are waited for, and what comes meanwhile waits', async t => {
  const people = new People()
  const answer = await people.enter(ada)
  const other = await people.enter(bob)
  const order: string[] = []
  const writing = people.write(ada, async () => {
    await new Promise(resolve => setTimeout(resolve, 30))
    order.push('written before')
  })
  const clearing = people.clear(ada, async () => {
    order.push('cleared')
    await new Promise(resolve => setTimeout(resolve, 30))
  })
  await new Promise(resolve => setImmediate(resolve))
  t.match(answer.signal.reason, { code: 'user_erased' })
  t.notOk(other.signal.aborted)
  const later = people.write(ada, async () => { order.push('written after') })
  await people.write(bob, async () => { order.push('bob') })
  const next = await people.enter(ada)
  t.notOk(next.signal.aborted)
  await Promise.all([writing, clearing, later])
  t.strictSame(order, ['bob', 'written before', 'cleared', 'written after'])
  for (const present of [answer, other, next]) present.leave()
})
