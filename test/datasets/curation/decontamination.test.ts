import t from 'tap'
import { decontamination } from '../../../src/datasets/curation/decontamination.ts'
import { drops, labelledPairs, row } from './rows.ts'

const long = 'Explain in three sentences why the leaves of most trees change their colour in autumn while those of firs do not.'
const answer = 'The short days stop the making of chlorophyll, so that the yellow shows which was there all along. Firs keep their needles.'
const held = { held: ({ group }: { group: string }) => group === 'held' }

t.test('a row with the question of a test row, also inside a longer one, is dropped, and the test row stays', async t => {
  const test = row(long, answer, { id: 'test', group: 'held' })
  const rows = [
    test,
    row(`Hello! My teacher asked: ${long.toLowerCase()} Can you help me with that, please?`, 'Of course.', { id: 'inside' }),
    row('Write a test for a class in biology.', `Here is one.\n1. ${long}`, { id: 'in the answer' }),
    row('Explain in three sentences why the leaves of most trees are green and not of any other colour.', 'They are full of chlorophyll.', { id: 'begins alike' }),
    row('What is the capital of France?', 'Paris.', { id: 'else' })
  ]
  t.strictSame([...drops(decontamination(held), rows)], [['inside', 'overlaps with the test set'], ['in the answer', 'overlaps with the test set']])
  t.equal(drops(decontamination({ held: () => false }), rows).size, 0)
})

t.test('of the labelled pairs at least 95 of 100 small edits of a test row are dropped, and at most 1 of 100 others', async t => {
  const counts = { same: 0, found: 0, other: 0, wrong: 0 }
  for (const { same, a, b } of labelledPairs()) {
    const found = drops(decontamination(held), [row(...a, { group: 'held' }), row(...b)]).size === 1
    counts[same ? 'same' : 'other']++
    if (found) counts[same ? 'found' : 'wrong']++
  }
  t.comment(JSON.stringify(counts))
  t.ok(counts.found / counts.same >= 0.95)
  t.ok(counts.wrong / counts.other <= 0.01)
})

t.test('a short question that is asked again may be answered otherwise', async t => {
  t.equal(drops(decontamination(held), [row('Hello!', 'Hello, how can I help you?', { group: 'held' }), row('Hello', 'Good day! What may I do for you?')]).size, 0)
})

t.test('texts of benchmarks are known by their name, long ones by twelve words in a row, short ones as they are', async t => {
  const filter = decontamination({ held: () => false, benchmarks: { trees: [long], sums: ['What is 7 times 8?'] } })
  const dropped = drops(filter, [row(long, 'No.', { id: 'trees' }), row('what is 7 times 8', '56', { id: 'sums' }), row('What is 7 times 9?', '63', { id: 'other' })])
  t.strictSame([...dropped], [['trees', 'overlaps with trees'], ['sums', 'asks what sums asks']])
  const [benchmarks] = [filter.settings.benchmarks as Record<string, { texts: number, sha256: string }>]
  t.match(benchmarks, { trees: { texts: 1, sha256: /^[0-9a-f]{64}$/ } })
})

t.test('twelve words in a row are enough, eleven are not', async t => {
  const words = 'alpha beta gamma delta epsilon zeta eta theta iota kappa lambda omega'
  const about = (text: string): number => drops(decontamination({ held: () => false, benchmarks: { greek: [words] } }), [row('Go on', `So ${text} it is`)]).size
  t.equal(about(words), 1)
  t.equal(about(words.slice(0, -6)), 0)
})

t.test('the wording that a benchmark gives all its questions contaminates nothing', async t => {
  const frame = (question: string): string => `The following is a question with four answers of which only one is right so choose it with care: ${question}`
  const texts = Array.from({ length: 30 }, (_, i) => frame(`which of the ${i} rivers is longest?`))
  const filter = decontamination({ held: () => false, benchmarks: { quiz: texts } })
  t.strictSame([...drops(filter, [row(frame('what colour has the sky at noon?'), 'Blue.', { id: 'framed' }), row(texts[7]!, 'The Nile.', { id: 'leaked' })]).keys()], ['leaked'])
})

t.test('hostile texts are read in a time that grows with their length', async t => {
  const texts = ['a '.repeat(5e5), Array.from({ length: 1e5 }, (_, i) => `w${i}`).join(' '), '\udc00'.repeat(1e6)]
  const before = performance.now()
  t.equal(drops(decontamination(held), texts.flatMap((text, i) => [row(text, text, { group: 'held', id: `${i}a` }), row(text, text, { id: `${i}b` })])).size, texts.length)
  t.comment(`${Math.round(performance.now() - before)} ms`)
})
