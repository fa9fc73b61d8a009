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
