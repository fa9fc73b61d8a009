import fc from 'fast-check'
import t from 'tap'
import { isRude } from '../../../src/datasets/curation/rude.ts'
import { refuses, tone } from '../../../src/datasets/curation/tone.ts'
import { lines, ordinaryTexts } from './personal.ts'
import { drops, row } from './rows.ts'

interface Said { readonly label: 'rude' | 'ordinary' | 'refusal' | 'answer', readonly text: string, readonly part: 'tune' | 'report' }

const said = lines<Said>('tone')
const decline = "I'm sorry, but I can't help with that."

t.test('rude answers are told from ordinary support talk, and refusals from answers', async t => {
  for (const part of ['tune', 'report'] as const) {
    const right = (label: Said['label'], verdict: (text: string) => boolean): { of: number, right: number, wrong: string[] } => {
      const texts = said.filter(each => each.label === label && each.part === part).map(({ text }) => text)
      const wrong = texts.filter(text => verdict(text) !== (label === 'rude' || label === 'refusal'))
      return { of: texts.length, right: texts.length - wrong.length, wrong }
    }
    const counts = { rude: right('rude', isRude), ordinary: right('ordinary', isRude), refusal: right('refusal', refuses), answer: right('answer', refuses) }
    t.comment(JSON.stringify({ part, ...counts }))
    t.ok(counts.rude.right / counts.rude.of >= (part === 'tune' ? 0.93 : 0.3), 'rude')
    t.ok(counts.ordinary.right / counts.ordinary.of >= (part === 'tune' ? 0.97 : 0.9), 'ordinary')
    if (part === 'report') continue
    t.ok(counts.refusal.right / counts.refusal.of >= 0.95)
    t.ok(counts.answer.right / counts.answer.of >= 0.95)
  }
  const talk = [...ordinaryTexts(), ...lines<{ text: string }>('../profile-turns').map(({ text }) => text)]
  t.strictSame(talk.filter(text => isRude(text)), [], `${talk.length} turns of everyday talk`)
  t.strictSame(talk.filter(text => refuses(text)), [])
})

t.test('a rude answer is not taught, but may be warned of', async t => {
  const rows = [
    row('Where is my parcel?', 'Shut up and wait, you idiot.', { id: 'taught' }),
    row('Where is my parcel?', 'Shut up and wait, you idiot.', { id: 'blamed', kind: 'verdict', good: false }),
    row('Where is my parcel?', 'Shut up and wait, you idiot.', { id: 'praised', kind: 'verdict', good: true }),
    row('Where is my parcel?', 'It arrives today.', { id: 'preferred', kind: 'preference', rejected: 'Get lost.' }),
    row('You idiots lost my parcel!', 'I am sorry. It arrives today.', { id: 'answered kindly' })
  ]
  t.strictSame([...drops(tone(), rows)], [['taught', 'a rude answer'], ['praised', 'a rude answer']])
  t.equal(drops(tone({ rude: false }), rows).size, 0)
})

t.test('too many refusals and rude prompts are found, and what is below the threshold is not', async t => {
  const rows = (declined: number, cursed: number) => Array.from({ length: 100 }, (_, i) =>
    row(i < cursed ? 'Where is it, you idiots?' : 'Where is it?', i < declined ? decline : 'It arrives today.', { id: String(i), group: String(i) }))
  const findings = (declined: number, cursed: number): unknown => {
    const filter = tone()
    t.equal(drops(filter, rows(declined, cursed)).size, 0)
    return filter.report!().findings
  }
  t.strictSame(findings(10, 10), [])
  t.strictSame(findings(11, 12), [{ measure: 'refusals', value: 0.11, threshold: 0.1 }, { measure: 'rude prompts', value: 0.12, threshold: 0.1 }])
})

t.test('a group that is declined far more often than others is found, a small or an average one is not', async t => {
  const filter = tone({ refusals: 1 })
  const rows = Array.from({ length: 400 }, (_, i) => row('Where is it?', i % 10 === 0 ? decline : 'It arrives today.', { id: String(i), group: `g${Math.floor(i / 40)}` }))
  drops(filter, rows)
  t.strictSame(filter.report!().findings, [])
  drops(filter, Array.from({ length: 40 }, (_, i) => row('Where is it?', i < 30 ? decline : 'It arrives today.', { id: `x${i}`, group: 'declined' })))
  t.match(filter.report!(), { findings: [{ measure: 'groups with more refusals than others', value: 1 }] })
})

t.test('any text is read, a hostile one in time that grows with its length', async t => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), text => { isRude(text); refuses(text) }))
  for (const unit of ['a', 'you ', 'you are ', 'fu', 'f u ', 'i am ', 'as an ai ', 'shut ', '.', 'your code ', 'sorry i ', 'ich kann ']) {
    const started = performance.now()
    isRude(unit.repeat(Math.ceil(100_000 / unit.length)))
    t.ok(performance.now() - started < 20_000, unit)
  }
})
