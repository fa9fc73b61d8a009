import t from 'tap'
import { facts } from '../../bench/learning/facts.ts'
import { known, unknown } from '../../bench/learning/kinds.ts'
import { style } from '../../bench/learning/style.ts'
import type { Task } from '../../bench/learning/task.ts'
import { thumbs } from '../../bench/learning/thumbs.ts'
import { compile } from '../../src/training/evaluation/checks.ts'

const sets = facts(7, { trained: 72, wordings: 20, kinds: 14 })
const questionsOf = ({ people }: Task) => people.flatMap(({ questions }) => questions)

t.test('the same seed makes the same people, and another one others', async t => {
  t.same(facts(7, { trained: 72, wordings: 20, kinds: 14 }).trained.people, sets.trained.people)
  t.notSame(facts(8, { trained: 72, wordings: 20, kinds: 14 }).trained.people, sets.trained.people)
  t.notSame(style(1, 5).people, style(2, 5).people)
})

t.test('what people would have liked keeps to every rule that answers are judged by', async t => {
  for (const task of [style(3, 50), ...Object.values(sets)]) {
    const checks = compile(task.checks)
    for (const { right } of questionsOf(task)) t.equal(checks.find(({ judge }) => judge(right!, right) !== 'kept')?.name, undefined, right!)
  }
})

t.test('another fact of the same kind does not pass for the right one', async t => {
  const [check] = compile(sets.trained.checks)
  t.equal(check!.judge('You have a van, a shiny van.', 'You drive a rusty van.'), 'broken')
  t.equal(check!.judge('A rusty van is what you drive.', 'You drive a rusty van.'), 'kept')
})

t.test('no two people share a fact, and no held-out wording or kind is trained on', async t => {
  const rights = Object.values(sets).flatMap(questionsOf).map(({ right }) => right!)
  t.equal(new Set(rights).size, rights.length)
  const trained = new Set(questionsOf(sets.trained).map(({ text }) => text))
  for (const { text } of [...questionsOf(sets.wordings), ...questionsOf(sets.kinds)]) t.notOk(trained.has(text), text)
  const names = new Set(known.map(({ name }) => name))
  t.notOk(unknown.some(({ name }) => names.has(name)))
})

t.test('what is asked about was told before, beside other things', async t => {
  for (const { told, questions } of sets.kinds.people) {
    const said = told!.filter(({ role }) => role === 'user').map(({ content }) => content.toLowerCase()).join('\n')
    const values = unknown.flatMap(kind => kind.values).filter(value => said.includes(value))
    t.equal(values.length, 5)
    for (const { right } of questions) t.ok(values.some(value => right!.includes(value)), right!)
  }
})

t.test('a thumb goes down for lists, headings, tables and bold type, and up for prose', async t => {
  const { feedback } = thumbs(1, 1)
  const vote = (answer: string) => feedback({ text: '', right: null }, answer).value
  for (const answer of ['So:\n- one\n- two', '1. Boil it.', 'This is **bold**.', '# Title', '| a | b |']) t.equal(vote(answer), false, answer)
  for (const answer of ['Boil it for 10 minutes - not more. Then wait.', 'It costs 3.50 euros.']) t.equal(vote(answer), true, answer)
})
