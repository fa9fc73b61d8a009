import { test } from 'tap'
import { query } from '../../src/database/sql.ts'
import type { NewFeedback } from '../../src/interactions/feedback.ts'
import { openCompletionIds } from '../../src/interactions/ids.ts'
import { opened } from '../database/fixtures.ts'
import { ada, ask, bob, choice, says, store } from './fixtures.ts'
import { everything, feedbackStore } from './feedback.ts'

const up = { kind: 'thumb', value: true } as const
const tenant = { tenant: 'acme', user: null }

test('every kind is kept as it was given, in order, and is still there when the file is opened again', async t => {
  const s = await feedbackStore(t)
  const [first, second] = [await s.answered(), await s.answered()]
  const given: NewFeedback[] = [
    { kind: 'thumb', value: false, completion: first, choice: 0, session: null, comment: 'too long — \u2028 e\u0301', author: null },
    { kind: 'rating', value: 0.25, completion: first, choice: 0, session: null, comment: null, author: 'reviewer' },
    { kind: 'correction', value: 'The better answer.', completion: first, choice: 0, session: null, comment: null, author: null },
    { kind: 'preference', value: { chosen: second, rejected: first }, completion: null, choice: 0, session: null, comment: null, author: null },
    { kind: 'comment', value: null, completion: null, choice: 0, session: 's1', comment: 'A good talk.', author: null },
    { kind: 'outcome', value: { metric: 'solved', number: 1 }, completion: null, choice: 0, session: 's1', comment: null, author: null },
    { kind: 'edited', value: 'A copy, edited.', completion: second, choice: 0, session: null, comment: null, author: null }
  ]
  for (const one of given) await s.feedback.give(ada, one, null)
  const { data, more } = await s.feedback.list(ada, everything)
  t.match(data, given.map((one, i) => ({ ...one, seq: i + 1, id: /^fb-/, session: 's1', completion: one.kind === 'preference' ? second : one.completion, created: s.clock.now, said: one.kind !== 'edited' })))
  t.equal(more, false)
  await s.database.close()
  const rows = await (await opened(t, s.path)).all(query<{ n: number }>('select count(*) as n from feedback'))
  t.equal(rows[0]?.n, given.length)
})

test('pages and filters go through all of it once', async t => {
  const s = await feedbackStore(t)
  const [one, other] = [await s.answered(), await s.answered(ada, 's2')]
  const ids: string[] = []
  for (let i = 0; i < 7; i++) ids.push(await s.say(ada, { ...i % 2 === 0 ? up : { kind: 'rating', value: 1 }, completion: i < 5 ? one : other }))
  const found = async (sought: object): Promise<readonly [string[], boolean]> => { const { data, more } = await s.feedback.list(ada, { ...everything, ...sought }); return [data.map(({ id }) => id), more] }
  t.strictSame(await found({ limit: 3 }), [ids.slice(0, 3), true])
  t.strictSame(await found({ limit: 4, after: ids[2] }), [ids.slice(3), false])
  t.strictSame(await found({ completion: other }), [ids.slice(5), false])
  t.strictSame(await found({ session: 's1', kind: 'rating' }), [[ids[1], ids[3]], false])
  await t.rejects(found({ after: 'fb-none' }), { code: 'invalid_request', param: 'after' })
})

test('a preference is found by either of its answers', async t => {
  const s = await feedbackStore(t)
  const [chosen, rejected] = [await s.answered(), await s.answered()]
  const id = await s.say(ada, { kind: 'preference', value: { chosen, rejected } })
  for (const completion of [chosen, rejected]) t.strictSame((await s.feedback.list(ada, { ...everything, completion })).data.map(({ id }) => id), [id])
})

test('what comes again under its key is recorded once, also at the same moment; another content is refused', async t => {
  const s = await feedbackStore(t)
  const [completion, another] = [await s.answered(), await s.answered()]
  const given = { ...up, completion, choice: 0, session: null, comment: null, author: null }
  const replies = await Promise.all(Array.from({ length: 10 }, async () => await s.feedback.give(ada, given, 'k')))
  t.equal(new Set(replies.map(({ feedback }) => feedback.id)).size, 1)
  t.equal(replies.filter(({ fresh }) => fresh).length, 1)
  t.equal((await s.feedback.list(ada, everything)).data.length, 1)
  for (const other of [{ ...given, value: false }, { ...given, author: 'x' }, { ...given, comment: 'c' }, { ...given, completion: another }] as const) {
    await t.rejects(s.feedback.give(ada, other, 'k'), { code: 'idempotency_conflict', status: 409 })
  }
  const bobs = await s.answered(bob)
  await t.rejects(s.feedback.give(bob, { ...given, completion: bobs }, 'k'), { code: 'idempotency_conflict' }, 'keys are the tenant\'s')
  const other = { tenant: 'other', user: 'ada' }
  t.ok((await s.feedback.give(other, { ...given, completion: await s.answered(other) }, 'k')).fresh, 'and no other tenant\'s')
})

test('the same words about two people\'s sessions of one name are never taken for one', async t => {
  const s = await feedbackStore(t)
  await s.answered(ada, 'support')
  await s.answered(bob, 'support')
  await s.say(ada, { ...up, session: 'support' }, 'k')
  await t.rejects(s.say(bob, { ...up, session: 'support' }, 'k'), { code: 'idempotency_conflict' })
  await t.rejects(s.say(tenant, { ...up, session: 'support' }), { code: 'invalid_request', param: 'user' })
})

test('unknown, foreign and forgotten answers and sessions are not found, and told by their field', async t => {
  const s = await feedbackStore(t)
  const bobs = await s.answered(bob, 'his')
  const gone = await s.answered(ada, 'gone')
  await s.interactions.remove(ada, gone)
  for (const completion of ['chatcmpl-none', bobs, gone, '', '\u0000']) {
    await t.rejects(s.say(ada, { ...up, completion }), { code: 'completion_not_found', status: 404, param: 'completion_id' })
    await t.rejects(s.say(ada, { kind: 'preference', value: { chosen: completion, rejected: completion } }), { code: 'completion_not_found', param: 'value.chosen' })
  }
  for (const session of ['none', 'his', 'gone', '']) await t.rejects(s.say(ada, { ...up, session }), { code: 'session_not_found', status: 404 })
  t.equal((await s.feedback.list(tenant, everything)).data.length, 0)
})

test('a preference between two sessions, or two people, is refused', async t => {
  const s = await feedbackStore(t)
  const [chosen, apart, bobs] = [await s.answered(), await s.answered(ada, 's2'), await s.answered(bob)]
  for (const rejected of [apart, bobs]) await t.rejects(s.say(tenant, { kind: 'preference', value: { chosen, rejected } }), { code: 'preference_apart', status: 400 })
  await t.rejects(s.say(ada, { kind: 'preference', value: { chosen, rejected: await s.answered() }, session: 's2' }), { code: 'preference_apart' })
})

test('on an answer that was not stored numbers count, and words and preferences are refused', async t => {
  const s = await feedbackStore(t)
  const completion = s.ids.make('chatcmpl', ada, s.clock.now, false)
  for (const given of [up, { kind: 'rating', value: 0 }, { kind: 'outcome', value: { metric: 'sold', number: -2.5 } }] as const) await s.say(ada, { ...given, completion })
  t.match((await s.feedback.list(ada, { ...everything, completion })).data.map(({ kind, session }) => [kind, session]), [['thumb', null], ['rating', null], ['outcome', null]])
  const stored = await s.answered()
  const refused = [{ kind: 'correction', value: 'x' }, { kind: 'edited', value: 'x' }, { kind: 'comment', value: null, comment: 'x' }, { ...up, comment: 'x' }, { kind: 'preference', value: { chosen: completion, rejected: stored } }, { kind: 'preference', value: { chosen: stored, rejected: completion } }] as const
  for (const given of refused) await t.rejects(s.say(ada, { ...given, completion }), { code: 'not_stored', status: 409 }, JSON.stringify(given))
  t.equal((await s.feedback.list(ada, everything)).data.length, 3)
})

test('an answer that was not stored is known by its id alone: nobody else\'s, none made up, none from before an erasure', async t => {
  const s = await feedbackStore(t)
  const id = s.ids.make('cmpl', ada, s.clock.now, false)
  const spoilt = [id.slice(0, -1) + (id.endsWith('0') ? '1' : '0'), id.replace(/^cmpl/, 'chatcmpl'), id.replace(/-[^-]+-(?=[^-]+$)/, '-zzz-'), id.slice(0, 41), s.ids.make('cmpl', ada, 1, true), `${id}0`]
  for (const completion of spoilt) await t.rejects(s.say(ada, { ...up, completion }), { code: 'completion_not_found' }, completion)
  for (const reach of [bob, { tenant: 'other', user: 'ada' }, tenant]) await t.rejects(s.say(reach, { ...up, completion: id }), { code: 'completion_not_found' })
  const others = await openCompletionIds((await store(t)).database)
  t.equal(others.unkept(id, ada), null, 'another server did not give it')
  t.equal((await openCompletionIds(s.database)).unkept(id, ada), s.clock.now, 'the same server knows it after a restart')
  s.erased.set('ada', s.clock.now)
  await t.rejects(s.say(ada, { ...up, completion: id }), { code: 'completion_not_found' })
  t.ok(await s.say(ada, { ...up, completion: s.ids.make('cmpl', ada, s.clock.now + 1, false) }), 'who came back is new')
  t.ok(await s.say(tenant, { ...up, completion: s.ids.make('cmpl', { tenant: 'acme', user: '' }, 5, false) }), 'where nobody was named, nobody needs to be')
})

test('of who lets nothing be kept any more no words are taken, about what was stored before neither', async t => {
  const s = await feedbackStore(t)
  const completion = await s.answered()
  s.silent.add('ada')
  await t.rejects(s.say(ada, { kind: 'correction', value: 'better', completion }), { code: 'not_stored' })
  await t.rejects(s.say(tenant, { kind: 'comment', value: null, comment: 'c', session: 's1' }), { code: 'not_stored' }, 'whoever says them')
  t.ok(await s.say(ada, { ...up, completion }))
})

test('feedback goes with what it is on, and nothing else changes it', async t => {
  const s = await feedbackStore(t)
  const [first, second, third] = [await s.answered(), await s.answered(), await s.answered(ada, 's2')]
  await s.say(ada, { ...up, completion: first })
  await s.say(ada, { kind: 'preference', value: { chosen: second, rejected: first } })
  const kept = await s.say(ada, { ...up, completion: second })
  const whole = await s.say(ada, { ...up, session: 's1' })
  const other = await s.say(ada, { ...up, completion: third })
  const left = async (): Promise<string[]> => (await s.feedback.list(ada, everything)).data.map(({ id }) => id)
  await s.interactions.remove(ada, first)
  t.strictSame(await left(), [kept, whole, other])
  await s.interactions.remove(ada, second)
  t.strictSame(await left(), [other], 'the session ended with its last answer')
  await t.rejects(s.database.commit([query('update feedback set value = \'false\'')]))
})

test('a clock that jumps back changes no order, and late feedback is welcome', async t => {
  const s = await feedbackStore(t)
  const completion = await s.answered()
  s.clock.now += 400 * 86_400_000
  const first = await s.say(ada, { ...up, completion })
  s.clock.now -= 800 * 86_400_000
  const second = await s.say(ada, { kind: 'thumb', value: false, completion })
  const { data } = await s.feedback.list(ada, everything)
  t.strictSame(data.map(({ id }) => id), [first, second])
  t.ok(data[0]!.created > data[1]!.created)
})

test('of who is being erased nothing is found any more, before it is gone', async t => {
  const s = await feedbackStore(t)
  const completion = await s.answered()
  await s.say(ada, { ...up, completion })
  await s.database.commit([query("update owners set tenant = '', user = 'erasure_1' where user = 'ada'")])
  for (const reach of [ada, tenant]) {
    t.strictSame((await s.feedback.list(reach, everything)).data, [])
    await t.rejects(s.say(reach, { ...up, completion }), { code: 'completion_not_found' })
    await t.rejects(s.say(reach, { ...up, session: 's1' }), { code: 'session_not_found' })
  }
})

test('of several answers to one prompt each is spoken of by itself, and none that was not given', async t => {
  const s = await feedbackStore(t)
  const { id } = await ask(s, [says('Name a bird.')], '', { owner: ada, named: 's1', choices: ['A wren.', 'A kite.', 'A swan.'].map(text => choice(text)) })
  const words = [await s.say(ada, { ...up, completion: id, choice: 2 }), await s.say(ada, { kind: 'correction', value: 'A rook.', completion: id, choice: 1 }), await s.say(ada, { kind: 'preference', value: { chosen: id, rejected: id, choices: [2, 0] } })]
  t.match((await s.feedback.list(ada, { ...everything, completion: id })).data, [{ id: words[0], choice: 2 }, { id: words[1], choice: 1 }, { id: words[2], choice: 2, value: { chosen: id, rejected: id, choices: [2, 0] } }])
  await t.rejects(s.say(ada, { ...up, completion: id, choice: 3 }), { code: 'choice_not_found', status: 404, param: 'choice' })
  await t.rejects(s.say(ada, { kind: 'preference', value: { chosen: id, rejected: id, choices: [0, 3] } }), { code: 'choice_not_found', param: 'value.choices' })
  await s.say(ada, { ...up, completion: id, choice: 1 }, 'k')
  await t.rejects(s.say(ada, { ...up, completion: id, choice: 2 }, 'k'), { code: 'idempotency_conflict' })
  const failed = await ask(s, [says('Name a fish.')], '', { owner: ada, named: 's1', choices: [] })
  t.ok(await s.say(ada, { kind: 'thumb', value: false, completion: failed.id }), 'that nothing came can be blamed')
})
