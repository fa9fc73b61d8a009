import t from 'tap'
import { memoryFacts } from '../../../src/datasets/curation/memory-facts.ts'
import type { Row } from '../../../src/datasets/row.ts'
import { blockOf } from '../../../src/memory/block.ts'
import { row } from './rows.ts'

const at = Date.UTC(2026, 4, 8)
const block = blockOf([{ speaker: null, role: 'user', at, position: 0, quote: 'My dog is called Bruno and he weighs 31 kg. We walk along the canal every evening.' }])!

/** A row whose prompt quotes the memory; `gone`: it did, before something took the block out. */
function recalling (question: string, answer: string, gone = false): Row {
  return { ...row(gone ? question : `${block}\n\n${question}`, answer), remembered: !gone, quoted: block }
}

function verdict (each: Row, settings = {}): string {
  const judgement = memoryFacts(settings).judge(each)
  return 'drop' in judgement ? judgement.drop : judgement.changed ?? (judgement.keep === each ? 'kept' : 'changed unsaid')
}

t.test('an answer that states what only the memory tells keeps its block, and goes where the block is gone', async t => {
  for (const answer of ['Bruno needs 400 g a day.', 'At 31 kg he needs 400 g.', 'Take him along the canal in the evening, as usual.']) {
    t.equal(verdict(recalling('How much food?', answer)), 'kept', answer)
    t.equal(verdict(recalling('How much food?', answer), { dropUnused: true }), 'kept', answer)
    t.equal(verdict(recalling('How much food?', answer, true)), 'it leans on a memory that is gone', answer)
  }
})

t.test('what the prompt says itself needs no memory', async t => {
  t.equal(verdict(recalling('Bruno has 31 kg now. How much food?', 'Bruno needs 400 g at 31 kg.', true)), 'kept')
  t.equal(verdict(recalling('How do I reset my password?', 'Open Settings and press Reset.', true)), 'kept')
})

t.test('a block that the answer does not lean on goes where that is wanted, and nothing else with it', async t => {
  const each = recalling('How do I reset my password?', 'Open Settings and press Reset.')
  t.equal(verdict(each), 'kept')
  const judgement = memoryFacts({ dropUnused: true }).judge(each)
  t.match(judgement, { changed: 'a memory that it does not need', keep: { remembered: false, quoted: '' } })
  t.strictSame('keep' in judgement && judgement.keep.prompt, [{ role: 'user', content: 'How do I reset my password?' }])
  const talk = row('What does </memory> mean in <memory note="x">?', 'It is a tag.')
  t.strictSame(memoryFacts({ dropUnused: true }).judge(talk), { keep: talk }, 'talk of the frame is no frame')
})

t.test('an answer that says it remembers what is not there is not taught', async t => {
  t.equal(verdict(row('How much food?', 'As you told me, your dog Bruno needs little.')), 'the answer remembers what its prompt does not hold')
  t.equal(verdict(row('My dog Bruno is small. How much food?', 'As you told me, your dog Bruno needs little.')), 'kept')
  t.equal(verdict(row('How much food?', 'As you told me, your dog Bruno needs little.', { kind: 'verdict', good: false })), 'kept')
  t.equal(verdict(row('How do I write a letter?', 'Begin with the date, as you said before.')), 'kept')
})
