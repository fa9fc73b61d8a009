import fc from 'fast-check'
import t from 'tap'
import { personalIn } from '../../../src/datasets/curation/personal/find.ts'
import { redaction } from '../../../src/datasets/curation/redaction.ts'
import type { Row } from '../../../src/datasets/row.ts'
import { draw } from '../../privacy/planted.ts'
import { ordinaryTexts, personalTexts } from './personal.ts'
import { row } from './rows.ts'

const key = Buffer.alloc(32, 'k')
/** Of a name every word counts but titles, particles and initials. */
const noName = /^(?:mr|mrs|ms|dr|prof|sir|herr|frau|doktor|sra|monsieur|von|van|der|de|and|consulting|.)$/i

function redacted (each: Row, filter = redaction(key)): Row {
  const judgement = filter.judge(each)
  if (!('keep' in judgement)) throw new Error('redaction drops nothing')
  return judgement.keep
}

function answerOf (text: string): string { return redacted(row('?', text)).answer.content }

t.test('personal data in people\'s sentences are found to the last word, and ordinary text stays as it is', async t => {
  const least = { tune: { names: 0.95, other: 0.98, wrong: 0.01 }, report: { names: 0.75, other: 0.9, wrong: 0.1 } }
  for (const part of ['tune', 'report'] as const) {
    const counts: Record<string, { all: number, found: number }> = {}
    for (const { text, spans } of personalTexts().filter(labelled => labelled.part === part)) {
      const [found] = personalIn([text])
      for (const { kind, from, to } of spans) {
        const count = counts[kind] ??= { all: 0, found: 0 }
        const words = [...text.slice(from, to).matchAll(/[\p{L}\p{N}]+/gu)].filter(([word]) => kind !== 'name' || !noName.test(word))
        count.all++
        if (words.every(({ index, 0: word }) => found!.some(place => place.from <= from + index && from + index + word.length <= place.to))) count.found++
      }
    }
    const ordinary = ordinaryTexts(part)
    const wrong = ordinary.filter(text => answerOf(text) !== text)
    t.comment(JSON.stringify({ part, ...counts, ordinary: ordinary.length, wrong }))
    const { name, ...others } = counts
    const share = (of: { all: number, found: number }[]): number => of.reduce((sum, { found }) => sum + found, 0) / of.reduce((sum, { all }) => sum + all, 0)
    t.ok(share([name!]) >= least[part].names)
    t.ok(share(Object.values(others)) >= least[part].other)
    t.ok(wrong.length / ordinary.length <= least[part].wrong)
  }
})

t.test('the same person has the same pseudonym on both sides, in all their rows, in mail addresses too, and another one with somebody else', async t => {
  const filter = redaction(key)
  const first = redacted(row('Hi, my name is Anna Kowalska.', 'Hello Anna, we wrote to anna.kowalska@poczta-wro.pl.', { group: 'a' }), filter)
  const [, given, family] = /my name is (\S+) (\S+)\./.exec(first.prompt[0]!.content)!
  t.match(first.answer.content, `Hello ${given}, we wrote to ${given!.toLowerCase()}.${family!.toLowerCase()}`)
  t.notMatch(JSON.stringify(first), /anna|kowalska|poczta/i)
  t.match(redacted(row('Is Anna Kowalska there?', 'Yes, she is.', { group: 'a' }), filter).prompt[0]!.content, `Is ${given} ${family} there?`)
  t.notMatch(redacted(row('Is Anna Kowalska there?', 'Yes, she is.', { group: 'b' }), filter).prompt[0]!.content, given!)
  t.notMatch(redacted(row('Is Anna Kowalska there?', 'Yes.', { group: 'a' }), redaction(Buffer.alloc(32, 'x'))).prompt[0]!.content, given!, 'another key, other pseudonyms')
  t.equal(answerOf('Call +48 601 234 567.').slice(5), answerOf('Call 601 234 567.').slice(5), 'a number is one with its country code or without')
})

t.test('secrets give way to their kind, in every part of a row, and calls stay JSON', async t => {
  const { values: [card, token] } = draw(3).fill('{visa} {github}')
  const told = row(`Pay with ${card}`, '', {
    kind: 'demonstration',
    rejected: `The token is ${token}`,
    answer: { content: 'Done.', calls: [{ id: 'call_1', name: 'send', arguments: JSON.stringify({ to: 'olga.smirnova@yandex.ru', phone: 4915112345678, count: 3, note: 'My name is Olga Smirnova' }) }] }
  })
  const safe = redacted({ ...told, quoted: 'User: my name is Olga Smirnova' })
  t.notMatch(JSON.stringify(safe), new RegExp(`${card}|${token}|olga|smirnova|1511234`, 'i'))
  t.match(JSON.stringify(safe), /\[secret: card\].*\[secret: key\]/)
  const given = JSON.parse(safe.answer.calls![0]!.arguments) as { to: string, phone: number, count: number }
  t.match(given.to, /@example\./)
  t.equal(given.count, 3)
  t.type(given.phone, 'number')
  t.equal(safe.answer.calls![0]!.id, 'call_1')
  t.strictSame(redacted(told).tools, told.tools)
})

t.test('what is redacted stays the same when it is redacted again, and rows without personal data are not touched', async t => {
  for (const { text } of personalTexts()) {
    const once = redacted(row(text, text))
    t.strictSame(redacted(once), once, text)
  }
  const plain = row('How do I reset my password?', 'Open Settings.')
  t.strictSame(redaction(key).judge(plain), { keep: plain })
  const pieces = fc.oneof(fc.constantFrom(...personalTexts().map(({ text }) => text), ' ', '\n', ', ', ' and ', '😀', 'Mr '), fc.string({ unit: 'binary', maxLength: 6 }))
  fc.assert(fc.property(fc.array(pieces, { maxLength: 6 }), parts => {
    const text = parts.join('')
    const once = answerOf(text)
    return once.isWellFormed() === text.isWellFormed() || once.isWellFormed()
  }), { numRuns: 200 })
  // Of texts side by side, a name may be found only when another datum beside it is out of the way.
  const joined = fc.sample(fc.array(fc.constantFrom(...personalTexts().map(({ text }) => text), 'And ', '. '), { maxLength: 3 }), { numRuns: 300, seed: 1 })
  const changed = joined.filter(parts => {
    const once = answerOf(parts.join(' '))
    return answerOf(once) !== once
  })
  t.ok(changed.length <= joined.length * 0.01, `${changed.length} of ${joined.length} change once more`)
})

t.test('no made-up name is a known one', async t => {
  const names = new Set<string>()
  for (let i = 0; i < 300; i++) names.add(redacted(row('My name is Anna Kowalska', 'Yes.', { group: `g${i}` })).prompt[0]!.content.slice('My name is '.length))
  t.ok(names.size > 290, 'people differ')
  for (const name of names) for (const word of name.split(' ')) t.strictSame(personalIn([`${word} came`]), [[]], word)
})

t.test('the report counts what was found and combinations that only one person has, and holds no text', async t => {
  const filter = redaction(key)
  for (let i = 0; i < 6; i++) filter.judge(row('I am a nurse, 34 years old, from Dallas.', 'Welcome!', { group: `g${i}` }))
  filter.judge(row('I am a beekeeper, 71 years old, from Denver. Mail me: bee@hives-denver.org', 'Welcome!', { group: 'rare' }))
  filter.judge(row('I live in Denver.', 'Nice.', { group: 'one trait' }))
  const report = filter.report!() as { rows: object, exposure: object }
  t.match(report, { rows: { email: 1 }, exposure: { rows: 8, combined: 7, unique: 1, few: 0, common: 6 } })
  t.notMatch(JSON.stringify(report), /denver|beekeeper|dallas|hives/i)
})

t.test('what an operator keeps stays, but secrets never do', async t => {
  const { values: [card] } = draw(3).fill('{visa}')
  const safe = redacted(row('?', `Mail help@shop-northwind.com, card ${card}`), redaction(key, { keep: ['email'] }))
  t.equal(safe.answer.content, 'Mail help@shop-northwind.com, card [secret: card]')
})

t.test('a hostile text takes no longer than its length', async t => {
  const units = ['a', 'A', '1', ' ', '.', '@', 'a.', 'a@', 'a@a.', '1 ', '1.', '(1', '+1 ', '00 1', '0 1', 'Aa ', 'A. ', 'Mr ', 'Mr Aa ', 'van ', 'Aa van ', 'Aa-', "a'", '1 Aa ', '1 rue a ', 'Calle Aa ', 'Aastraße ', '\nAa ', 'born ', 'born 1', 'passport ', 'passport A1', 'https://a/', 'https://github.com/', '@a', 'a:', '1:', 'Balagost ', 'Balagost@', '\uD83D']
  for (const unit of units) {
    const text = unit.repeat(Math.ceil(200_000 / unit.length))
    const started = performance.now()
    answerOf(text)
    // The slowest takes a second; what grows with the square takes minutes.
    t.ok(performance.now() - started < 20_000, JSON.stringify(unit))
  }
})
