import { test } from 'tap'
import { listAudit } from '../../src/access/audit.ts'
import type { Adapters, Asker } from '../../src/adapters/adapters.ts'
import { createDirectory } from '../../src/adapters/directory.ts'
import { isDrawn } from '../../src/adapters/split.ts'
import type { Bases } from '../../src/inference/bases.ts'
import { query } from '../../src/database/sql.ts'
import { until } from '../support/wire.ts'
import { add, openWorld, type World } from './opened.ts'

const named = (user: string | null, session: string | null = null, tenant = 'acme'): Asker => ({ tenant, user, session })
const people = Array.from({ length: 400 }, (_, i) => named(`user ${i}`))

/** `house@1` live, `house@2` for a share of people. */
async function begun (adapters: Adapters, percent = 20): Promise<string> {
  for (const seed of [1, 2]) await add(adapters, 'house', seed)
  await adapters.promote('house', 1, 'cli')
  return (await adapters.startCanary('house', { version: 2, percent, plan: { needed: 7 } }, 'boss')).canary!.id
}

/** The version that who asks for the name gets. */
function got ({ lease }: Adapters, asker: Asker | null, reference = 'house'): number {
  const { version, release } = lease(reference, asker)!
  release()
  return version
}

/** How many of the people get the candidate. */
function share (adapters: Adapters): number { return people.filter(asker => got(adapters, asker) === 2).length }

async function canaries ({ database }: World) { return await database.all(query<{ id: string, outcome: string | null, words: string | null, plan: string }>('select id, outcome, words, plan from canaries order by began, rowid')) }

test('a share of people goes by the user, else by the session, and each canary draws anew', t => {
  const drawn = (id: string, percent: number) => people.filter(asker => isDrawn(id, asker, percent)).length
  for (const percent of [5, 20, 50]) {
    const counts = Array.from({ length: 20 }, (_, i) => drawn(`canary_${i}`, percent))
    const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length / people.length * 100
    t.ok(Math.abs(mean - percent) < 2, `${mean.toFixed(1)} % for ${percent} %`)
    t.ok(new Set(counts).size > 5)
  }
  t.equal(isDrawn('canary_1', named(null), 50), null)
  t.equal(isDrawn('canary_1', null, 50), null)
  const sessions = people.map(({ user }) => isDrawn('canary_1', named(null, user), 50))
  t.ok(sessions.includes(true) && sessions.includes(false))
  t.notSame(sessions, people.map(asker => isDrawn('canary_1', asker, 50)), 'a session that is called like a user is another')
  t.strictSame(people.map(({ user }) => isDrawn('canary_1', named(user, 'any'), 50)), people.map(asker => isDrawn('canary_1', asker, 50)), 'whose user is named goes by it in every session')
  t.notSame(people.map(({ user }) => isDrawn('canary_1', named(user, null, 'other'), 50)), people.map(asker => isDrawn('canary_1', asker, 50)), 'users of two tenants are two people')
  t.end()
})

test('a canary gives its share the candidate, always the same people, and nobody else notices', async t => {
  const { adapters } = await openWorld(t)
  const id = await begun(adapters)
  const first = people.map(asker => got(adapters, asker))
  const count = first.filter(version => version === 2).length
  t.ok(count > 50 && count < 115, `${count} of 400 at 20 %`)
  t.strictSame(people.map(asker => got(adapters, asker)), first)
  for (const asker of people) if (got(adapters, asker, 'house@1') !== 1 || got(adapters, asker, 'house@2') !== 2) t.fail('a version that is named stays')
  t.equal(got(adapters, named(null)), 1, 'whoever cannot be told apart gets what is live')
  t.equal(got(adapters, null), 1)
  t.match(adapters.lease('house', people[0]!), { canary: id }, 'both arms know that they were drawn')
  t.match(adapters.lease('house@2', people[0]!), { canary: null })
  t.match(adapters.lease('house', named(null)), { canary: null })
})

test('both versions are loaded and stay in memory until the end, also over a restart', async t => {
  const world = await openWorld(t)
  const id = await begun(world.adapters)
  const [two, one] = world.adapters.find('house')!.versions.map(({ digest }) => digest.slice(0, 6))
  const both = [one, two].sort().join()
  t.strictSame(world.told.slice(-2), [`load tiny ${two}`, `pin tiny ${both}`])
  const before = people.map(asker => got(world.adapters, asker))
  const after = await world.reopen()
  t.match(after.adapters.find('house'), { live: 1, canary: { id, version: 2, percent: 20 } })
  t.ok(after.told.includes(`pin tiny ${both}`))
  t.strictSame(people.map(asker => got(after.adapters, asker)), before)
  await after.adapters.endCanary('house', id, { outcome: 'ended', words: 'enough' }, 'boss')
  t.equal(after.told.at(-1), 'pin tiny ')
  t.equal(share(after.adapters), 0)
  t.match((await after.reopen()).adapters.find('house'), { live: 1, canary: null })
})

test('its end lets the candidate go live or off, once, with its words in the audit', async t => {
  const world = await openWorld(t, { drainTimeout: 0.05 })
  const { adapters, database } = world
  const first = await begun(adapters, 50)
  const held = people.map(asker => adapters.lease('house', asker)!)
  t.match(await adapters.endCanary('house', first, { outcome: 'ended', words: 'it was worse' }, 'canary'), { live: 1, previous: null, canary: null })
  t.equal(await adapters.endCanary('house', first, { outcome: 'promoted', words: 'too late' }, 'canary'), null)
  await until(() => held.some(({ signal }) => signal.aborted))
  t.ok(held.every(({ version, signal }) => signal.aborted === (version === 2)), 'answers under way on it get the time that a promote gives')
  for (const { release } of held) release()

  const second = (await adapters.startCanary('house', { version: 2, percent: 50, plan: {} }, 'boss')).canary!.id
  t.match(await adapters.endCanary('house', second, { outcome: 'promoted', words: 'it was better' }, 'canary'), { live: 2, previous: 1, canary: null })
  t.match(await canaries(world), [{ id: first, outcome: 'ended', words: 'it was worse', plan: '{"needed":7}' }, { id: second, outcome: 'promoted', words: 'it was better' }])
  t.match(await listAudit(database, { limit: 4 }), [
    { action: 'canary.promote', actor: 'canary', subject: 'house', detail: { live: 2, words: 'it was better', canary: { id: second } } },
    { action: 'canary.start', actor: 'boss', detail: { live: 1, canary: { id: second, version: 2, percent: 50 } } },
    { action: 'canary.end', detail: { words: 'it was worse' } },
    { action: 'canary.start' }
  ])
})

test('promote, rollback and retire end a canary, and pinning does not', async t => {
  const world = await openWorld(t)
  const { adapters } = world
  await begun(adapters)
  await add(adapters, 'house', 3)
  const again = async () => { await adapters.startCanary('house', { version: 2, percent: 20, plan: {} }, 'boss') }
  await adapters.pin('house', true, 'boss')
  t.ok(share(adapters) > 0)
  t.match(await adapters.promote('house', 1, 'boss'), { live: 1, canary: null }, 'also where the live one is promoted')
  await again()
  t.match(await adapters.promote('house', 3, 'boss'), { live: 3, previous: 1, canary: null })
  await again()
  t.match(await adapters.rollback('house', 'boss'), { live: 1, previous: 3, canary: null })
  await again()
  t.match(await adapters.retire('house', 'boss'), { live: null, previous: 1, canary: null })
  await adapters.promote('house', 1, 'boss')
  await again()
  t.match(await adapters.promote('house', 2, 'boss'), { live: 2, previous: 1, canary: null })
  t.strictSame((await canaries(world)).map(({ outcome, words }) => [outcome, words]), [
    ['ended', 'adapter.promote by boss'], ['ended', 'adapter.promote by boss'], ['ended', 'adapter.rollback by boss'], ['ended', 'adapter.retire by boss'], ['promoted', 'adapter.promote by boss']
  ])
})

test('what cannot be a canary is refused, and the candidate cannot be removed', async t => {
  const { adapters } = await openWorld(t)
  for (const seed of [1, 2]) await add(adapters, 'house', seed)
  const start = async (version: number, name = 'house') => await adapters.startCanary(name, { version, percent: 20, plan: {} }, 'boss')
  await t.rejects(start(2), { code: 'adapter_not_live' })
  await adapters.promote('house', 1, 'cli')
  await t.rejects(start(1), { code: 'invalid_request', param: 'version' })
  await t.rejects(start(9), { code: 'adapter_not_found' })
  await t.rejects(start(1, 'shop'), { code: 'adapter_not_found' })
  await start(2)
  await t.rejects(start(2), { code: 'canary_running' })
  await t.rejects(adapters.remove('house', 2, 'boss'), { code: 'adapter_in_use', message: /'house@2' is on a canary/ })
  t.match(adapters.find('house'), { live: 1, canary: { version: 2 } })
})

test('an answer with further adapters on it is no part of a canary, though its version is drawn', async t => {
  const world = await openWorld(t)
  const id = await begun(world.adapters, 50)
  const base = { target: { model: 'tiny', digest: 'ab'.repeat(32), adapters: [] }, release () {} }
  const directory = createDirectory({ bases: { lease: () => base as unknown as ReturnType<Bases['lease']> }, adapters: world.adapters })
  const drawn = people.find(asker => got(world.adapters, asker) === 2)!
  t.match(directory.lease('house', [], drawn), { canary: id, version: 2, target: { model: 'house@2' } })
  t.match(directory.lease('house', [{ name: 'house@1', scale: 1 }], drawn), { canary: null, version: 2 })
  t.match(directory.lease(null, [{ name: 'house', scale: 1 }], drawn), { canary: null, target: { model: 'tiny+house@2' } })
  t.match(directory.lease('house@2', [], drawn), { canary: null, version: 2 })
})
