import type { Filter, Row } from '../row.ts'
import { alike, kept, type Pair } from './likeness.ts'
import { bandsOf, createIndex, leastOf, sharedOf } from './minhash.ts'
import { createSequences } from './sequences.ts'
import { answerText, contextText, questionText } from './texts.ts'
import { createWords, keyOf } from './words.ts'

/** Values of the signature of what was said before; of which so many must be shared. The same talk with other words in one turn is the same. */
const contextValues = 16
const contextShared = 11
/** The best first: a correction says most, a thumb least. */
const ranks = { demonstration: 0, preference: 1, verdict: 2 }
/** The key of no rejected answer. */
const nothing = 0

interface Seen {
  readonly id: string
  readonly at: number
  readonly rank: number
  /** Whether the answer is one to learn from: praise and blame of it are not the same. */
  readonly teaches: boolean
  readonly rejected: number
  /** Of the context, the question and the answer. */
  readonly context: number
}

/**
 * Drops rows that say what another, better row says: the same question in the
 * same conversation and the same answer, as they are or after small edits. Of
 * such rows a correction is kept rather than a preference, and that rather than
 * a thumb; then the newest, then by id, so that the order of rows does not
 * matter. A row with a rejected answer gives way only to one with the same.
 */
export function duplicates (): Filter {
  let words = createWords()
  let sequences = createSequences()
  let rows: Seen[] = []
  let dropped: Map<string, string> | null = null

  function decide (): Map<string, string> {
    const found = new Map<string, string>()
    const index = createIndex(rows.length)
    const exact = new Set<number>()
    rows.sort(better)
    for (const [i, row] of rows.entries()) {
      const [context, question, answer] = [0, 1, 2].map(part => sequences.at(row.context + part)) as [Uint32Array, Uint32Array, Uint32Array]
      const key = keyOf([row.teaches ? 1 : 0, ...context, ...question, ...answer])
      if (exact.has(keyWith(key, row.rejected))) {
        found.set(row.id, 'the same is kept')
        continue
      }
      const bands = bandsOf(Uint32Array.of(...question.subarray(1), ...answer.subarray(1)))
      if (anySame(row, index.near(bands))) {
        found.set(row.id, 'nearly the same is kept')
        continue
      }
      exact.add(keyWith(key, nothing)).add(keyWith(key, row.rejected))
      index.add(i, bands)
    }
    // Nothing of it is needed any more, and the filter lives on.
    rows = []
    words = createWords()
    sequences = createSequences()
    return found
  }

  function anySame (row: Seen, candidates: Iterable<number>): boolean {
    for (const candidate of candidates) {
      if (covers(rows[candidate]!, row)) return true
    }
    return false
  }

  /** Whether all that a row says is said by a better one. */
  function covers (best: Seen, row: Seen): boolean {
    if (best.teaches !== row.teaches || (row.rejected !== nothing && row.rejected !== best.rejected)) return false
    const [context, question, answer] = [0, 1, 2].map(part => [sequences.at(best.context + part), sequences.at(row.context + part)] as const) as [Pair, Pair, Pair]
    return sharedOf(...context) >= contextShared && alike(question, answer, words)
  }

  return {
    name: 'duplicates',
    about: 'Drops what a better or newer row says in the same words or after small edits.',
    settings: { version: 2 },
    look (row) {
      const rejected = 'rejected' in row && row.rejected !== null ? keyOf(kept(words.read(answerText(row.rejected)))) : nothing
      const context = sequences.add(leastOf(words.read(contextText(row)), contextValues))
      sequences.add(kept(words.read(questionText(row))))
      sequences.add(kept(words.read(answerText(row.answer))))
      rows.push({ id: row.id, at: row.at, rank: ranks[row.kind], teaches: teaches(row), rejected, context })
    },
    judge (row) {
      dropped ??= decide()
      const drop = dropped.get(row.id)
      return drop === undefined ? { keep: row } : { drop }
    }
  }
}

function teaches (row: Row): boolean { return row.kind !== 'verdict' || row.good }

function better (a: Seen, b: Seen): number {
  return a.rank - b.rank || Number(a.rejected === nothing) - Number(b.rejected === nothing) || b.at - a.at || (a.id < b.id ? -1 : 1)
}

function keyWith (key: number, rejected: number): number { return keyOf([key >>> 0, key / 2 ** 32, rejected >>> 0, rejected / 2 ** 32]) }
