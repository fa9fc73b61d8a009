import { type Test, test } from 'tap'
import type { NewInteraction } from '../../src/interactions/interactions.ts'
import { type FeedbackStore, feedbackStore } from './feedback.ts'
import { ada, answers, ask, bob, says } from './fixtures.ts'

const told = async (s: FeedbackStore): Promise<string[]> => (await s.feedback.signals(ada, { session: 's' })).map(({ kind, completion }) => `${kind} ${completion}`)

/** Asks one thing and then the next, `later` ms after the answer; what is told of the first. */
async function then (t: Test, first: string, second: string, later = 5_000, given: Partial<NewInteraction> = {}): Promise<string[]> {
  const s = await feedbackStore(t)
  const { id } = await ask(s, [says(first)], 'an answer', { named: 's', timings: { recall: 10, queue: 1000, first: 50, answer: 9_000 }, ...given })
  s.clock.now += 9_000 + later
  await ask(s, [says(first), answers('an answer'), says(second)], 'another', { named: 's', timings: { answer: 9_000 } })
  return (await told(s)).map(signal => signal.replace(` ${id}`, ''))
}

test('the same asked again says that another answer was wanted', async t => {
  const s = await feedbackStore(t)
  const first = await ask(s, [says('q')], 'a', { named: 's' })
  t.strictSame(await told(s), [])
  const second = await ask(s, [says('q')], 'b', { named: 's' })
  await ask(s, [says('q'), answers('b'), says('And so on and on?')], 'c', { named: 's' })
  await ask(s, [says('q')], 'd', { named: 's' })
  t.strictSame(await told(s), [`regenerated ${first.id}`, `regenerated ${second.id}`], 'also when the conversation had gone on meanwhile')
})

test('a question that only gained or lost words within a minute was asked because of the answer', async t => {
  t.strictSame(await then(t, 'What is the capital of France?', 'what is the CAPITAL of France, please'), ['rephrased'])
  t.strictSame(await then(t, 'What is the capital of France?', 'What is the capital of France?'), ['rephrased'])
  t.strictSame(await then(t, 'Tell me at length about the many cats', 'Tell me about cats'), ['rephrased'])
  t.strictSame(await then(t, 'Wie heißt die Hauptstadt?', 'Wie heißt die Hauptstadt von Österreich?', -30_000), ['rephrased'], 'a clock may have jumped')
})

test('another question, a short one, and one that came later tell nothing', async t => {
  t.strictSame(await then(t, 'What is the capital of France?', 'What is the capital of Spain?'), [])
  t.strictSame(await then(t, 'Tell me about cats', 'Tell me about dogs'), [])
  t.strictSame(await then(t, 'And why?', 'And why not?'), [])
  t.strictSame(await then(t, 'Tell me about cats', 'Tell me about cats and whatever else it is that you may have seen'), [])
  t.strictSame(await then(t, 'Tell me about cats', 'Tell me about the cats', 60_001), [])
})

test('whoever leaves before the end abandons an answer; one that failed is asked for again because it failed', async t => {
  const s = await feedbackStore(t)
  const left = await ask(s, [says('q')], 'a', { named: 's', error: 'caller_left' })
  await ask(s, [says('q')], 'b', { named: 's', error: 'engine_died' })
  await ask(s, [says('q')], 'c', { named: 's' })
  t.strictSame(await told(s), [`regenerated ${left.id}`, `abandoned ${left.id}`])
  t.strictSame(await s.feedback.signals(ada, { completion: left.id }), await s.feedback.signals(ada, { session: 's' }))
  t.strictSame(await then(t, 'Tell me about cats', 'Tell me about the cats', 0, { error: 'engine_died' }), [])
})

test('a tool\'s result is no question, and no session tells of another or of another person\'s', async t => {
  const s = await feedbackStore(t)
  const calls = [{ id: 'c', name: 'find', arguments: '{}' }]
  await ask(s, [says('Tell me about cats')], '', { named: 's', choices: [{ content: '', reasoning: '', calls, reason: 'tool_calls' }] })
  await ask(s, [says('Tell me about cats'), { role: 'assistant', content: '', calls }, { role: 'tool', content: 'Tell me about cats', callId: 'c' }], 'a', { named: 's' })
  const foreign = await ask(s, [says('Tell me about cats')], 'a', { named: 's', owner: bob })
  await ask(s, [says('Tell me about cats')], 'a', { named: 'other' })
  t.strictSame(await told(s), [])
  t.strictSame(await s.feedback.signals({ tenant: 'acme', user: null }, { session: 's' }), [], 'nor when the whole tenant is asked for')
  t.strictSame(await s.feedback.signals(ada, { session: 'none' }), [])
  for (const completion of [foreign.id, 'none']) t.strictSame(await s.feedback.signals(ada, { completion }), [])
})
