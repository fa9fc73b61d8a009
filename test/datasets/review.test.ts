import { dirname, join } from 'node:path'
import { type Test, test } from 'tap'
import { query } from '../../src/database/sql.ts'
import { openReviews } from '../../src/datasets/open-reviews.ts'
import type { Sought } from '../../src/datasets/review.ts'
import type { NewInteraction } from '../../src/interactions/interactions.ts'
import { openErasures } from '../../src/privacy/erasures.ts'
import { People } from '../../src/privacy/people.ts'
import { openPolicies } from '../../src/privacy/policies.ts'
import { feedbackStore } from '../interactions/feedback.ts'
import { ada, bob, interaction } from '../interactions/fixtures.ts'

const approved = { verdict: 'approved', answer: null, reviewer: 'rita', reason: null } as const

async function queue (t: Test) {
  const s = await feedbackStore(t)
  const reviews = openReviews({ database: s.database, feedback: s.feedback, now: () => s.clock.now })
  const answered = async (given: Partial<NewInteraction> = {}): Promise<string> => {
    const made = interaction({ training: true, ...given })
    await s.interactions.record(made)
    return made.id
  }
  const waiting = async (sought: Partial<Sought> = {}): Promise<string[]> =>
    (await reviews.list({ tenant: null, evidence: null, reviewed: false, after: null, limit: 50, ...sought })).data.map(({ interaction }) => interaction.id)
  return { ...s, reviews, answered, waiting }
}

test('answers of which data sets may be made wait for their review, the newest first', async t => {
  const { database, reviews, answered, waiting } = await queue(t)
  const usable = [await answered(), await answered({ owner: bob }), await answered({ owner: { tenant: 'other', user: 'eve' } })]
  const refusing = { tenant: 'acme', user: 'ned' }
  const unusable = [await answered({ training: false }), await answered({ error: 'engine_died' }), await answered({ owner: { tenant: 'acme', user: '' } }), await answered({ owner: refusing })]
  await openPolicies(database).change(refusing, { training: false })
  t.strictSame(await waiting(), usable.toReversed())
  t.strictSame(await waiting({ tenant: 'other' }), [usable[2]])
  for (const id of unusable) await t.rejects(reviews.give(id, approved), { code: 'not_for_training' })
  await t.rejects(reviews.give('chatcmpl-none', approved), { code: 'completion_not_found' })
})

test('the queue is read by pages and by what was said of the answers', async t => {
  const { say, answered, waiting, reviews } = await queue(t)
  const [corrected, rated, preferred, bare] = [await answered(), await answered(), await answered(), await answered()]
  await say(ada, { kind: 'correction', value: 'Better.', completion: corrected })
  await say(ada, { kind: 'rating', value: 1, completion: rated })
  await say(ada, { kind: 'preference', value: { chosen: preferred, rejected: bare } })
  await say(ada, { kind: 'comment', value: null, completion: bare, comment: 'Hm.' })
  t.strictSame(await waiting({ evidence: 'correction' }), [corrected])
  t.strictSame(await waiting({ evidence: 'verdict' }), [preferred, rated])
  t.strictSame(await waiting({ evidence: 'none' }), [bare])
  const { data, more } = await reviews.list({ tenant: 'acme', evidence: null, reviewed: false, after: null, limit: 3 })
  t.strictSame([data.map(({ feedback }) => feedback.map(({ kind }) => kind)), more], [[['preference', 'comment'], ['preference'], ['rating']], true])
  t.strictSame(await waiting({ after: rated, limit: 3 }), [corrected])
  await t.rejects(waiting({ after: 'chatcmpl-none' }), { code: 'completion_not_found' })
})

test('a decision is recorded with who took it and why, and a later one outweighs it', async t => {
  const { clock, database, reviews, answered, waiting } = await queue(t)
  const id = await answered()
  const first = await reviews.give(id, approved)
  t.match(first, { ...approved, id: /^review_[0-9a-f]{24}$/, interaction: id, created: clock.now })
  t.strictSame(await waiting(), [])
  clock.now += 1000
  const edited = await reviews.give(id, { verdict: 'edited', answer: 'So it should be.', reviewer: 'rob', reason: 'too short' })
  const { data } = await reviews.list({ tenant: null, evidence: null, reviewed: true, after: null, limit: 9 })
  t.strictSame(data.map(({ review }) => review), [edited])
  t.ok(edited.seq > first.seq)
  t.strictSame((await database.all(query<{ n: number }>('select count(*) as n from reviews'))), [{ n: 2 }], 'nothing was overwritten')
  await t.rejects(reviews.give(id, { verdict: 'edited', answer: ' \n', reviewer: 'rob', reason: null }), { code: 'review_empty' })
})

test('a review goes with the answer it is on, and with its person', async t => {
  const { database, path, interactions, reviews, answered } = await queue(t)
  const [forgotten, erased, kept] = [await answered(), await answered(), await answered({ owner: bob })]
  for (const id of [forgotten, erased, kept]) await reviews.give(id, { verdict: 'edited', answer: `Edit of ${id}.`, reviewer: 'rita', reason: null })
  const reviewed = async (): Promise<string[]> => (await database.all(query<{ answer: string }>('select answer from reviews order by seq'))).map(({ answer }) => answer)
  await interactions.remove({ tenant: 'acme', user: null }, forgotten)
  t.strictSame(await reviewed(), [`Edit of ${erased}.`, `Edit of ${kept}.`])
  const people = new People()
  const { rows } = await openErasures({ database, path: join(dirname(path), 'erasures.jsonl'), people, policies: openPolicies(database) }).erase(ada)
  t.equal(rows.reviews, 1)
  t.strictSame(await reviewed(), [`Edit of ${kept}.`])
  await t.rejects(reviews.give(erased, approved), { code: 'completion_not_found' })
})
