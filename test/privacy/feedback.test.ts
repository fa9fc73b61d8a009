import { test } from 'tap'
import { People } from '../../src/privacy/people.ts'
import { createForgetting } from '../../src/privacy/forgetting.ts'
import { createRetention } from '../../src/privacy/retention.ts'
import { openPolicies } from '../../src/privacy/policies.ts'
import { openedMemories } from '../memory/opened.ts'
import { openFeedback } from '../../src/interactions/open-feedback.ts'
import { openCompletionIds } from '../../src/interactions/ids.ts'
import { openInteractions } from '../../src/interactions/open.ts'
import { choice, interaction, says } from '../interactions/fixtures.ts'
import { everything } from '../interactions/feedback.ts'

const ada = { tenant: 'acme', user: 'ada' }
const day = 86_400_000
const none = { choice: 0, session: null, comment: null, author: null }

test('what was said goes with the answer when its time has come, and on answers that were not kept when its own has', async t => {
  const { database, memories } = await openedMemories(t)
  const interactions = openInteractions(database)
  const ids = await openCompletionIds(database)
  const clock = { now: 0 }
  const feedback = openFeedback({ database, ids, write: async (_, work) => await work(), erasedAt: async () => null, keeps: async () => true, now: () => clock.now })
  const now = 1000 * day
  for (const [id, age] of [['old', 40], ['young', 5]] as const) await interactions.record(interaction({ id, owner: ada, session: id, created: now - age * day }))
  for (const [age, completion] of [[39, 'old'], [1, 'old'], [1, 'young'], [31, ids.make('cmpl', ada, now - 31 * day, false)], [29, ids.make('cmpl', ada, now - 31 * day, false)]] as const) {
    clock.now = now - age * day
    await feedback.give(ada, { ...none, kind: 'thumb', value: true, completion }, null)
  }
  await openPolicies(database).change(ada, { retentionDays: 30 })
  const log = (message: string): void => { t.fail(message) }
  await createRetention({ database, memories, retentionOf: () => null, log }).sweep(now)
  t.strictSame((await feedback.list(ada, everything)).data.map(({ completion, created }) => [completion?.slice(0, 5), (now - created) / day]), [['young', 1], ['cmpl-', 29]])
})

test('forgetting a memory takes what was said of the answers that go with it', async t => {
  const { database, memories } = await openedMemories(t)
  const interactions = openInteractions(database)
  const feedback = openFeedback({ database, ids: { unkept: () => null }, write: async (_, work) => await work(), erasedAt: async () => null, keeps: async () => true })
  for (const [id, text] of [['told', 'My secret is ultramarine.'], ['other', 'I like tea.']] as const) {
    await interactions.record(interaction({ id, owner: ada, session: id, messages: [says(text)], choices: [choice('I see.')] }))
    await feedback.give(ada, { ...none, kind: 'correction', value: `Better, of ${text}`, completion: id }, null)
  }
  const [memory] = await memories.remember(ada, [{ kind: 'turn', text: 'My secret is ultramarine.', session: 'told', role: 'user', interaction: 'told' }]).then(({ ids }) => ids)
  t.equal(await createForgetting({ database, memories, people: new People() })(ada, [memory!]), 1)
  t.strictSame((await feedback.list(ada, everything)).data.map(({ completion }) => completion), ['other'])
})
