import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { masked } from '../../src/privacy/secrets/masked.ts'
import { draw } from './planted.ts'

const lines = <Line>(name: string): Line[] => readFileSync(new URL(`../fixtures/${name}.jsonl`, import.meta.url), 'utf8').trim().split('\n').map(line => JSON.parse(line) as Line)
/** Each sentence of the set is filled in this often. */
const draws = 3
/** Secrets that stand in the set word for word. */
const literal = ['sunshine', 'bumblebee', 'letmein', 'Tr0ub4dor&3']
/** Of a long secret no piece of this length may be left. */
const piece = 12

t.test('secrets in people\'s sentences are masked to the last piece, and named by their kind', async t => {
  const { fill } = draw(7)
  const counts = { planted: 0, caught: 0, named: 0 }
  for (const { text: sentence, kind } of lines<{ text: string, kind: 'key' }>('secrets')) {
    for (let i = 0; i < draws; i++) {
      const { text, values } = fill(sentence)
      const secrets = [...values.filter(value => /\d/.test(value) || value.includes(' ') || value.length > 20), ...literal.filter(word => text.includes(word))]
      t.ok(secrets.length > 0, sentence)
      const { text: safe, found } = masked(text)
      const left = secrets.some(secret => [0, Math.max(0, secret.length - piece)].some(at => safe.includes(secret.slice(at, at + piece))))
      counts.planted++
      if (!left) counts.caught++
      if (found[kind] !== undefined) counts.named++
    }
  }
  t.comment(JSON.stringify(counts))
  t.ok(counts.planted >= 200)
  t.ok(counts.caught / counts.planted >= 0.95)
  t.ok(counts.named / counts.planted >= 0.95)
})

t.test('ordinary text stays as it is: numbers, hashes, telephones and talk of passwords', async t => {
  const { fill } = draw(8)
  const ordinary = [
    ...lines<{ text: string }>('secrets-none').flatMap(({ text }) => Array.from({ length: text.includes('{') ? draws : 1 }, () => fill(text).text)),
    ...lines<{ text: string }>('profile-turns').map(({ text }) => text)
  ]
  const wrong = ordinary.filter(text => masked(text).text !== text)
  t.comment(JSON.stringify({ ordinary: ordinary.length, wrong }))
  t.ok(ordinary.length >= 500)
  t.ok(wrong.length / ordinary.length <= 0.01)
})

t.test('a secret gives way to its kind, the text around it stays, and what was masked is counted', async t => {
  const { values: [card] } = draw(1).fill('{visa}')
  t.strictSame(masked(`Pay with ${card}, my password is Hunter22!`), { text: 'Pay with [secret: card], my password is [secret: password]!', found: { card: 1, password: 1 } })
  const wrong = card!.slice(0, -1) + (Number(card!.at(-1)) + 1) % 10
  t.strictSame(masked(`Order ${wrong}`), { text: `Order ${wrong}`, found: {} }, 'a number whose check digit is wrong is no card')
  t.strictSame(masked(`secretlint-disable\n${draw(2).fill('{github}').text}`).found, { key: 1 }, 'nothing in a text switches a rule off')
})

t.test('masking what is masked changes nothing, and any text is read', async t => {
  const { fill } = draw(9)
  for (const { text } of lines<{ text: string }>('secrets')) {
    const safe = masked(fill(text).text).text
    t.equal(masked(safe).text, safe)
  }
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 400 }), text => { masked(text) }))
})

t.test('a megabyte of hostile text takes no longer than its length', async t => {
  const units = ['a', '1', ' ', '-', 'A', '\n', '1 ', '4111 ', 'password ', 'password is ', 'password for a ', '"password": "', 'key ', 'token: a1', 'secret_', '-----BEGIN PRIVATE KEY-----', 'a:a@', 'postgres://a:', 'eyJ', 'eyJa.', 'sk-', `SG.${'a'.repeat(128)}.`, 'https://a:b', 'xoxb-1', 'seed phrase ', 'abandon ', 'DE89 ', 'AB12', 'pin ', '://a', 'Bearer ', `secret ${'a'.repeat(500)} `]
  for (const unit of units) {
    const started = performance.now()
    masked(unit.repeat(Math.ceil(1_000_000 / unit.length)))
    // The slowest takes a third of a second; what grows with the square takes minutes.
    t.ok(performance.now() - started < 10_000, JSON.stringify(unit.slice(0, 40)))
  }
})
