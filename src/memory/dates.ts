import { type ParsedComponents, en } from 'chrono-node'

/**
 * Dates become terms, at both ends: `@2023-05-08` and its parts are in the index
 * of what was said or happened on 8 May 2023, and in a question for that day or
 * month. So a date weighs as much as it is rare, and never keeps anything out.
 */
const day = 86_400_000

/** The terms of a time itself. */
export function dayTerms (at: number): string[] {
  const [year, month, date] = new Date(at).toISOString().split(/[-T]/) as [string, string, string]
  return [`@${year}`, `@${year}-${month}`, `@${year}-${month}-${date}`, `@-${month}`, `@-${month}-${date}`]
}

/** The terms of the dates that a remembered text names: "yesterday", "last Friday", "in June 2022". */
export function dateTerms (text: string, at: number): string[] {
  return [...new Set(datesOf(text, at).flatMap(({ start }) => finest(start, at)))]
}

/** The terms of the times that a question names. */
export function questionDates (text: string, now: number): string[] {
  const years = text.match(/\b(?:19|20)\d\d\b/g)?.map(year => `@${year}`) ?? []
  const dates = datesOf(text, now).flatMap(({ start, text }) => /week/i.test(text) ? week(start) : finest(start, now))
  return [...new Set([...years, ...dates])]
}

/** A number, a month, a weekday or a word of time: without one there is nothing to parse, which is most texts. */
const hint = /\d|\b(?:jan|feb|mar|apr|may|june?|july?|aug|sep|oct|nov|dec|mon|tues?|wed|thu|fri|sat|sun|day|week|month|year|tomorrow|tonight|yesterday|ago|last|next)/i

/** A month to us, the verb to the parser, which takes "May" only after a preposition. */
const lastMay = /\b(?:last|this|past)\s+(?=may\b)/gi

function datesOf (text: string, at: number): { readonly start: ParsedComponents, readonly text: string }[] {
  return hint.test(text) ? en.casual.parse(text.replace(lastMay, 'in '), { instant: new Date(at), timezone: 0 }) : []
}

/** The most exact terms that the components allow. A day or month without a year means any year, and a little more the one nearest before. */
function finest (date: ParsedComponents, now: number): string[] {
  const month = String(date.get('month')).padStart(2, '0')
  const year = date.get('year')!
  const monthDay = `${month}-${String(date.get('day')).padStart(2, '0')}`
  if (date.isCertain('day') || date.isCertain('weekday')) return date.isCertain('year') || date.isCertain('weekday') ? [`@${year}-${month}`, `@${year}-${monthDay}`] : [`@-${month}`, `@-${monthDay}`]
  if (date.isCertain('month')) return date.isCertain('year') ? [`@${year}-${month}`] : [`@-${month}`, `@${Date.UTC(year, Number(month) - 1) <= now ? year : year - 1}-${month}`]
  return date.isCertain('year') ? [`@${year}`] : []
}

/** "Two weeks ago" is some day around that one. */
function week (date: ParsedComponents): string[] {
  const middle = Date.UTC(date.get('year')!, date.get('month')! - 1, date.get('day')!)
  return [-3, -2, -1, 0, 1, 2, 3].map(days => `@${new Date(middle + days * day).toISOString().slice(0, 10)}`)
}
