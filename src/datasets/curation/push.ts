import type { Filter, Row } from '../row.ts'
import { answerText, questionText } from './texts.ts'
import { createWords, mix } from './words.ts'

export interface PushSettings {
  /** A phrase in so large a part of the rows can change a model. */
  readonly share: number
  /** So many people at most are a handful. */
  readonly few: number
}

/** 1 % of the rows is what attacks need at least (`cap.ts` has the sources); more than five who agree are many accounts, or a fashion. */
export const pushDefaults: PushSettings = { share: 0.01, few: 5 }
/** One person's habit, a signature say, is no push, even where another shares it: the cap holds it. */
const leastPeople = 2
/** Among fewer people a handful are a part of them, of whom many things are true by nature: a team, a language. */
const partOfPeople = 0.03
/** Who said it twice did not say it again and again. */
const leastTimes = 3
/** A phrase in fewer rows is chance. */
const leastRows = 10
/** Of the rows with the phrase so many are by the few, */
const byFew = 0.8
/** that is so many times what their part of all rows would have been, */
const lift = 4
/** and each of them says it in so many of their answers. */
const habit = 0.5
/** Phrases of up to so many words that carry meaning: a name, a short claim. A longer one has shorter ones in it. */
const longestPhrase = 3
/** More words of one answer are not looked at. */
const mostWords = 512
/** Cells of the sketch, 8 MB. A phrase is counted for itself once its cell has a tenth of the share: other phrases in the cell make that early, never late. */
const cells = 2 ** 22
const watchedFrom = 0.1
const leastWatched = 3
/** Places for speakers of one phrase; the newcomer takes the place of the one with the fewest rows (Space-Saving: Metwally et al. 2005, doi 10.1007/978-3-540-30570-5_27). */
const places = 8

interface Person { readonly group: string, rows: number }
/** How often someone said it at most, and how many of these may have been said by whose place they took. */
interface Said { times: number, readonly over: number }
interface Phrase { rows: number, readonly speakers: Map<Person, Said> }

/**
 * Drops answers with a phrase that a handful of people push: it is in at least
 * 1 % of the rows that are to be taught, though not in what was asked, nearly
 * only these people say it, and they say it in every second answer. Their
 * other answers stay; the report names them. Below 67 people nothing is
 * dropped, since two are more than 3 % of them.
 */
export function push (settings: Partial<PushSettings> = {}): Filter {
  const { share, few } = { ...pushDefaults, ...settings }
  const words = createWords()
  const sketch = new Uint16Array(cells)
  const phrases = new Map<number, Phrase>()
  const people = new Map<string, Person>()
  let rows = 0
  let pushed: Map<number, ReadonlySet<string>> | null = null
  let dropped = 0

  function decide (): Map<number, ReadonlySet<string>> {
    const found = new Map<number, ReadonlySet<string>>()
    // What was said before a phrase was watched is not in its count.
    const enough = Math.max(leastRows, share * (1 - watchedFrom) * rows)
    const most = Math.min(few, Math.floor(partOfPeople * people.size))
    for (const [phrase, { rows: said, speakers }] of phrases) {
      if (said < enough) continue
      const handful = [...speakers].map(([person, { times, over }]) => [person, times - over] as const).filter(([person, times]) => times >= Math.max(leastTimes, habit * (1 - watchedFrom) * person.rows))
        .sort(([one, times], [other, otherTimes]) => otherTimes - times || (one.group < other.group ? -1 : 1)).slice(0, most)
      if (handful.length < leastPeople || handful[0]![1] >= byFew * said) continue
      const part = handful.reduce((sum, [, times]) => sum + times, 0) / said
      const expected = handful.reduce((sum, [person]) => sum + person.rows, 0) / rows
      if (part >= byFew && part >= lift * expected) found.set(phrase, new Set(handful.map(([person]) => person.group)))
    }
    phrases.clear()
    return found
  }

  return {
    name: 'push',
    about: 'Drops answers with a phrase that is frequent only because a handful of people say it again and again.',
    settings: { version: 1, share, few },
    look (row) {
      if (!teaches(row)) return
      const person = people.get(row.group) ?? { group: row.group, rows: 0 }
      people.set(row.group, person)
      person.rows++
      rows++
      const from = Math.max(leastWatched, watchedFrom * share * rows)
      for (const phrase of phrasesOf(row)) {
        const watched = phrases.get(phrase)
        if (watched !== undefined) say(watched, person)
        else if (inSketch(sketch, phrase) >= from) phrases.set(phrase, { rows: 1, speakers: new Map([[person, { times: 1, over: 0 }]]) })
      }
    },
    judge (row) {
      pushed ??= decide()
      if (pushed.size === 0 || !teaches(row)) return { keep: row }
      for (const phrase of phrasesOf(row)) {
        if (pushed.get(phrase)?.has(row.group) !== true) continue
        dropped++
        return { drop: 'a phrase that a handful of people push' }
      }
      return { keep: row }
    },
    report: () => ({ phrases: pushed?.size ?? 0, people: [...new Set([...pushed?.values() ?? []].flatMap(groups => [...groups]))].sort(), dropped })
  }

  /** Numbers of the phrases in an answer that have a word which was not in the question, each once. */
  function phrasesOf (row: Row): Set<number> {
    const asked = new Set(words.read(questionText(row)))
    const answer = words.read(answerText(row.answer)).subarray(0, mostWords)
    const found = new Set<number>()
    for (let start = 0; start < answer.length; start++) {
      let phrase = 0
      let isNew = false
      for (let end = start; end < Math.min(answer.length, start + longestPhrase); end++) {
        phrase = mix(Math.imul(phrase, 31) + answer[end]!) | 0
        isNew ||= !asked.has(answer[end]!)
        if (isNew) found.add(phrase)
      }
    }
    return found
  }
}

function teaches (row: Row): boolean { return row.kind !== 'verdict' || row.good }

function inSketch (sketch: Uint16Array, phrase: number): number {
  const cell = mix(phrase) & cells - 1
  if (sketch[cell]! < 0xffff) sketch[cell]!++
  return sketch[cell]!
}

function say (phrase: Phrase, person: Person): void {
  phrase.rows++
  const { speakers } = phrase
  const said = speakers.get(person)
  if (said !== undefined) {
    said.times++
    return
  }
  let over = 0
  if (speakers.size === places) {
    const [rarest, { times }] = [...speakers].reduce((least, each) => each[1].times < least[1].times ? each : least)
    speakers.delete(rarest)
    over = times
  }
  speakers.set(person, { times: over + 1, over })
}
