import { stemmer } from 'stemmer'
import { baseForms } from './base-forms.ts'
import { stopWords } from './stop-words.ts'

/** Scripts that are written without spaces, or, as Korean, with endings glued to the words. */
const glued = String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}`
const pieces = new RegExp(`[${glued}]+|[[\\p{L}\\p{N}\\p{M}]--[${glued}]]+`, 'gv')
const isGlued = new RegExp(`^[${glued}]`, 'v')
/** Accents of Latin, Greek and Cyrillic letters; marks of other scripts are part of the word. */
const accents = /[\u0300-\u036f]/g
/** A longer "word" is a key or encoded data: its beginning is enough to find it. */
const longestTerm = 40

/** The words of a text as they are written, less case, accents and the width of letters. */
export function words (text: string): string[] {
  return text.normalize('NFKD').replace(accents, '').normalize('NFKC').toLowerCase().match(pieces) ?? []
}

/**
 * The terms a text is indexed by: its words by their stems; pairs of characters
 * where words are not set apart (of 15 questions in Chinese, Japanese, Korean
 * and Thai pairs found 14, a word segmenter 13, trigrams 8).
 */
export function terms (text: string): string[] {
  return words(text).flatMap(termsOf)
}

/** The terms of a question: of its content words, or of all where it has none. */
export function contentTerms (text: string): string[] {
  const all = words(text)
  const content = all.filter(word => !stopWords.has(word))
  return [...new Set((content.length > 0 ? content : all).flatMap(termsOf))]
}

function termsOf (word: string): string | string[] {
  if (isGlued.test(word)) return pairs(word)
  return stemmer(baseForms.get(word) ?? word.slice(0, longestTerm))
}

function pairs (run: string): string[] {
  const characters = [...run]
  return characters.length === 1 ? characters : characters.slice(1).map((character, i) => characters[i]! + character)
}
