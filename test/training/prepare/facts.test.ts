import { test } from 'tap'
import type { Row } from '../../../src/datasets/row.ts'
import { createFacts } from '../../../src/training/prepare/facts.ts'
import { row } from '../../datasets/curation/rows.ts'

const question = 'My kettle leaks water from the handle whenever I boil more than one litre.'
const answer = 'Sorry about the leaking kettle. Please stop using it and send us a photo of the handle.'
const held = row(question, answer, { group: 'held' })

function found (learnt: readonly Row[], tested: readonly Row[] = [held]) {
  const facts = createFacts()
  for (const each of tested) facts.held(each)
  for (const each of learnt) facts.learnt(each)
  return facts.found(learnt.length)
}
const clean = { trained: 1, sharedPeople: 0, sharedRows: 0, rude: 0, secrets: 0 }
const other = (said: string, told: Parameters<typeof row>[2] = {}) => row('How do I fold a paper crane?', said, { group: 'learner', ...told })

test('data that kept what their build promised have nothing to find', async t => {
  t.strictSame(found([other('Begin with a square sheet.')]), clean)
  t.strictSame(found([other('Begin with a square sheet.')], []), clean, 'also where nobody is held out')
})

test('people and rows of the held-out are seen among those that are learnt from', async t => {
  t.strictSame(found([other('One.', { group: 'held' }), other('Two.', { group: 'held' })]), { ...clean, trained: 2, sharedPeople: 1 }, 'a person counts once')
  t.strictSame(found([held]), { ...clean, sharedPeople: 1, sharedRows: 1 }, 'the very row')
  t.equal(found([row(question, answer, { group: 'x' })]).sharedRows, 1, 'its text')
  t.equal(found([row(question.replace('kettle', 'ketle'), answer.replace('Please stop', 'please, stop'), { group: 'x' })]).sharedRows, 1, 'its text after small edits')
  t.equal(found([row('My toaster burns every slice of bread on the left side only.', answer, { group: 'x' })]).sharedRows, 0, 'another question with the same answer is another row')
})

test('equal rows are found among hundreds that are alike', async t => {
  const alike = Array.from({ length: 300 }, (_, i) => row(`What is the price of item ${i} today?`, `Item ${i} costs ${i * 3} euros today.`, { group: `held-${i}` }))
  t.equal(found([row('What is the price of item 3 today?', 'Item 3 costs 9 euros today.', { group: 'x' })], alike).sharedRows, 1)
  t.equal(found([row('What is the price of item 400 today?', 'Item 400 costs 1200 euros today.', { group: 'x' })], alike).sharedRows, 0)
})

test('rude answers count where they are taught, and not where they are warned of', async t => {
  const rude = 'You are an idiot.'
  t.equal(found([other(rude)]).rude, 1)
  t.equal(found([other(rude, { kind: 'verdict' })]).rude, 1)
  t.equal(found([other(rude, { kind: 'verdict', good: false }), other('Fine.', { rejected: rude })]).rude, 0)
})

test('secrets count on either side of a row, also in the arguments of a call', async t => {
  const key = `sk-${'proj'}-${'a1B2c3D4'.repeat(6)}`
  t.equal(found([other('Fold it twice.')]).secrets, 0)
  t.equal(found([other(`Your password is: ${'hunter'}2xyz!`)]).secrets, 1)
  t.equal(found([other('Fine.', { rejected: `Use the api key ${key}` })]).secrets, 1)
  t.equal(found([other('', { answer: { content: '', calls: [{ id: 'c', name: 'login', arguments: JSON.stringify({ token: key }) }] } })]).secrets, 1)
})
