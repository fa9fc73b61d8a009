import assert from 'node:assert/strict'
import { type Kind, known, unknown } from './kinds.ts'
import { drawsOf, type Draws, type Message, type Person, type Task } from './task.ts'

/** Facts that a person tells, and of these the ones that they ask about later; what they do not ask about stands beside it in memory. */
const factsEach = 5
const questionsEach = 4
/** Of each kind's values the last ones, which nobody who is trained on has. */
const keptBack = 6

const openings = ['Hello, I would like to tell you something about me:', 'Good morning!', 'Hi there.', 'Some words about myself first.', 'I am new here.', 'Nice to meet you.']
const joints = [', and', '. Besides,', '. By the way,', ', and what is more,', '. Oh, and', '. You may also want to know that']
const replies = ['Thank you for telling me.', 'Good to know.', 'That sounds nice.', 'I see.', 'How interesting.']

interface Fact {
  readonly kind: Kind
  readonly value: string
  /** Which of the kind's ways to tell it. */
  readonly way: number
}

/**
 * Three sets of people who tell facts about themselves and ask about them in
 * another conversation. `trained` learns, with one in five people held out;
 * `wordings` asks about the same kinds of facts in wordings that nobody trained
 * on, `kinds` about kinds that nobody trained on. No two people of all sets
 * share a fact.
 */
export function facts (seed: number, people: { readonly trained: number, readonly wordings: number, readonly kinds: number }): { readonly trained: Task, readonly wordings: Task, readonly kinds: Task } {
  assertApart()
  const draws = drawsOf(seed)
  const pools = known.map(kind => ({ kind, values: draws.shuffled(kind.values) }))
  const learnt = pools.map(({ kind, values }) => ({ kind, values: values.slice(0, -keptBack) }))
  const held = pools.map(({ kind, values }) => ({ kind, values: values.slice(-keptBack) }))
  const fresh = unknown.map(kind => ({ kind, values: draws.shuffled(kind.values) }))
  return {
    trained: task(known, peopleOf('facts', people.trained, learnt, draws, ({ kind, way }) => kind.asks[way]!)),
    wordings: task(known, peopleOf('wordings', people.wordings, held, draws, ({ kind }) => draws.pick(kind.otherAsks))),
    kinds: task(unknown, peopleOf('kinds', people.kinds, fresh, draws, ({ kind, way }) => kind.asks[way]!))
  }
}

/** Everybody has facts of different kinds, from those that most values are left of. */
function peopleOf (name: string, count: number, pools: readonly { readonly kind: Kind, readonly values: readonly string[] }[], draws: Draws, ask: (fact: Fact) => string): Person[] {
  const left = pools.map(({ kind, values }) => ({ kind, values: [...values] }))
  return Array.from({ length: count }, (_, i) => {
    const mine = draws.shuffled(left).sort((a, b) => b.values.length - a.values.length).slice(0, factsEach).map(({ kind, values }): Fact => {
      const value = values.pop()
      assert(value !== undefined, 'there are fewer values than facts')
      return { kind, value, way: draws.pick([...kind.tells.keys()]) }
    })
    return {
      user: `${name}-${i}`,
      told: conversation(draws.shuffled(mine), draws),
      questions: draws.shuffled(mine).slice(0, questionsEach).map(fact => ({ text: ask(fact), right: fact.kind.answer.replace('{}', fact.value), needs: fact.value }))
    }
  })
}

/** Two facts, two facts and one, each time with an answer after it but for the last. */
function conversation (facts: readonly Fact[], { pick }: Draws): Message[] {
  const told = facts.map(({ kind, value, way }) => kind.tells[way]!.replace('{}', value))
  const turns = Array.from({ length: Math.ceil(told.length / 2) }, (_, i) => told.slice(2 * i, 2 * i + 2))
  return turns.flatMap((two, i): Message[] => {
    const [first, second] = two as [string, string?]
    const joint = pick(joints)
    const opening = i === 0 ? `${pick(openings)} ` : ''
    const text = `${opening}${capital(first)}${second === undefined ? '' : `${joint} ${second}`}.`
    return [{ role: 'user', content: text }, ...i === turns.length - 1 ? [] : [{ role: 'assistant' as const, content: pick(replies) }]]
  })
}

function capital (text: string): string { return text[0]!.toUpperCase() + text.slice(1) }

/** Words before a thing that say nothing of it. */
const small = '[Aa]n?|[Tt]he|[Mm]y|[Yy]our|of|is|are|in|and|or|some|any|this|that'

/** An answer is right where the first thing of anybody's that it names, with the word before it, is the person's own. */
function task (kinds: readonly Kind[], people: readonly Person[]): Task {
  const things = [...new Set(kinds.flatMap(({ values }) => values.map(value => value.split(' ')[1]!)))].join('|')
  return {
    people,
    system: null,
    request: { max_tokens: 24, temperature: 0 },
    checks: [{ name: 'fact', type: 'pattern', pattern: `\\b((?!(?:${small})\\b)[A-Za-z-]+ (?:${things}))\\b` }],
    feedback: ({ right }) => ({ kind: 'correction', value: right! }),
    training: { method: 'sft', examples: 0 }
  }
}

/** What makes the held-out sets held out: neither values, nor wordings, nor kinds of theirs are among the trained ones. */
function assertApart (): void {
  const asked = new Set(known.flatMap(({ asks }) => asks))
  for (const { name, tells, asks, otherAsks } of [...known, ...unknown]) {
    assert.equal(asks.length, tells.length, `${name}: a way to tell it has no question`)
    for (const other of otherAsks) assert(!asked.has(other), `${name}: '${other}' is trained on`)
    if (unknown.some(kind => kind.name === name)) for (const ask of asks) assert(!asked.has(ask), `${name}: '${ask}' is trained on`)
  }
  const nouns = (kinds: readonly Kind[]): Set<string> => new Set(kinds.flatMap(({ values }) => values.map(value => value.split(' ')[1]!)))
  const values = [...known, ...unknown].flatMap(kind => kind.values)
  assert.equal(new Set(values).size, values.length, 'two kinds share a value')
  for (const noun of nouns(unknown)) assert(!nouns(known).has(noun), `'${noun}' is trained on`)
}
