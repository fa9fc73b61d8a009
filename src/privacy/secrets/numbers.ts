import type { Found, SecretKind } from './found.ts'

/** Numbers that are secrets only where they are right: most digits in a row are something else. */
const checks: readonly (readonly [SecretKind, RegExp, (digits: string) => boolean])[] = [
  ['card', /(?<![\w.,-])(?:\d{4}([ -]?)\d{4}\1\d{4}\1\d{1,4}(?:\1\d{3})?|\d{4}([ -]?)\d{6}\2\d{4,5})(?![\w-]|[.,]\d)/g, digits => issuers.test(digits) && luhn(digits)],
  ['account', /(?<![\w-])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![\w-])/gi, iban],
  // The United States: no number begins with 000, 666 or 9, or has an empty group (SSA).
  ['national id', /(?<![\w.-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-]|\.\d)/g, () => true],
  ['national id', /(?<=\b(?:ssn|social security(?: number| no\.?)?)(?: is|:|=)?[ #]{0,2})(?!000|666|9)\d{3} ?(?!00)\d{2} ?(?!0000)\d{4}(?!\w)/gi, () => true],
  // Brazil, in its written form.
  ['national id', /(?<![\w.])\d{3}\.\d{3}\.\d{3}-\d{2}(?!\w)/g, cpf],
  // Spain: the letter is the number modulo 23.
  ['national id', /(?<!\w)[XYZ]?\d{7,8}-?[A-HJ-NP-TV-Z](?!\w)/g, dni],
  // France: sex, year, month, place, order and 97 less their remainder.
  ['national id', /(?<!\w)[12] ?\d{2} ?(?:0[1-9]|1[0-2]) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}(?!\w)/g, nir],
  // The United Kingdom has no check digit, but letters of its own.
  ['national id', /(?<!\w)(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D](?!\w)/g, () => true],
  // India: Verhoeff's scheme, in groups or where it is named.
  ['national id', /(?<=\baadhaar(?: number| no\.?| card)?(?: is|:)?[ #]{0,2})[2-9]\d{3} ?\d{4} ?\d{4}(?!\w)/gi, verhoeff]
]

/** First digits and lengths: Visa (its numbers of 13 digits are no longer issued and look like the barcodes of goods), Mastercard, American Express, Discover, JCB, Diners Club, UnionPay (ISO/IEC 7812, the issuers' pages). */
const issuers = /^(?:4(?:\d{15}|\d{18})|(?:5[1-5]\d\d|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720))\d{12}|3[47]\d{13}|6(?:011|5\d\d|4[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|3(?:0[0-5]|[68]\d)\d{11}|62\d{14,17})$/

/** Lengths by country, from the IBAN registry of SWIFT. */
const ibanLengths = 'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30'

export function numbers (text: string): Found[] {
  return checks.flatMap(([kind, pattern, right]) => [...text.matchAll(pattern)].flatMap(({ index, 0: match }) => {
    const whole = kind === 'account' ? bounded(match) : match
    return right(whole.replace(/[ .-]/g, '').toUpperCase()) ? [{ kind, from: index, to: index + whole.length }] : []
  }))
}

/** As much of a match as its country's accounts are long: a word in capitals may follow. */
function bounded (match: string): string {
  const length = lengthIn(match)
  let seen = 0
  for (let i = 0; i < match.length; i++) if (match[i] !== ' ' && ++seen === length) return match.slice(0, i + 1)
  return match
}

function lengthIn (account: string): number {
  const at = ibanLengths.indexOf(account.slice(0, 2).toUpperCase())
  return at === -1 ? 0 : Number(ibanLengths.slice(at + 2, at + 4))
}

/** ISO 13616: the first four characters at the end, letters as 10 to 35, modulo 97. */
function iban (account: string): boolean {
  if (account.length !== lengthIn(account)) return false
  let rest = 0
  for (const character of account.slice(4) + account.slice(0, 4)) {
    const value = Number.parseInt(character, 36)
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97
  }
  return rest === 1
}

/** ISO/IEC 7812-1, annex B. */
function luhn (digits: string): boolean {
  let sum = 0
  for (let i = 0; i < digits.length; i++) {
    const doubled = Number(digits[digits.length - 1 - i]) * (i % 2 + 1)
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}

function cpf (digits: string): boolean {
  const check = (length: number): number => [...digits.slice(0, length)].reduce((sum, digit, i) => sum + Number(digit) * (length + 1 - i), 0) * 10 % 11 % 10
  return !/^(\d)\1*$/.test(digits) && check(9) === Number(digits[9]) && check(10) === Number(digits[10])
}

function dni (id: string): boolean {
  const digits = id.slice(0, -1).replace(/^[XYZ]/, letter => String('XYZ'.indexOf(letter)))
  return digits.length === 8 && 'TRWAGMYFPDXBNJZSQVHLCKE'[Number(digits) % 23] === id.at(-1)
}

function nir (id: string): boolean {
  const digits = id.replace('2A', '19').replace('2B', '18')
  return digits.length === 15 && 97 - Number(digits.slice(0, 13)) % 97 === Number(digits.slice(13))
}

const times = ['0123456789', '1234067895', '2340178956', '3401289567', '4012395678', '5987604321', '6598710432', '7659821043', '8765932104', '9876543210']
const turns = ['0123456789', '1576283094', '5803796142', '8916043527', '9453126870', '4286573901', '2793806415', '7046913258']
/** J. Verhoeff, "Error detecting decimal codes" (1969). */
function verhoeff (digits: string): boolean {
  return [...digits].reverse().reduce((sum, digit, i) => Number(times[sum]![Number(turns[i % 8]![Number(digit)])]), 0) === 0
}
