import type { Personal, PersonalKind } from './found.ts'

const upper = String.raw`\p{Lu}[\p{L}\p{M}'’.-]{0,24}`
/** A name of a place of one to three words. */
const place = String.raw`${upper}(?: (?:de |del |la |am |an der |upon |en |sur )?${upper}|-(?:en|sur|le|la|les)-${upper}){0,2}`
const number = String.raw`\d{1,5} ?[a-zA-Z]?(?![\p{L}\p{N}])`
const unit = String.raw`(?:,? (?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Room|Rm)\.? ?#?[\dA-Z]{1,5}|,? #\d{1,5})?`
const postcode = String.raw`(?:[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]{2},? \d{5}(?:-\d{4})?|\d{4} [A-Z]{2}|\d{2}-\d{3}|\d{4,6})(?![\p{L}\p{N}])`
/** What of town and code follows a street on its line. */
const town = String.raw`(?:,? (?:${postcode} ${place}|${place},? ${postcode}|${postcode})|, ${place}(?=[.,;!?\n]|$)(?:, ${postcode})?)?`

const streets = 'Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Court|Ct|Close|Terrace|Way|Place|Pl|Boulevard|Blvd|Square|Sq|Gardens|Grove|Crescent|Parkway|Pkwy|Highway|Hwy|Row|Mews|View|Hill|Walk|Circle|Cir|Trail|Quay'
const before = 'Calle|Av(?:da|enida)?\\.?|Paseo|Plaza|Carrer|Carretera|Via|Viale|Piazza|Corso|Largo|Rua|Travessa|Praça|ul\\.|ulica|ulicy|al\\.|aleja|os\\.'
const french = 'rue|avenue|av\\.|boulevard|bd|place|chemin|allée|impasse|quai|route|cours|square'
const glued = 'straße|strasse|str\\.|weg|gasse|platz|allee|ring|damm|ufer|steig|straat|gracht|laan|plein|kade|singel|gatan|gata|gade|vägen|veien|vej|vei|katu|tie'

/** What is found, a cheap sign that it may be there, and how. */
const patterns: readonly (readonly [PersonalKind, RegExp, RegExp])[] = [
  // 14 Elmwood Close, Reading RG4 7QX. Not "10 Main Points": the word for the street must be there.
  ['address', new RegExp(`\\d[^\\n]{3,60} (?:${streets})(?![a-z])`), new RegExp(String.raw`(?<![\p{L}\p{N}.,-])(?:(?:Flat|Apt|Apartment|Unit|Suite) ?[\dA-Z]{1,4}, )?${number} (?:(?:${upper}|\d{1,3}(?:st|nd|rd|th)) ){1,4}(?:${streets})(?![\p{L}\p{N}])\.?${unit}${town}`, 'gu')],
  ['address', new RegExp(`\\d,? (?:bis |ter |[a-d] )?(?:${french}) `, 'i'), new RegExp(String.raw`(?<![\p{L}\p{N}.,-])\d{1,4}(?: ?(?:bis|ter|[a-d]))?,? (?:${french}) [\p{L}\p{M}'’ -]{2,40}(?![\p{L}\p{M}])${town}`, 'giu')],
  ['address', new RegExp(`(?:${before}) `), new RegExp(String.raw`(?<![\p{L}\p{N}])(?:${before}) (?:(?:de |del |la |los |las |el |dos |da |do |di |della )|${upper} ?){1,5}(?:,? n?[º°.]? ?)${number}${town}`, 'gu')],
  // Hauptstraße 12, Keizersgracht 112: the word is glued to the name of the street, or stands after it.
  ['address', new RegExp(`(?:${glued}) \\d`), new RegExp(String.raw`(?<![\p{L}\p{N}])(?:${upper} )?\p{Lu}[\p{L}\p{M}-]{1,24}?(?:${glued}) ${number}${town}`, 'gu')],
  ['address', /Box \d/i, new RegExp(String.raw`(?<![\p{L}\p{N}])P\.? ?O\.? ?Box \d{1,6}${town}`, 'giu')],
  // What is said to be an address is one, though no word names a street; a town and its code follow.
  ['address', /(?:at|to:?|is|address:)\s\d/, new RegExp(String.raw`(?<=(?:live[sd]? at|living at|moved to|address(?: is|:)|ship(?:ped)? to:?|deliver(?:ed)?(?: it)? to)\s)(?!\d{4}\b)${number} ${place}${town}`, 'gu')],
  // A line of town and code, as letters have it.
  ['address', /\n\p{Lu}/u, new RegExp(String.raw`(?<=\n)${place},? ${postcode}(?=\n|$)`, 'gu')],
  ['postcode', /\d[A-Z]{2}/, /(?<![\p{L}\p{N}])[A-Z]{1,2}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2}(?![\p{L}\p{N}])/gu]
]

/** Streets with their numbers and what of the town follows; not towns alone. */
export function addresses (text: string): Personal[] {
  if (!/\d/.test(text)) return []
  return patterns.flatMap(([kind, sign, pattern]) => !sign.test(text) ? [] : [...text.matchAll(pattern)].map(({ index, 0: match }) => ({ kind, from: index, to: index + match.trimEnd().length })))
}
