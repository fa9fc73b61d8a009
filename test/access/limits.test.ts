import { setTimeout as wait } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { type Caller, keyedPolicy, keyless } from '../../src/access/caller.ts'
import { openKeys } from '../../src/access/keys.ts'
import { type LimitOptions, openLimits, usersPerMinute } from '../../src/access/limits.ts'
import type { Database } from '../../src/database/database.ts'
import { sql } from '../../src/database/sql.ts'
import { freshPath, opened } from '../database/fixtures.ts'

const noon = Date.UTC(2026, 0, 15, 12)

test('a key gets its requests a minute and not one more, with the seconds to wait', async t => {
  const database = await opened(t, freshPath(t))
  const limits = await openLimits(database, { userRequestsPerMinute: 0 })
  const [one, other] = [caller({ keyId: 'one', requestsPerMinute: 3 }), caller({ keyId: 'other', requestsPerMinute: 3 })]
  for (let request = 0; request < 3; request++) await limits.admit(one)
  const error = await refused(limits.admit(one))
  t.match(error, { code: 'rate_limit_exceeded', status: 429, message: /This key has used its 3 requests a minute/ })
  t.ok(error.retryAfter >= 1 && error.retryAfter <= 60, `again in ${error.retryAfter} s`)
  await limits.admit(other)
  t.pass('another key is not affected')
})

test('requests that arrive together are counted one by one', async t => {
  const limits = await openLimits(await opened(t, freshPath(t)), { userRequestsPerMinute: 0 })
  const results = await Promise.allSettled(Array.from({ length: 50 }, async () => await limits.admit(caller({ requestsPerMinute: 20 }))))
  t.equal(results.filter(({ status }) => status === 'fulfilled').length, 20)
})

test('an end user gets the requests a minute of all users, whichever key speaks for them', async t => {
  const limits = await openLimits(await opened(t, freshPath(t)), { userRequestsPerMinute: 2 })
  await limits.admit(caller({ keyId: 'one', user: 'ada' }))
  await limits.admit(caller({ keyId: 'other', user: 'ada' }))
  t.match(await refused(limits.admit(caller({ keyId: 'one', user: 'ada' }))), { code: 'rate_limit_exceeded', message: /This user has used its 2/ })
  await limits.admit(caller({ user: 'bob' }))
  await limits.admit(caller({ user: 'ada', tenant: 'beta' }))
  t.pass('neither another user nor a namesake of another tenant is affected')
  for (let request = 0; request < 5; request++) await limits.admit(caller({ user: null }))
  await refused(limits.admit({ ...keyless, user: 'x' }).then(async () => { for (;;) await limits.admit({ ...keyless, user: 'x' }) }))
  t.pass('keyless callers count by user too')
})

test('tenants and users whose names run together are told apart', async t => {
  const limits = await openLimits(await opened(t, freshPath(t)), { userRequestsPerMinute: 1 })
  for (const [tenant, user] of [['a', 'b:c'], ['a:b', 'c'], ['a"', '"b'], ['a', '"","b'], ['a","', 'b']] as const) await limits.admit(caller({ tenant, user }))
  t.pass()
})

test('a user who asks too often does not use up the key that others share', async t => {
  const limits = await openLimits(await opened(t, freshPath(t)), { userRequestsPerMinute: 1 })
  const shared = { requestsPerMinute: 3 }
  await limits.admit(caller({ ...shared, user: 'ada' }))
  for (let request = 0; request < 10; request++) await refused(limits.admit(caller({ ...shared, user: 'ada' })))
  await limits.admit(caller({ ...shared, user: 'bob' }))
  await limits.admit(caller({ ...shared, user: 'eve' }))
  t.match(await refused(limits.admit(caller({ ...shared, user: 'dan' }))), { message: /This key/ })
})

test('a flood of user names is refused at a limit a tenant, and nothing is kept of those beyond it', async t => {
  const limits = await openLimits(await opened(t, freshPath(t)), { userRequestsPerMinute: 5 })
  for (let user = 0; user < usersPerMinute; user++) await limits.admit(caller({ user: `user ${user}` }))
  for (let request = 0; request < 3; request++) {
    const error = await refused(limits.admit(caller({ user: 'one more' })))
    t.match(error, { code: 'rate_limit_exceeded', message: /This tenant has used its/ }, 'a stranger at each request')
  }
  await limits.admit(caller({ user: 'user 1' }))
  await limits.admit(caller({ user: 'new', tenant: 'beta' }))
  t.pass('users already seen and other tenants go on')
})

test("a key's tokens of a day may be overdrawn once, and come back at midnight UTC", async t => {
  let now = noon
  const { limits, callers: [one, other] } = await budgeted(t, { now: () => now })
  await limits.admit(one)
  limits.spend(one, 99)
  await limits.admit(one)
  limits.spend(one, 1)
  t.match(await refused(limits.admit(one)), { code: 'token_budget_exceeded', status: 429, retryAfter: 12 * 3600, message: /its 100 tokens a day/ }, 'refused at the limit')
  await limits.admit(other)
  limits.spend(other, 5000)
  await refused(limits.admit(other))
  t.pass('another key had its own')
  now = Date.UTC(2026, 0, 15, 23, 59, 59, 500)
  t.equal((await refused(limits.admit(one))).retryAfter, 1)
  now = Date.UTC(2026, 0, 16)
  await limits.admit(one)
  await limits.admit(other)
  limits.spend(one, 100)
  t.equal((await refused(limits.admit(one))).retryAfter, 86_400)
})

test('keys without a ceiling and programs without a key are never refused, nor written down', async t => {
  const { limits, database } = await budgeted(t)
  for (const free of [caller({ keyId: 'unknown' }), keyless]) {
    limits.spend(free, 1e9)
    await limits.admit(free)
  }
  await limits.close()
  t.strictSame(await usage(database), [])
})

test('what was spent today is known after a restart, also when the process was killed', async t => {
  const { limits, database, path, callers: [one, other], now } = await budgeted(t)
  for (let answer = 0; answer < 10; answer++) limits.spend(one, 10)
  limits.spend(other, 40)
  await wait(2500)
  t.strictSame((await usage(database)).map(({ tokens }) => tokens), [100, 40], 'written within seconds, without close')
  limits.spend(other, 30)
  await limits.close()
  await database.close()

  const again = await openLimits(await opened(t, path), { userRequestsPerMinute: 0, now })
  t.match(await refused(again.admit(one)), { code: 'token_budget_exceeded' })
  await again.admit(other)
  again.spend(other, 30)
  t.match(await refused(again.admit(other)), { code: 'token_budget_exceeded' }, '40 + 30 + 30')
  await again.close()
})

test('days that are over are forgotten', async t => {
  let now = noon
  const { limits, database, callers: [one] } = await budgeted(t, { now: () => now })
  limits.spend(one, 100)
  await limits.close()
  now += 86_400_000
  const next = await openLimits(database, { userRequestsPerMinute: 0, now: () => now })
  t.strictSame(await usage(database), [])
  await next.admit(one)
  limits.spend(one, 7)
  await limits.close()
  t.match(await usage(database), [{ day: '2026-01-16', tokens: 7 }])
})

function caller (parts: Partial<Caller>): Caller {
  return { tenant: 'acme', keyId: 'key', scopes: new Set(['chat']), user: null, namedBy: null, policy: keyedPolicy, boundUser: null, models: null, requestsPerMinute: null, tokensPerDay: null, ...parts }
}

/** Two keys with 100 tokens a day each. */
async function budgeted (t: Test, options: Partial<LimitOptions> = {}) {
  const path = freshPath(t)
  const database = await opened(t, path)
  const keys = openKeys(database)
  const now = options.now ?? (() => noon)
  const limits = await openLimits(database, { userRequestsPerMinute: 0, now })
  const make = async (name: string) => (await keys.verify((await keys.create({ name, tenant: 'acme', scopes: ['chat'], tokensPerDay: 100 }, 'cli')).secret))!
  return { limits, database, path, now, callers: [await make('one'), await make('other')] as [Caller, Caller] }
}

async function usage (database: Database) {
  return await database.all(sql.selectFrom('key_usage').selectAll().orderBy('tokens', 'desc').compile())
}

async function refused (admission: Promise<unknown>): Promise<{ code: string, retryAfter: number }> {
  return await admission.then(() => { throw new Error('it was admitted') }, (thrown: unknown) => thrown as { code: string, retryAfter: number })
}
