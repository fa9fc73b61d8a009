import { createHash } from 'node:crypto'
import type { Filter, Row } from '../row.ts'
import { alike, kept } from './likeness.ts'
import { bandsOf, createIndex, type Index } from './minhash.ts'
import { answerText, questionText } from './texts.ts'
import { createWords, keyOf, mix, telling } from './words.ts'

/** Twelve words in the same order are hardly said twice by chance: so datatrove's decontamination has it (and 13 that of GPT-3, arXiv 2005.14165, appendix C). */
const gramWords = 12
/** Odd, so that no word is lost; and what each has become when a word leaves the run. */
const bases = [0x01000193, 0x5bd1e995] as const
const powers = bases.map(base => Array.from({ length: gramWords }).reduce<number>(power => Math.imul(power, base), 1)) as [number, number]
/** So much of a text's runs of twelve words found in a row is the text; less is a phrase, say of a template. */
const shareOfText = 0.5
/** What stands in so many texts is the benchmark's own wording, and says nothing about any of them. */
const commonRun = 10

/** What a model will be tested with. */
export interface Withheld {
  /** Whether a row is one of the test set. */
  readonly held: (row: Row) => boolean
  /** Texts of benchmarks by the benchmark's name: of each a question, or all of it. */
  readonly benchmarks?: Readonly<Record<string, readonly string[]>>
}

interface Text {
  readonly source: string
  /** Of a row; null for a text of a benchmark, of which nothing else is known. */
  readonly row: Kept | null
  /** How many runs of twelve words its question has that are its own. */
  runs: number
}
interface Kept { readonly question: Uint32Array, readonly answer: Uint32Array }

/**
 * Drops rows that a model must not learn because it will be tested with them:
 * at least half of the runs of twelve words in a text of a benchmark, or in the question of a
 * row that is held out, are in the row; or it asks just what a text of a benchmark asks; or its question and
 * answer are those of a row that is held out, after small edits. What is held out passes itself.
 */
export function decontamination ({ held, benchmarks = {} }: Withheld): Filter {
  const words = createWords()
  const texts: Text[] = []
  /** Which texts have a run of words. */
  const runs = new Map<number, number | number[]>()
  const asked = new Map<number, string>()
  let index: Index | null = null

  function withhold (source: string, question: string, row: Kept | null): void {
    const own = runsOf(words.readAll(question))
    for (const run of own) {
      const known = runs.get(run)
      // Most runs have one text, and a list for each would take ten times as much.
      if (known === undefined) runs.set(run, texts.length)
      else if (typeof known === 'number') runs.set(run, [known, texts.length])
      else known.push(texts.length)
    }
    texts.push({ source, row, runs: own.size })
  }

  for (const [name, list] of Object.entries(benchmarks)) {
    for (const text of list) {
      withhold(name, text, null)
      asked.set(keyOf(words.read(text)), name)
    }
  }

  function indexed (): Index {
    for (const [run, of] of runs) {
      if (typeof of === 'number' || of.length < commonRun) continue
      runs.delete(run)
      for (const i of of) texts[i]!.runs--
    }
    const made = createIndex(texts.length)
    for (const [i, { row }] of texts.entries()) if (row !== null) made.add(i, bandsOfBoth(row))
    return made
  }

  function keptOf (row: Row): Kept {
    return { question: kept(words.read(questionText(row))), answer: kept(words.read(answerText(row.answer))) }
  }

  function faultOf (row: Row, near: Index): string | null {
    const [question, answer] = [words.readAll(questionText(row)), words.readAll(answerText(row.answer))]
    const seen = new Map<number, number>()
    for (const run of [...runsOf(question), ...runsOf(answer)]) {
      const of = runs.get(run) ?? []
      for (const i of typeof of === 'number' ? [of] : of) {
        const times = (seen.get(i) ?? 0) + 1
        if (times >= shareOfText * texts[i]!.runs) return `overlaps with ${texts[i]!.source}`
        seen.set(i, times)
      }
    }
    const own = { question: kept(telling(question)), answer: kept(telling(answer)) }
    const same = asked.size > 0 ? asked.get(keyOf(telling(question))) : undefined
    if (same !== undefined) return `asks what ${same} asks`
    for (const i of near.near(bandsOfBoth(own))) {
      const theirs = texts[i]!.row!
      if (alike([theirs.question, own.question], [theirs.answer, own.answer], words)) return `is nearly the same as a row of ${texts[i]!.source}`
    }
    return null
  }

  return {
    name: 'decontamination',
    about: 'Drops what a model will be tested with: rows that are held out, also after small edits, and texts of benchmarks.',
    settings: { version: 2, benchmarks: Object.fromEntries(Object.entries(benchmarks).map(([name, list]) => [name, { texts: list.length, sha256: createHash('sha256').update(JSON.stringify(list)).digest('hex') }])) },
    look (row) {
      if (held(row)) withhold('the test set', questionText(row), keptOf(row))
    },
    judge (row) {
      if (held(row)) return { keep: row }
      index ??= indexed()
      const drop = faultOf(row, index)
      return drop === null ? { keep: row } : { drop }
    }
  }
}

function bandsOfBoth ({ question, answer }: Kept): Uint32Array { return bandsOf(Uint32Array.of(...question.subarray(1), ...answer.subarray(1))) }

/** Keys of all runs of twelve words, each once: two rolling hashes (Karp and Rabin 1987), mixed to 53 bits. */
function runsOf (all: Int32Array): Set<number> {
  const runs = new Set<number>()
  let [one, other] = [0, 0]
  for (let i = 0; i < all.length; i++) {
    const word = mix(all[i]!)
    one = Math.imul(one, bases[0]) + word | 0
    other = Math.imul(other, bases[1]) + word | 0
    if (i >= gramWords) {
      const gone = mix(all[i - gramWords]!)
      one = one - Math.imul(gone, powers[0]) | 0
      other = other - Math.imul(gone, powers[1]) | 0
    }
    if (i >= gramWords - 1) runs.add((mix(one) & 0x1fffff) * 2 ** 32 + mix(other))
  }
  return runs
}
