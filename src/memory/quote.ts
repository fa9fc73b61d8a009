import { longestQuote } from './memories.ts'
import { terms } from './text.ts'

/** Where one sentence ends and the next begins. */
const between = /(?<=[.!?…][)"'”’\]]*)\s+|(?<=[。！？])|\s*\n\s*/gu

/**
 * The text, or of a long one the sentence that has the best of the wanted terms, with as much around it as may be quoted.
 *
 * @param wanted terms, and what each is worth: the rarer the more
 */
export function quoteOf (text: string, wanted: ReadonlyMap<string, number>): string {
  const whole = text.trim()
  if (whole.length <= longestQuote) return whole
  const sentences = whole.split(between).filter(sentence => sentence !== '')
  const found = sentences.map(sentence => new Set(terms(sentence)).values().reduce((sum, term) => sum + (wanted.get(term) ?? 0), 0))
  let first = found.indexOf(Math.max(...found))
  let last = first
  let quote = clipped(sentences[first]!, wanted)
  // What follows a sentence explains it more often than what precedes it.
  for (let grown = true; grown;) {
    grown = false
    for (const next of [last + 1, first - 1]) {
      const sentence = sentences[next]
      if (sentence === undefined || quote.length + 1 + sentence.length > longestQuote - 2) continue
      quote = next > last ? `${quote} ${sentence}` : `${sentence} ${quote}`
      if (next > last) last = next
      else first = next
      grown = true
    }
  }
  return `${first > 0 ? '…' : ''}${quote}${last < sentences.length - 1 ? '…' : ''}`
}

/** A sentence too long to quote, cut around the first of the wanted words. */
function clipped (sentence: string, wanted: ReadonlyMap<string, number>): string {
  const room = longestQuote - 4
  if (sentence.length <= room) return sentence
  const words = [...sentence.matchAll(/\S+/g)]
  const at = words.find(([word]) => terms(word).some(term => wanted.has(term)))?.index ?? 0
  const from = Math.max(0, Math.min(at - Math.floor(room / 3), sentence.length - room))
  // A character of two halves may be torn at either end.
  const piece = sentence.slice(from, from + room).replace(/^[\uDC00-\uDFFF]|[\uD800-\uDBFF]$/g, '')
  return `${from > 0 ? '…' : ''}${piece}${from + room < sentence.length ? '…' : ''}`
}
