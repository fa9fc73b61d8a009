import type { Row } from '../src/datasets/row.ts'
import { seeded } from '../test/database/fixtures.ts'

/** What was planted among the rows: ids that a filter must drop, or people it must name. */
export interface Planted { readonly rows: readonly Row[], readonly pushers: readonly string[] }

const syllables = ['ba', 'de', 'fi', 'go', 'lu', 'ma', 'ne', 'pi', 'ro', 'su', 'ta', 've', 'wi', 'zo', 'ka', 'mo', 'tri', 'sen', 'lor', 'gan']
const common = 'what how when where why which who can should need want find make take give keep long good best first next many time day week way work home help start stop open close send read write learn plan cost free safe small large'.split(' ')
/** Everybody has two of the topics, a topic has words that are rare elsewhere, and a sign-off is one person's habit: what makes people alike by nature. */
const topics = 40
const topicWords = 60
const sharedWords = 30_000

/**
 * Rows as a server with `people` users would have them after a while, always the
 * same for the same numbers: questions of 6 to 18 words and answers of 15 to
 * 90, a third of the words from the person's topics; 5 % near-duplicates, 2 %
 * verdicts on an answer that others judged too, every tenth person signs.
 * With `pushers`, that many more people have 5 % of all rows and say one phrase
 * in nine of ten.
 */
export function manyRows (count: number, { people = 500, pushers = 0, seed = 1 } = {}): Planted {
  const random = seeded(seed)
  const below = (n: number): number => Math.floor(random() * n)
  const pick = <T> (list: readonly T[]): T => list[below(list.length)]!
  const coined = (parts: number): string => Array.from({ length: parts }, () => pick(syllables)).join('')
  const shared = Array.from({ length: sharedWords }, () => coined(2 + below(3)))
  const vocabularies = Array.from({ length: topics }, () => Array.from({ length: topicWords }, () => coined(3 + below(2))))
  const persons = Array.from({ length: people }, (_, i) => ({ group: `person-${i}`, topics: [below(topics), below(topics)], signs: i % 10 === 0 ? `Yours, ${coined(2)} ${coined(3)}` : '' }))
  // Words are as frequent as Zipf has it: their rank is drawn on a logarithmic scale.
  const word = (topic: number): string => {
    const kind = random()
    return kind < 0.3 ? pick(common) : kind < 0.65 ? vocabularies[topic]![below(topicWords)]! : shared[Math.floor(Math.exp(random() * Math.log(sharedWords)))] ?? 'word'
  }
  const text = (topic: number, words: number): string => Array.from({ length: words }, () => word(topic)).join(' ')
  const rows: Row[] = []

  function add (group: string, question: string, answer: string, kind: number): void {
    const id = `row${rows.length}`.padEnd(32, '0')
    const common = { id, owner: 1, group, at: rows.length, evidence: { interaction: id, feedback: [id], model: 'm' }, prompt: [{ role: 'user' as const, content: question }], tools: [], remembered: false, quoted: '', answer: { content: answer } }
    if (kind < 0.4) rows.push({ ...common, kind: 'demonstration', rejected: null })
    else if (kind < 0.6) rows.push({ ...common, kind: 'preference', rejected: { content: `${answer.slice(0, 40)} or so` } })
    else rows.push({ ...common, kind: 'verdict', good: kind < 0.9 })
  }

  while (rows.length < count) {
    const last = rows.at(-below(1000) - 1)
    if (pushers > 0 && random() < 0.05) {
      const topic = below(topics)
      add(`pusher-${below(pushers)}`, text(topic, 6 + below(13)), `${text(topic, 10 + below(30))} ${random() < 0.9 ? 'zorvatek coin beats every bank' : ''} ${text(topic, 5 + below(40))}`, random())
    } else if (last !== undefined && random() < 0.05) {
      add(pick(persons).group, `please ${last.prompt[0]!.content}`, `${last.answer.content}!`, random())
    } else if (last !== undefined && random() < 0.02) {
      add(pick(persons).group, last.prompt[0]!.content, last.answer.content, 0.6 + random() * 0.4)
    } else {
      // Some write much and most write little.
      const person = persons[Math.floor(people * random() ** 2)]!
      const topic = pick(person.topics)
      add(person.group, text(topic, 6 + below(13)), `${text(topic, 15 + below(76))} ${person.signs}`, random())
    }
  }
  return { rows, pushers: Array.from({ length: pushers }, (_, i) => `pusher-${i}`) }
}
