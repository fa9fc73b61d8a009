import { test } from 'tap'
import { keyedPolicy, keyless, keylessPolicy, type Caller } from '../../src/access/caller.ts'
import { openKeys } from '../../src/access/keys.ts'
import { keepingOf } from '../../src/chat/keeping.ts'
import { openPolicies, openPolicy } from '../../src/privacy/policies.ts'
import { freshPath, migrationsDir } from '../database/fixtures.ts'
import { openDatabase } from '../../src/database/open.ts'

const ada = { tenant: 'house', user: 'ada' }
const as = (over: Partial<Caller> = {}): Caller => ({ ...keyless, user: 'ada', namedBy: 'header', ...over })
const nothing = { memory: null, store: null } as const

test('what is kept is what the key, the user and the request all allow', async t => {
  const all = { read: true, write: true, store: true, training: true }
  t.strictSame(keepingOf(as(), openPolicy, nothing), all)
  t.strictSame(keepingOf(as({ policy: keyedPolicy }), openPolicy, nothing), { ...all, training: false }, 'a key says nothing of training: there is none')
  for (const part of ['read', 'write', 'store', 'training'] as const) {
    const less = part === 'store' ? { read: true, write: false, store: false, training: false } : { ...all, [part]: false }
    t.strictSame(keepingOf(as({ policy: { ...keylessPolicy, [part]: false } }), openPolicy, nothing), less, `the key refuses ${part}`)
    t.strictSame(keepingOf(as(), { ...openPolicy, [part]: false }, nothing), less, `the user refuses ${part}`)
  }
  t.strictSame(keepingOf(as(), { ...openPolicy, read: false, write: false, store: false }, { memory: 'on', store: true }), { read: false, write: false, store: false, training: false }, 'a request cannot ask for more')
  t.strictSame(keepingOf(as(), openPolicy, { memory: 'off', store: false }), { read: false, write: false, store: false, training: false }, 'it can ask for less')
  t.match(keepingOf(as({ namedBy: 'body', policy: keyedPolicy }), openPolicy, nothing), { read: false, write: false, store: true })
  t.match(keepingOf(as({ namedBy: 'body', policy: { ...keyedPolicy, byBody: true } }), openPolicy, nothing), { read: true, write: true })
})

test('a policy holds from the moment it is set, for that person alone, and after a restart', async t => {
  const path = freshPath(t)
  const database = await openDatabase({ path, migrationsDir })
  const policies = openPolicies(database)
  t.strictSame(await policies.of(ada), openPolicy)
  t.strictSame(await policies.change(ada, { write: false, retentionDays: 30 }), { ...openPolicy, write: false, retentionDays: 30 })
  t.strictSame(await policies.change(ada, { training: false }), { ...openPolicy, write: false, training: false, retentionDays: 30 }, 'what is not said stays')
  t.strictSame(await policies.change(ada, {}), await policies.of(ada))
  await Promise.all([policies.change(ada, { store: false }), policies.change(ada, { read: false })])
  t.strictSame(await policies.change(ada, { retentionDays: null }), { read: false, write: false, store: false, training: false, retentionDays: null }, 'two at once lose nothing of each other')
  t.strictSame(await policies.of({ tenant: 'other', user: 'ada' }), openPolicy)
  t.strictSame(await policies.of({ tenant: 'house', user: '' }), openPolicy)
  await database.close()
  const again = await openDatabase({ path, migrationsDir })
  t.teardown(() => again.close())
  t.match(await openPolicies(again).of(ada), { read: false, store: false })
})

test('a key keeps what it was made to keep', async t => {
  const database = await openDatabase({ path: freshPath(t), migrationsDir })
  t.teardown(() => database.close())
  const keys = openKeys(database)
  const { secret } = await keys.create({ name: 'app', tenant: 'house', scopes: ['chat'], policy: { write: false, training: true, byBody: true } }, 'cli')
  t.strictSame((await keys.verify(secret))?.policy, { read: true, write: false, store: true, training: true, byBody: true })
  t.strictSame((await keys.list())[0]?.policy, { read: true, write: false, store: true, training: true, byBody: true })
})
