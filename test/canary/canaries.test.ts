import { randomUUID } from 'node:crypto'
import { type Test, test } from 'tap'
import { listAudit } from '../../src/access/audit.ts'
import { openCanaries } from '../../src/canary/open.ts'
import type { NewFeedback } from '../../src/interactions/feedback.ts'
import { openCompletionIds } from '../../src/interactions/ids.ts'
import type { NewInteraction } from '../../src/interactions/interactions.ts'
import { openFeedback } from '../../src/interactions/open-feedback.ts'
import { openInteractions } from '../../src/interactions/open.ts'
import { openErasures } from '../../src/privacy/erasures.ts'
import { People } from '../../src/privacy/people.ts'
import { openPolicies } from '../../src/privacy/policies.ts'
import { add, openWorld as openRegistryWorld } from '../adapters/opened.ts'
import { interaction } from '../interactions/fixtures.ts'
import { until } from '../support/wire.ts'

const tenant = 'acme'

/** `house@1` live and `house@2` beside it, with people who ask by the name and say what they think. */
async function world (t: Test) {
  const registry = await openRegistryWorld(t)
  const { database, adapters } = registry
  for (const seed of [1, 2, 3]) await add(adapters, 'house', seed)
  await adapters.promote('house', 1, 'cli')
  const logged: string[] = []
  const canaries = openCanaries({ database, adapters, log: message => { logged.push(message) } })
  t.teardown(() => canaries.close())
  const interactions = openInteractions(database)
  const feedback = openFeedback({ database, ids: await openCompletionIds(database), write: async (_, work) => await work(), erasedAt: async () => null, keeps: async () => true })
  const ask = async (user: string | null, given: Partial<NewInteraction> = {}, session = 's'): Promise<{ id: string, version: number }> => {
    const { version, canary, adapter, release } = adapters.lease('house', { tenant, user, session: user === null ? session : null })!
    release()
    const id = `chatcmpl-${randomUUID()}`
    await interactions.record(interaction({ id, owner: { tenant, user: user ?? '' }, session: user === null ? session : `${user}-${id}`, model: `house@${version}`, version, digest: adapter.digest, ...canary !== null && { canary }, timings: { first: version * 10, answer: 5 }, ...given }))
    if (canary !== null) canaries.tried(canary, version, null)
    return { id, version }
  }
  const say = async (user: string, completion: string, word: Pick<NewFeedback, 'kind' | 'value'> & { author?: string }): Promise<void> => {
    await feedback.give({ tenant, user }, { completion, choice: 0, session: null, comment: null, author: null, ...word } as NewFeedback, null)
  }
  const owed = new Map<number, number>()
  /** Whether the next answer of the version is a good one, so that of any number that share is. */
  const isGood = (version: number, share: number): boolean => {
    const due = (owed.get(version) ?? 0) + share
    owed.set(version, due >= 1 ? due - 1 : due)
    return due >= 1
  }
  /** So many answers by so many people, each voted on; a look after every one of them. */
  let asked = 0
  const round = async (answers: number, people: number, good: Readonly<Record<number, number>>): Promise<void> => {
    for (let i = 0; i < answers; i++) {
      const user = `user ${asked++ % people}`
      const { id, version } = await ask(user)
      await say(user, id, { kind: 'thumb', value: isGood(version, good[version]!) })
      if (i % 10 === 9) await canaries.look()
    }
  }
  return { ...registry, canaries, logged, ask, say, round }
}

test('a plan is told before it begins, of what was judged so far', async t => {
  const { canaries, round, adapters, ask } = await world(t)
  await t.rejects(canaries.find('house'), { code: 'canary_not_found' })
  await t.rejects(canaries.find('shop'), { code: 'adapter_not_found' })
  await round(40, 10, { 1: 0.75 })
  const told = await canaries.start('house', { version: 2, percent: 20, smallest: 0.2 }, 'boss')
  t.match(told, { adapter: 'house', candidate: 2, live: 1, percent: 20, ended: null, outcome: null, waits: false, looks: [], now: { candidate: { answers: 0 }, difference: null } })
  t.match(told.plan, { smallest: 0.2, judged: 40, design: 1 + 3 * 0.2 })
  t.ok(told.plan.rate > 0.5 && told.plan.rate < 1)
  t.equal(told.plan.needed.live, 4 * told.plan.needed.candidate)
  t.equal(told.words, `It goes on: 0 of ${told.plan.needed.candidate} judged answers of the candidate, 0 of ${told.plan.needed.live} of the live version.`)
  await t.rejects(canaries.start('house', { version: 3, percent: 20, smallest: 0.2 }, 'boss'), { code: 'canary_running' })
  await ask('somebody')
  t.match(await canaries.end('house', 'boss'), { outcome: 'ended', words: 'ended by boss' })
  t.match(adapters.find('house'), { live: 1, canary: null })
  await t.rejects(canaries.end('house', 'boss'), { code: 'canary_not_found' })
  await t.rejects(canaries.extend('house', 'boss'), { code: 'canary_over', message: /has ended/ })
})

test('a better candidate goes live at the horizon and not before, with its reason in the audit', async t => {
  const { canaries, round, adapters, database } = await world(t)
  const { plan } = await canaries.start('house', { version: 2, percent: 50, smallest: 0.3 }, 'boss')
  await round(plan.needed.candidate, 200, { 1: 0.2, 2: 0.95 })
  t.match(adapters.find('house'), { live: 1 }, 'half of it is too early, however clear it is')
  await round(2 * plan.needed.candidate, 200, { 1: 0.2, 2: 0.95 })
  t.match(adapters.find('house'), { live: 2, previous: 1, canary: null })
  const told = await canaries.find('house')
  t.match(told, { outcome: 'promoted', words: /^The candidate is better: .*% of \d+ answers by \d+ people are good, against .*points/ })
  t.equal(told.looks.at(-1)?.tenths, 10)
  t.ok(told.looks.at(-1)!.difference!.low > 0)
  t.match(await listAudit(database, { limit: 1 }), [{ actor: 'canary', action: 'canary.promote', subject: 'house', detail: { words: told.words } }])
})

test('a worse candidate is rolled back long before its horizon', async t => {
  const { canaries, round, adapters } = await world(t)
  const { plan } = await canaries.start('house', { version: 2, percent: 20, smallest: 0.25 }, 'boss')
  await round(5 * plan.needed.candidate / 2, 100, { 1: 0.9, 2: 0.1 })
  t.match(adapters.find('house'), { live: 1, previous: null, canary: null })
  const told = await canaries.find('house')
  t.match(told, { outcome: 'ended', words: /^The candidate is worse: / })
  t.ok(told.looks.at(-1)!.tenths <= 5, `${told.looks.at(-1)!.tenths} tenths`)
})

test('where no difference is seen a person decides, extends or ends it, also after a restart', async t => {
  const { canaries, round, adapters, database } = await world(t)
  const { plan } = await canaries.start('house', { version: 2, percent: 50, smallest: 0.5 }, 'boss')
  await t.rejects(canaries.extend('house', 'boss'), { code: 'canary_over', message: /still goes on/ })
  while (!(await canaries.find('house')).waits) await round(10, 60, { 1: 0.5, 2: 0.5 })
  const told = await canaries.find('house')
  t.match(told, { ended: null, waits: true, words: /^No difference was seen: .* Promote it, end it, or extend/ })
  const looks = told.looks.length
  await canaries.look()
  t.equal((await canaries.find('house')).looks.length, looks, 'the same is not looked at twice')
  const again = openCanaries({ database, adapters, log: () => {} })
  t.match(await again.find('house'), { waits: true, words: told.words })
  t.match(await again.extend('house', 'boss'), { waits: false, extensions: 1, words: /^It goes on: \d+ of (\d+)/ })
  t.match(await again.find('house'), { words: new RegExp(` of ${2 * plan.needed.candidate} judged answers of the candidate`) })
  t.match(await listAudit(database, { limit: 1 }), [{ actor: 'boss', action: 'canary.extend' }])
  await adapters.promote('house', 2, 'boss')
  t.match(await again.find('house'), { outcome: 'promoted', words: 'adapter.promote by boss', waits: false })
})

test('a candidate whose answers break is rolled back at once', async t => {
  const { canaries, adapters, ask, logged } = await world(t)
  const { id } = await canaries.start('house', { version: 2, percent: 20, smallest: 0.1 }, 'boss')
  for (let i = 0; i < 20; i++) await ask(`user ${i}`)
  for (const code of ['queue_full', 'context_length_exceeded', 'generation_timeout'] as const) for (let i = 0; i < 20; i++) canaries.tried(id, 2, code)
  canaries.tried('canary_of_before', 2, 'generation_failed')
  await canaries.look()
  t.match(adapters.find('house'), { canary: { id } }, 'what is not the weights\' fault does not count')
  for (let i = 0; i < 8; i++) canaries.tried(id, 2, 'generation_failed')
  await until(() => adapters.find('house')?.canary === null)
  t.match(adapters.find('house'), { live: 1, canary: null })
  t.match(await canaries.find('house'), { outcome: 'ended', words: /^The candidate breaks: \d+ of \d+ of its answers failed, and 0 of \d+ of the live version's\.$/ })
  t.strictSame(logged, [])
})

test('what was counted survives a restart', async t => {
  const { canaries, ask, database, adapters } = await world(t)
  await canaries.start('house', { version: 2, percent: 50, smallest: 0.1 }, 'boss')
  for (let i = 0; i < 9; i++) await ask(`user ${i}`)
  const { tried } = await canaries.find('house')
  t.equal(tried.candidate.answers + tried.live.answers, 9)
  await canaries.close()
  t.strictSame((await openCanaries({ database, adapters, log: () => {} }).find('house')).tried, tried)
})

test('each answer counts once, by the last word of each author, and one that had to be corrected was bad', async t => {
  const { canaries, ask, say } = await world(t)
  await canaries.start('house', { version: 2, percent: 50, smallest: 0.1 }, 'boss')
  const first = await ask('ada')
  await say('ada', first.id, { kind: 'thumb', value: false })
  await say('ada', first.id, { kind: 'thumb', value: true })
  const second = await ask('ada')
  await say('ada', second.id, { kind: 'rating', value: 0.25, author: 'nurse' })
  await say('ada', second.id, { kind: 'thumb', value: true })
  const third = await ask('ada')
  await say('ada', third.id, { kind: 'thumb', value: true })
  await say('ada', third.id, { kind: 'correction', value: 'better' })
  await ask('ada')
  const arm = first.version === 2 ? 'candidate' as const : 'live' as const
  const { now, tried, manner } = await canaries.find('house')
  t.match(now[arm], { answers: 3, people: 1, rate: (1 + 0.625 + 0) / 3 })
  t.equal(now[arm === 'live' ? 'candidate' : 'live'].answers, 0)
  t.match(tried[arm], { answers: 4, failed: 0 })
  t.match(manner[arm], { first: first.version * 10, tokens: 3 })
})

test('only answers that the draw chose are compared, and sessions stand for who is not named', async t => {
  const { canaries, ask, say, adapters } = await world(t)
  await canaries.start('house', { version: 2, percent: 50, smallest: 0.1 }, 'boss')
  for (let i = 0; i < 12; i++) {
    const { id } = await ask(null, {}, `session ${i % 6}`)
    await say('', id, { kind: 'thumb', value: true })
  }
  const { version } = adapters.lease('house@2', { tenant, user: 'ada', session: null })!
  const pinned = await ask('bob', { model: 'house@2', version })
  t.ok(pinned)
  const { now } = await canaries.find('house')
  t.equal(now.candidate.answers + now.live.answers, 12)
  t.equal(now.candidate.people + now.live.people, 6)
})

test('who is erased counts no more, and the canary goes on', async t => {
  const { canaries, database, folder, ask, say } = await world(t)
  await canaries.start('house', { version: 2, percent: 50, smallest: 0.1 }, 'boss')
  for (const user of ['ada', 'bob']) await say(user, (await ask(user)).id, { kind: 'thumb', value: true })
  const erasures = openErasures({ database, path: `${folder}/erasures.jsonl`, people: new People(), policies: openPolicies(database) })
  await erasures.erase({ tenant, user: 'ada' })
  const { now } = await canaries.find('house')
  t.equal(now.candidate.answers + now.live.answers, 1)
})
