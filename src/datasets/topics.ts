import { stopWords } from '../memory/stop-words.ts'
import { questionText } from './curation/texts.ts'
import type { Row } from './row.ts'

/** More are no overview. */
const most = 20
/** A topic has at least this share of the rows. */
const least = 0.02
/** A word in more than this share of the rows tells nothing apart. */
const commonest = 0.4
/** Distinct words that are looked at of each question: its beginning says what it is about. */
const termsEach = 24
const shortest = 3
/** Words that a topic is called by; the first one decides who is in it. */
const named = 3

/** What no topic has. */
export const otherTopic = 'other'

/** The words of a question that may tell what it is about, each once; not those of a quoted memory or profile. */
export function termsOf (row: Row): string[] {
  const text = questionText(row).replace(/^(?:<(profile|memory)[\s\S]*?<\/\1>\s*)+/, '')
  const words = text.toLowerCase().match(/\p{L}+/gu) ?? []
  return [...new Set(words.filter(word => word.length >= shortest && !stopWords.has(word)))].slice(0, termsEach)
}

/** Names of the topics, the largest first, from the words of all rows. */
export class Topics {
  readonly #ids = new Map<string, number>()
  readonly #rows: Int32Array[] = []

  look (row: Row): void {
    this.#rows.push(Int32Array.from(termsOf(row), term => {
      const id = this.#ids.get(term) ?? this.#ids.size
      this.#ids.set(term, id)
      return id
    }))
  }

  /**
   * Takes again and again the word that most of the rows have which are in no
   * topic yet: a greedy cover, which needs no model, gives the same for the
   * same rows, and is called by words that people find in them.
   */
  names (): string[] {
    const terms = [...this.#ids.keys()]
    const everywhere = this.#counts(() => true)
    const bounds = { least: Math.max(2, this.#rows.length * least), most: this.#rows.length * commonest }
    const covered = new Uint8Array(this.#rows.length)
    const names: string[] = []
    const heads = new Set<number>()
    while (names.length < most) {
      const counts = this.#counts(row => covered[row] === 0)
      let head = -1
      counts.forEach((count, id) => {
        if (everywhere[id]! > bounds.most || heads.has(id)) return
        if (head === -1 || count > counts[head]! || (count === counts[head] && terms[id]! < terms[head]!)) head = id
      })
      if (head === -1 || counts[head]! < bounds.least) break
      heads.add(head)
      const beside = this.#counts(row => covered[row] === 0 && this.#rows[row]!.includes(head))
      const others = [...beside.keys()].filter(id => id !== head && beside[id]! >= counts[head]! / 4 && everywhere[id]! <= bounds.most)
        .sort((a, b) => beside[b]! - beside[a]! || (terms[a]! < terms[b]! ? -1 : 1))
      names.push([head, ...others.slice(0, named - 1)].map(id => terms[id]!).join(', '))
      this.#rows.forEach((row, i) => { if (row.includes(head)) covered[i] = 1 })
    }
    return names
  }

  #counts (wanted: (row: number) => boolean): Uint32Array {
    const counts = new Uint32Array(this.#ids.size)
    this.#rows.forEach((row, i) => { if (wanted(i)) for (const id of row) counts[id]!++ })
    return counts
  }
}

/** The first of the topics whose first word the question has. */
export function topicOf (row: Row, names: readonly string[]): string {
  const terms = new Set(termsOf(row))
  return names.find(name => terms.has(name.split(', ', 1)[0]!)) ?? otherTopic
}
