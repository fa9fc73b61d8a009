import t from 'tap'
import { language, languageOf } from '../../../src/datasets/curation/language.ts'
import { length } from '../../../src/datasets/curation/length.ts'
import { lines } from './personal.ts'
import { drops, row } from './rows.ts'

t.test('the languages of short turns are told apart', async t => {
  const turns = lines<{ language: string, text: string }>('languages')
  const wrong = turns.filter(({ language, text }) => languageOf(text) !== language)
  t.comment(JSON.stringify({ turns: turns.length, wrong }))
  t.ok(wrong.length / turns.length <= 0.05)
  for (const text of ['', 'OK', '42', '```\nconst x = await fetchAll()\n```', 'https://docs.example.com/de/einrichtung']) t.equal(languageOf(text), 'unknown', text)
  t.equal(languageOf('```python\nfor name in names: print(name)\n```\nDas Programm gibt alle Namen aus.'), 'de')
})

t.test('answers in other languages go only where some are wanted, and what does not show stays', async t => {
  const rows = [row('?', 'The parcel arrives on Monday.', { id: 'en' }), row('?', 'Das Paket kommt am Montag an.', { id: 'de' }), row('?', 'OK', { id: 'short' })]
  t.equal(drops(language(), rows).size, 0)
  const filter = language({ languages: ['en'] })
  t.strictSame([...drops(filter, rows)], [['de', 'another language']])
  t.strictSame(filter.report!(), { answers: { de: 1, en: 1, unknown: 1 } })
})

t.test('answers that say nothing and rows that fit no context go', async t => {
  const filter = length({ mostTokens: 1000 })
  const rows = [
    row('Is it open?', ' …!', { id: 'nothing' }),
    row('Is it open?', 'Y', { id: 'letter' }),
    row('Is it open?', '', { id: 'call', answer: { content: '', calls: [{ id: 'call_1', name: 'hours', arguments: '{}' }] } }),
    row('word '.repeat(900), 'Yes.', { id: 'long prompt' }),
    row('word '.repeat(400), 'yes '.repeat(600), { id: 'long together' }),
    row('word '.repeat(400), 'Yes.', { id: 'long rejected', kind: 'preference', rejected: 'no '.repeat(900) }),
    row('word '.repeat(700), 'Yes.', { id: 'fits' })
  ]
  t.strictSame([...drops(filter, rows)], [
    ['nothing', 'the answer is too short'],
    ['long prompt', 'the prompt is longer than the context'],
    ['long together', 'prompt and answer are longer than the context'],
    ['long rejected', 'prompt and answer are longer than the context']
  ])
  t.strictSame(filter.report!(), { tokens: { 'up to 16': 2, 'up to 1024': 1 } })
})
