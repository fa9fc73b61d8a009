import { test } from 'tap'
import { AnswerText, type Shown } from '../../src/inference/llama/text.ts'

/** Tokens are bytes here, so that characters really arrive in pieces. */
const detokenize = (tokens: readonly number[]): string => new TextDecoder().decode(Uint8Array.from(tokens))
const bytes = (text: string): number[] => [...new TextEncoder().encode(text)]

const textOf = (piece: Shown): string => piece.type === 'call' ? '' : piece.text

function run (text: string, stop: readonly string[] = [], thinking: boolean | null = false): { shown: Shown[], text: string, reasoning: string, stopped: boolean } {
  const answer = new AnswerText({ detokenize, marks: new Map(), stop, thinking, calls: null })
  const shown: Shown[] = []
  for (const token of bytes(text)) {
    shown.push(...answer.push(token))
    if (answer.stopped) break
  }
  if (!answer.stopped) shown.push(...answer.end())
  const of = (type: Shown['type']): string => shown.filter(piece => piece.type === type).map(textOf).join('')
  return { shown, text: of('text'), reasoning: of('reasoning'), stopped: answer.stopped }
}

test('characters of several tokens are shown whole', async t => {
  const { shown, text } = run('Zoë 日本 👩‍👩‍👧 é')
  t.equal(text, 'Zoë 日本 👩‍👩‍👧 é')
  t.notOk(shown.some(piece => textOf(piece).includes('\uFFFD')))
})

test('bytes that are no character are shown as replacement, not held for ever', async t => {
  const answer = new AnswerText({ detokenize, marks: new Map(), stop: [], thinking: false, calls: null })
  const shown = [0xff, 0xff, 0xff, 0xff, 0x41, 0x42].flatMap(token => answer.push(token)).concat(answer.end()).map(textOf).join('')
  t.match(shown, /\uFFFD.*AB$/)
})

test('a stop string ends the answer and is never shown, not even its beginning', async t => {
  t.match(run('one two three', ['two']), { text: 'one ', stopped: true })
  t.match(run('one tw', ['two']), { text: 'one tw', stopped: false }, 'what turned out not to be one is shown at the end')
  t.match(run('aabaabaac', ['aabaac']), { text: 'aab', stopped: true }, 'also one that overlaps itself')
  t.match(run('x###y', ['##', '###']), { text: 'x', stopped: true })
  for (const piece of run('one twig two', ['two']).shown) t.notMatch(textOf(piece), /two/)
})

test('a thought at the head is kept apart from the answer', async t => {
  t.match(run('<think>\nhmm</think>\n\nYes.'), { reasoning: '\nhmm', text: 'Yes.' })
  t.match(run('hmm</think>Yes.', [], true), { reasoning: 'hmm', text: 'Yes.' }, 'also when the template opened it')
  t.match(run('Use <think> tags </think>.'), { reasoning: '', text: 'Use <think> tags </think>.' }, 'later ones are text')
  t.match(run('<think>hm</think> Yes.', ['es'], null), { reasoning: '', text: '<think>hm</think> Y', stopped: true }, 'where there are none, all is text')
  t.match(run('<think>never ends'), { reasoning: 'never ends', text: '' })
  t.match(run('<thi'), { reasoning: '', text: '<thi' })
})

test('stop strings look at the answer, not at the thought', async t => {
  t.match(run('<think>a END b</think>c END d', ['END']), { reasoning: 'a END b', text: 'c ', stopped: true })
})
