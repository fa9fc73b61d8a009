import fc from 'fast-check'
import t from 'tap'
import { duplicates } from '../../../src/datasets/curation/duplicates.ts'
import { drops, editShare, labelledPairs, row } from './rows.ts'

const question = 'How do I reset my password?'
const answer = 'Open Settings, choose Account and press Reset password. The link works for one hour.'

t.test('of the labelled pairs at least 95 of 100 small edits are found, and at most 1 of 100 others is taken for one', async t => {
  for (const half of ['tune', 'report']) {
    const counts = { same: 0, found: 0, other: 0, wrong: 0 }
    for (const { same, a, b } of labelledPairs().filter(pair => pair.half === half)) {
      const found = drops(duplicates(), [row(...a, { id: 'a' }), row(...b, { id: 'b' })]).size === 1
      counts[same ? 'same' : 'other']++
      if (found) counts[same ? 'found' : 'wrong']++
    }
    t.comment(JSON.stringify({ half, ...counts, recall: counts.found / counts.same, false: counts.wrong / counts.other }))
    t.ok(counts.found / counts.same >= 0.95)
    t.ok(counts.wrong / counts.other <= 0.01)
  }
})

t.test('of small edits by hand that no rule was bettered with, at least 85 in 100 are found, and of all others at most 1', async t => {
  const counts = new Map<string, { all: number, found: number }>()
  for (const { half, same, a, b } of labelledPairs('duplicates-by-hand')) {
    const share = editShare(a.join(' '), b.join(' '))
    const kind = !same ? 'other' : share <= 0.1 ? `${half}, up to 1 word in 10` : share <= 0.2 ? `${half}, up to 1 in 5` : `${half}, more`
    const { all, found } = counts.get(kind) ?? { all: 0, found: 0 }
    counts.set(kind, { all: all + 1, found: found + drops(duplicates(), [row(...a, { id: 'a' }), row(...b, { id: 'b' })]).size })
  }
  t.comment(JSON.stringify(Object.fromEntries(counts)))
  const small = ['unseen, up to 1 word in 10', 'unseen, up to 1 in 5'].map(kind => counts.get(kind)!)
  t.ok(sum(small.map(({ found }) => found)) / sum(small.map(({ all }) => all)) >= 0.85)
  const { all, found } = counts.get('other')!
  t.ok(all > 100 && found / all <= 0.01)
})

function sum (numbers: readonly number[]): number { return numbers.reduce((all, one) => all + one, 0) }

t.test('in one data set the same pairs are found, and no question is lost', async t => {
  const pairs = labelledPairs()
  const rows = pairs.flatMap(({ a, b }, i) => [row(...a, { id: `${i}a` }), row(...b, { id: `${i}b` })])
  const dropped = drops(duplicates(), rows)
  const lost = pairs.map((pair, i) => ({ pair, i })).filter(({ pair, i }) => pair.same && !dropped.has(`${i}a`) && !dropped.has(`${i}b`))
  t.ok(lost.length / pairs.filter(({ same }) => same).length <= 0.05, `${lost.length} pairs with both rows left`)
  const questions = new Set(rows.filter(({ id }) => !dropped.has(id)).map(({ prompt }) => prompt[0]!.content))
  for (const { same, how, a, b } of pairs) if (!same && how === 'turned around') t.ok(questions.has(a[0]) && questions.has(b[0]), a[0])
})

t.test('a correction is kept rather than a preference, that rather than a thumb, and the newest of one kind', async t => {
  const rows = [
    row(question, answer, { id: 'thumb', kind: 'verdict', good: true, at: 9 }),
    row(question, answer, { id: 'old', at: 1 }),
    row(question, answer, { id: 'new', at: 2 }),
    row(question, answer, { id: 'preference', kind: 'preference', rejected: 'Ask someone.', at: 9 })
  ]
  t.strictSame([...drops(duplicates(), rows).keys()].sort(), ['old', 'thumb'], 'the preference says more: what was worse')
  const better = row(question, answer, { id: 'both', rejected: 'Ask someone!', at: 0 })
  t.strictSame([...drops(duplicates(), [...rows, better]).keys()].sort(), ['new', 'old', 'preference', 'thumb'])
})

t.test('praise and blame, other answers to one question, and the same words in another talk are no duplicates', async t => {
  const talk = (before: string): object => ({ prompt: [{ role: 'user', content: before }, { role: 'assistant', content: 'Yes.' }, { role: 'user', content: question }] })
  t.equal(drops(duplicates(), [
    row(question, answer, { kind: 'verdict', good: true, id: 'praise' }),
    row(question, answer, { kind: 'verdict', good: false, id: 'blame' }),
    row(question, 'Ask your administrator.', { kind: 'verdict', good: false }),
    row(question, 'Press Forgot password on the first page.', { kind: 'verdict', good: true }),
    row(question, answer, { ...talk('Is this about the website of the bank with the green logo?'), id: 'bank' }),
    row(question, answer, { ...talk('I use the desktop program on a computer of the library.'), id: 'library' })
  ]).size, 0)
  t.equal(drops(duplicates(), [row(question, answer, talk('Is this about the bank, the one with the green logo and many branches?')), row(question, answer, talk('is this about the bank, the one with a green logo and many branches'))]).size, 1)
  t.equal(drops(duplicates(), [row('?', '👍', { id: 'up' }), row('?', '👎', { id: 'down' })]).size, 0)
})

t.test('a call of a tool with other arguments is another answer', async t => {
  const calling = (city: string): object => ({ answer: { content: '', calls: [{ id: 'c', name: 'weather', arguments: `{"city": "${city}"}` }] }, id: city })
  t.equal(drops(duplicates(), [row('And there?', '', calling('Oslo')), row('And there?', '', calling('Rome'))]).size, 0)
})

t.test('which rows stay does not hang on their order, and one of each kind of saying it stays', async t => {
  const text = fc.array(fc.constantFrom('reset', 'password', 'the', 'not', 'invoice', '7', 'account', 'accounts', 'please'), { maxLength: 6 }).map(words => words.join(' '))
  const made = fc.uniqueArray(fc.tuple(text, text, fc.nat(3)).map(([q, a, at]) => row(q, a, { at })), { selector: ({ id }) => id, maxLength: 12 })
  fc.assert(fc.property(made, rows => {
    const dropped = drops(duplicates(), rows)
    t.strictSame([...drops(duplicates(), rows.toReversed()).keys()].sort(), [...dropped.keys()].sort())
    const left = rows.filter(({ id }) => !dropped.has(id))
    t.ok(left.length > 0 || rows.length === 0)
    t.equal(drops(duplicates(), left).size, 0, 'a second pass finds nothing')
  }), { numRuns: 100 })
})

t.test('any text is read in a time that grows with its length', async t => {
  const hostile = ['a'.repeat(1e6), '1,'.repeat(5e5), '> '.repeat(5e5), 'word '.repeat(2e5), '\ud800'.repeat(1e6), 'n\'t'.repeat(3e5), '```'.repeat(3e5), '漢'.repeat(5e5), Array.from({ length: 1e5 }, (_, i) => `w${i}`).join(' '), '']
  const before = performance.now()
  const rows = hostile.flatMap((text, i) => [row(text, text, { id: `${i}a` }), row(`${text} `, text, { id: `${i}b` })])
  t.equal(drops(duplicates(), rows).size, hostile.length)
  t.comment(`${Math.round(performance.now() - before)} ms for ${rows.length} rows of 1 MB`)
})

t.test('a long text is found again after small edits and told from another of the same length', async t => {
  const words = (seed: number): string[] => Array.from({ length: 3000 }, (_, i) => `word${(i * 7919 + seed * 104729) % 5003}x`.replace(/\d/g, digit => 'abcdefghij'[Number(digit)]!))
  const long = words(1)
  const edited = long.map((word, i) => i % 200 === 7 ? 'another' : word).join(' ')
  t.equal(drops(duplicates(), [row('Go on', long.join(' '), { id: 'a' }), row('Go on', edited, { id: 'b' })]).size, 1)
  t.equal(drops(duplicates(), [row('Go on', long.join(' '), { id: 'a' }), row('Go on', words(2).join(' '), { id: 'b' })]).size, 0)
})
