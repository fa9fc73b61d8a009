import type { Row } from '../row.ts'
import { hash, mix } from './words.ts'
import { placesIn } from './personal/lexicon.ts'

/**
 * Who could still be told after redaction: traits that are harmless alone (town,
 * age, occupation, origin, family, year of birth) make one person together
 * (Sweeney, k-anonymity, 2002). A combination is all traits of a row, where it
 * has two and more; its k is the number of people who share it.
 */
export interface Exposure {
  see (row: Row): void
  /** Rows by the k of their combination; no text. */
  report (): Readonly<Record<string, unknown>>
}

/** Below this k a combination is commonly held to be too small a cell (El Emam and Dankar 2008, doi 10.1197/jamia.M2716). */
const common = 5
/** Kept combinations. Any more count as unique, which is the safe side. */
const mostCombinations = 200_000

const occupations = /(?<![\p{L}])(?:i(?:'m| am|’m)|works? as|working as|job as|employed as|my (?:wife|husband|partner|son|daughter|mother|father) is) an? (?:\p{L}{2,14} ){0,2}?(\p{L}{3,20}(?:er|or|ist|ian|man|woman|ant|ent|nurse|chef|cook|judge|pilot|clerk|nanny|guard|surgeon))(?!\p{L})/giu
const ages = /(?<![\p{L}\p{N}])(?:(?:i(?:'m| am|’m)|aged?|turned|turning) (\d{1,3})(?!\p{N}|[.,]\d|[ -]?(?:%|percent|minutes|hours|days|weeks|months|km|miles|€|\$))|(\d{1,3})[ -]years?[ -]old)/giu
const births = /(?<![\p{N}])(?:01[-/.]01[-/.]|born in )(\d{4})(?!\p{N})|(?<![\p{N}])(\d{4})-01-01/gu
const family = /(?<!\p{L})(widow(?:er)?|divorced|single (?:mother|father|mum|mom|dad|parent)|pregnant|twins|triplets|adopted|orphan|retired|unemployed|refugee|veteran|blind|deaf|wheelchair|transgender|diabetic|epileptic)(?!\p{L})/giu

export function createExposure (): Exposure {
  /** Per combination the hashes of up to `common` people. */
  const people = new Map<number, number[]>()
  const rowsOf = new Map<number, number>()
  const traits = new Map<string, number>()
  let rows = 0
  let beyond = 0

  return {
    see (row) {
      rows++
      const found = traitsIn([...row.prompt.filter(({ role }) => role === 'user').map(({ content }) => content), row.answer.content].join('\n'))
      for (const kind of new Set([...found].map(trait => trait.slice(0, trait.indexOf(':'))))) traits.set(kind, (traits.get(kind) ?? 0) + 1)
      if (found.size < 2) return
      const combination = mix(hash([...found].sort().join('\n')))
      const group = hash(row.group)
      const before = people.get(combination)
      if (before === undefined && people.size >= mostCombinations) {
        beyond++
        return
      }
      rowsOf.set(combination, (rowsOf.get(combination) ?? 0) + 1)
      if (before === undefined) people.set(combination, [group])
      else if (before.length < common && !before.includes(group)) before.push(group)
    },
    report () {
      const byK = { unique: beyond, few: 0, common: 0 }
      for (const [combination, groups] of people) byK[groups.length === 1 ? 'unique' : groups.length < common ? 'few' : 'common'] += rowsOf.get(combination)!
      return { rows, combined: byK.unique + byK.few + byK.common, ...byK, k: common, traits: Object.fromEntries([...traits].sort(([a], [b]) => a < b ? -1 : 1)) }
    }
  }
}

function traitsIn (text: string): Set<string> {
  const found = new Set<string>()
  for (const { 1: job } of text.matchAll(occupations)) found.add(`occupation:${job!.toLowerCase()}`)
  for (const { 1: age, 2: old } of text.matchAll(ages)) if (Number(age ?? old) < 120) found.add(`age:${age ?? old}`)
  for (const { 1: year, 2: first } of text.matchAll(births)) found.add(`birth:${year ?? first}`)
  for (const { 1: state } of text.matchAll(family)) found.add(`family:${state!.toLowerCase()}`)
  for (const [kind, place] of placesIn(text)) found.add(`${kind}:${place}`)
  return found
}
