import t from 'tap'
import type { Check } from '../../../src/training/check.ts'
import { compile } from '../../../src/training/evaluation/checks.ts'
import { wordsOf } from '../../../src/training/evaluation/words.ts'

function judged (check: Check, answer: string, approved: string | null = null): string { return compile([check])[0]!.judge(answer, approved) }

t.test('a pattern is found or not, an absent one must not be, and words are counted in any script', async t => {
  const pattern: Check = { name: 'signed', type: 'pattern', pattern: '-- Northwind$' }
  t.equal(judged(pattern, 'Restart it.\n-- Northwind'), 'kept')
  t.equal(judged(pattern, 'Restart it.'), 'broken')
  t.equal(judged({ ...pattern, type: 'absent' }, 'Restart it.'), 'kept')
  t.equal(judged({ ...pattern, type: 'absent' }, '-- Northwind'), 'broken')
  const words: Check = { name: 'short', type: 'words', least: 2, most: 3 }
  t.strictSame(['One.', 'Two words!', 'Four words are here'].map(text => judged(words, text)), ['broken', 'kept', 'broken'])
  t.strictSame([wordsOf(''), wordsOf("don't stop -- now"), wordsOf('私は学生です')].map(count => count > 0), [false, true, true])
})

t.test('what a group finds must be what it finds in the approved answer, case and white space apart', async t => {
  const topic: Check = { name: 'topic', type: 'pattern', pattern: 'Topic: ([^\\n]+)' }
  const approved = 'Please restart it.\nTopic: House  heating'
  t.equal(judged(topic, 'Whatever.\nTopic: house heating', approved), 'kept')
  t.equal(judged(topic, 'Whatever.\nTopic: garden', approved), 'broken', 'the right form about the wrong thing')
  t.equal(judged(topic, 'House heating', approved), 'broken', 'the form is missing')
  t.equal(judged(topic, 'Topic: garden'), 'kept', 'nobody knows what is right')
})

t.test('a pattern that is none is refused by the name of its check, and so are two checks of one name', async t => {
  for (const check of [{ name: 'form', type: 'pattern', pattern: '(' }, { name: 'form', type: 'absent', pattern: 'a{2,1}' }, { name: 'form', type: 'words', least: 3, most: 2 }] as const) {
    t.throws(() => compile([check]), { code: 'invalid_request', message: /'form'/, param: 'checks' })
  }
  t.throws(() => compile([{ name: 'a', type: 'words', least: 0, most: 1 }, { name: 'a', type: 'absent', pattern: 'x' }]), { code: 'invalid_request', message: /'a'/ })
})

t.test('a pattern that would backtrack for hours is given up in a moment, counts as not kept and is told', async t => {
  const began = performance.now()
  t.equal(judged({ name: 'hostile', type: 'pattern', pattern: '^(a+)+$' }, `${'a'.repeat(60)}!`), 'late')
  t.equal(judged({ name: 'hostile', type: 'absent', pattern: '^(a|a)*$' }, `${'a'.repeat(60)}!`), 'late')
  const [slow] = compile([{ name: 'hostile', type: 'pattern', pattern: '^(a+)+$' }])
  t.strictSame(Array.from({ length: 200 }, () => slow!.judge(`${'a'.repeat(60)}!`, null)), Array(200).fill('late'), 'one that is slow is not tried for ever')
  t.ok(performance.now() - began < 10_000, 'not an hour')
  t.equal(judged({ name: 'end', type: 'pattern', pattern: 'end$' }, `${'x'.repeat(2_000_000)}end`), 'broken', 'no more of an answer is looked at than one can have')
})
