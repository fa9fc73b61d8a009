import { eld } from 'eld/extrasmall'
import type { Filter } from '../row.ts'

export interface LanguageSettings {
  /** ISO 639-1 codes of what answers may be in; none: any, and they are only counted. */
  readonly languages: readonly string[]
}

export const languageDefaults: LanguageSettings = { languages: [] }

export const unknown = 'unknown'
/** A language shows in as much; more only takes longer. */
const enough = 500
/** Letters below which a text may be of any language: "OK", a name, a number. */
const least = 12
/** Of scripts that say a word in one or two characters. */
const leastDense = 3
const dense = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/gu

/** Drops answers in languages that are not wanted; one whose language does not show is kept. */
export function language (settings: Partial<LanguageSettings> = {}): Filter {
  const { languages } = { ...languageDefaults, ...settings }
  const answers = new Map<string, number>()

  return {
    name: 'language',
    about: languages.length === 0 ? 'Counts the languages of answers; drops none.' : `Drops answers in other languages than ${languages.join(', ')}.`,
    settings: { languages },
    judge (row) {
      const found = languageOf(row.answer.content)
      answers.set(found, (answers.get(found) ?? 0) + 1)
      return languages.length === 0 || found === unknown || languages.includes(found) ? { keep: row } : { drop: 'another language' }
    },
    report: () => ({ answers: Object.fromEntries([...answers].sort(([a], [b]) => a < b ? -1 : 1)) })
  }
}

/** ISO 639-1, or `unknown`. Code and addresses say nothing of it. */
export function languageOf (text: string): string {
  const prose = text.slice(0, 4 * enough).replace(/```[^`]*(?:```|$)|`[^`\n]{1,200}`|https?:\/\/\S{1,500}|[\w.+-]{1,64}@[\w.-]{1,100}/g, ' ').slice(0, enough)
  const letters = prose.match(/\p{L}/gu)?.length ?? 0
  if (letters < least && (prose.match(dense)?.length ?? 0) < leastDense) return unknown
  return eld.detect(prose).language || unknown
}
