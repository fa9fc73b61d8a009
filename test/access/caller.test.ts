import { test } from 'tap'
import { keyless, mayUse, requireScope, speakingFor } from '../../src/access/caller.ts'

const bound = { ...keyless, keyId: 'k', user: 'ada', boundUser: 'ada' }

test('a key bound to a user speaks for that user and is refused for another', async t => {
  t.equal(speakingFor(bound, null, 'header').user, 'ada')
  t.equal(speakingFor(bound, 'ada', 'header').user, 'ada')
  t.throws(() => speakingFor(bound, 'bob', 'body'), { code: 'user_mismatch', status: 403 })
  t.equal(speakingFor(keyless, 'bob', 'header').user, 'bob')
  t.equal(speakingFor(keyless, null, 'body').user, null)
})

test('a scope is had or not: admin does not imply the others', async t => {
  const admin = { ...keyless, scopes: new Set(['admin'] as const) }
  requireScope(admin, 'admin')
  t.throws(() => requireScope(admin, 'chat'), { code: 'insufficient_scope', status: 403, message: /'chat'/ })
})

test('a key with a list of models may use those and no other', async t => {
  const narrow = { ...keyless, models: ['house'] }
  t.ok(mayUse(narrow, 'house'))
  t.notOk(mayUse(narrow, 'House'))
  t.ok(mayUse(keyless, 'anything'))
})
