import type { Lexicon, Posting, Weighed } from './store.ts'

/** BM25's saturation and length parameters, as everywhere. */
const k1 = 1.2
const b = 0.75
/** What a word around a unit is worth against one in it; .2 and .4 changed R@10 by 1 point at most. */
const contextWeight = 0.3

/** What a unit scored by words, and which of the question's terms it has. */
export interface Lexical { score: number, readonly terms: string[] }

/** BM25F over a unit's own terms and those around it, with one owner's statistics. */
export function lexicalScores (lexicon: Lexicon): Map<number, Lexical> {
  const averageLength = weigh(lexicon.length) / Math.max(1, lexicon.units)
  const scores = new Map<number, Lexical>()
  for (const [term, postings] of lexicon.postings) {
    const idf = inverseFrequency(lexicon.units, postings.length)
    for (const posting of postings) {
      const score = idf * saturated(posting, averageLength)
      const scored = scores.get(posting.unit)
      if (scored === undefined) scores.set(posting.unit, { score, terms: [term] })
      else {
        scored.score += score
        scored.terms.push(term)
      }
    }
  }
  return scores
}

export function inverseFrequency (units: number, having: number): number {
  return Math.log(1 + (units - having + 0.5) / (having + 0.5))
}

function saturated (posting: Posting, averageLength: number): number {
  const frequency = weigh(posting)
  const length = weigh({ self: posting.selfLength, context: posting.contextLength })
  return frequency * (k1 + 1) / (frequency + k1 * (1 - b + b * length / averageLength))
}

function weigh ({ self, context }: Weighed): number { return self + contextWeight * context }

/**
 * How well the tokens of a passage match one token of a question: the greatest
 * inner product, with the passage's tokens known by their signs only, which
 * loses nothing (floats 81.6, signs 82.2). One table a question's token: byte p
 * of value v adds `table[256 p + v]`.
 */
export function signTable (token: Float32Array): Float32Array {
  const bytes = token.length / 8
  const scale = 1 / Math.sqrt(token.length)
  const table = new Float32Array(bytes * 256)
  for (let byte = 0; byte < bytes; byte++) {
    const of = byte * 256
    let none = 0
    for (let bit = 0; bit < 8; bit++) none -= token[byte * 8 + bit]!
    table[of] = none * scale
    // Each value differs from one without its highest bit by twice that bit's number.
    for (let bit = 0; bit < 8; bit++) {
      const step = 2 * token[byte * 8 + bit]! * scale
      for (let value = 0; value < 1 << bit; value++) table[of + (1 << bit) + value] = table[of + value]! + step
    }
  }
  return table
}

export function bestMatch (table: Float32Array, bits: Uint8Array): number {
  const bytes = table.length / 256
  let best = -Infinity
  for (let token = 0; token < bits.length; token += bytes) {
    let sum = 0
    for (let byte = 0; byte < bytes; byte++) sum += table[byte * 256 + bits[token + byte]!]!
    if (sum > best) best = sum
  }
  return best
}
