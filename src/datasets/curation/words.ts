/** Scripts written without spaces, or with endings glued to the words: each character counts as a word. */
const glued = String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}`
/**
 * Numbers with their separators, words, characters of glued scripts, signs of
 * mathematics, money and emoji. A hyphen or a slash counts only where it may be
 * an operator: with a space or an end before it, or a digit after it.
 */
const pieces = new RegExp(`\\p{N}+(?:[.:,]\\p{N}+)*|[${glued}]|[[\\p{L}\\p{M}\\p{N}]--[${glued}]]+|[+*=<>%#&\\|^~@\\\\\\p{Sc}\\p{Extended_Pictographic}]|(?<![^\\s])[\\-\\/](?=\\s)|[\\-\\/](?=\\p{N})`, 'gv')
const accents = /[\u0300-\u036f]/g
/** A longer "word" is a key or encoded data: its beginning tells it apart. */
const longestWord = 40

/** Words that may come and go without making another question or answer of a text. */
const fillers = new Set(`
a an the please pls plz kindly hi hello hey dear thanks thank thx cheers sorry ok okay well oh um uh so just really very quite actually
basically simply now then also too there here you i my me we our us it its they them their this that these those to of from between in on into with up for at by is are am be was
were been being have has had got do does did can could would will may might and or yes what which
though although because since if whether whats thats
`.trim().split(/\s+/))

/**
 * Words that turn a text around, and those of small families of which another
 * one is another question: one more or less is never a small edit. Of two
 * opposites the rarer is enough: "log in" is told from "log out" by the "out".
 */
const turning = new Set(`
not no never none nothing nobody neither nor without cannot except unless only
before after above below over under down left right out off more less most least last true false
sell receive insert export decrypt disable decrease download borrow depart unlock uninstall disconnect
minute hour day week month year morning noon afternoon evening night today tomorrow yesterday
monday tuesday wednesday thursday friday saturday sunday spring summer autumn winter north south east west
january february april june july august september october november december
`.trim().split(/\s+/).flatMap(word => [word, `${word}s`]))

/** Contractions and signs as one of their forms, tried where a text has the piece that is named first. Apostrophes are straight by then. */
const forms: ReadonlyArray<readonly [piece: string, RegExp, string]> = [
  ["n't", /\bcan't\b/g, 'cannot'], ['can not', /\bcan not\b/g, 'cannot'], ["n't", /\bwon't\b/g, 'will not'], ["n't", /n't\b/g, ' not'],
  ['cant', /\bcant\b/g, 'cannot'], ['nt', /\b(do|does|did|is|are|was|were|would|should|could|have|has|had)nt\b/g, '$1 not'],
  ['like to', /\b(i|we)(?: would|'d) like to\b/g, '$1 want to'],
  ["'", /'(?:s|re|m|ve|ll|d)\b/g, ''], ['e-mail', /\be-(?=mail)/g, 'e'],
  [',', /(?<=\p{N}),(?=\p{N}{3}(?!\p{N}))/gu, ''],
  // A decimal comma, the sign of a number, and verbs written as one with what they are told apart by.
  [',', /(?<=\p{N}),(?=\p{N}{1,2}(?![\p{N},]))/gu, '.'], ['#', /#(?=\p{N})/gu, ''], ['no. ', /\bno\. (?=of\b|\p{N})/gu, 'number '],
  ['most likely', /\bmost likely\b/g, 'probably'], ['u.s.', /\bu\.s\.(?:a\.)?/g, 'united states'], ['usa', /\busa\b/g, 'united states'],
  ['', /\b(log|sign|check|plug|set|back|pick|start)(in|out|up)\b/g, '$1 $2'],
  ['', /(\d)(?:st|nd|rd|th)\b/g, '$1'],
  // A path through menus.
  [' > ', /(?<=\p{L}\p{L}) > (?=\p{L}\p{L})/gu, ' '],
  ['```', /```\w*/g, ''], ['€', /€/g, ' euros '], ['$', /\$/g, ' dollars '], ['£', /£/g, ' pounds '], ['%', /(?<=\p{N})\s?%/gu, ' percent']
]
/** Spellings of Britain as those of America. */
const spellings: ReadonlyArray<readonly [RegExp, string]> = [[/is(?=(?:e|ed|es|ing|ation|ations)$)/, 'iz'], [/(?<=..[a-z])our(?=s|ed|ing|ful|ite|ites|$)/, 'or'], [/(?<=[a-z][tb])re(?=s?$)/, 'er']]
const numerals = new Map([
  ...'first second third'.split(' ').map((word, i): [string, string] => [word, String(i + 1)]),
  ...'two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(' ').map((word, i): [string, string] => [word, String(i + 2)]),
  ...'twenty thirty forty fifty sixty seventy eighty ninety hundred'.split(' ').map((word, i): [string, string] => [word, String(10 * (i + 2))])
])

/** So many different words are known by their spelling: 100,000 chats have about 200,000. Of any more, as an attack would bring, no slip is forgiven. */
const mostWords = 2 ** 19
/** A word's number: 30 bits of its hash, so that it is the same in every reading, and this bit where it is strict. */
const strictBit = 2 ** 30
/** From this length of the longer word a slip of the finger is told from another word: "Iran" and "Iraq" are two. */
const shortestTypo = 5
const endings = new Set(['', 's', 'es', 'd', 'ed', 'e', 'ing', 'n', 'en'])
/** What must stand before another ending; before an s less. */
const shortestStem = 4
const shortestOfPlural = 3

export interface Words {
  /** The words that carry the meaning, in their order, as numbers; fillers only where a text has nothing else. Linear in the text. */
  read: (text: string) => Uint32Array
  /** All words in their order, of fillers the complement. */
  readAll: (text: string) => Int32Array
  /** Whether two words are one, once mistyped or in the plural. */
  isSlip: (a: number, b: number) => boolean
  /** Whether two words begin alike and have half of their letters in common: "simple" and "simply". */
  isKin: (a: number, b: number) => boolean
  /** Whether the first two are the third, written apart. */
  isApart: (a: number, b: number, whole: number) => boolean
}

/** Reads texts for comparison. Case, accents, punctuation, contractions and the spelling of numbers make no difference. */
export function createWords (): Words {
  /** Numbers by pieces as they are written, of fillers their complement: most are seen again. */
  const numbers = new Map<string, number>()
  const spelled = new Map<number, string>()

  function numberOf (piece: string): number {
    const known = numbers.get(piece)
    if (known !== undefined) return known
    const word = spelling(piece)
    const number = fillers.has(word) ? ~wordNumber(word) : wordNumber(word)
    if (numbers.size < mostWords) {
      numbers.set(own(piece), number)
      if (number >= 0) spelled.set(number, own(word))
    }
    return number
  }

  function both (a: number, b: number, are: (one: string, other: string) => boolean): boolean {
    const [one, other] = [spelled.get(a), spelled.get(b)]
    return one !== undefined && other !== undefined && are(one, other)
  }

  function readAll (text: string): Int32Array {
    const all = piecesOf(text)
    return all.length > 0 ? Int32Array.from(all, numberOf) : Int32Array.of(wordNumber(text.trim()))
  }

  return {
    read: text => telling(readAll(text)),
    readAll,
    isSlip: (a, b) => both(a, b, slip),
    isKin: (a, b) => both(a, b, kin),
    isApart: (a, b, whole) => spelled.has(a) && spelled.has(b) && `${spelled.get(a)}${spelled.get(b)}` === spelled.get(whole)
  }
}

/** Whether one more or less of a word makes another text: numbers, signs, and words such as "not". */
export function isStrict (word: number): boolean { return (word & strictBit) !== 0 }

/** Of all words the ones that carry the meaning, or all where none does. */
export function telling (all: Int32Array): Uint32Array {
  const found = all.filter(number => number >= 0)
  return found.length > 0 ? Uint32Array.from(found) : Uint32Array.from(all, number => ~number)
}

/** A number as a word that nothing but itself may stand for. */
export function strictWord (number: number): number { return (number & strictBit - 1) | strictBit }

/** A copy: a piece of a text would keep the whole of it in memory. */
function own (piece: string): string { return Buffer.from(piece).toString() }

function wordNumber (word: string): number {
  const strict = turning.has(word) || !/^[\p{L}\p{M}]+$/u.test(word)
  return (mix(hash(word)) & strictBit - 1) | (strict ? strictBit : 0)
}

function piecesOf (text: string): string[] {
  // Most texts have nothing to normalise, which takes as long as the rest.
  const plain = /[^\n -~]/.test(text) ? text.normalize('NFKD').replace(accents, '').normalize('NFKC').replace(/[’‘´]/g, "'") : text
  let written = plain.toLowerCase()
  for (const [piece, form, as] of forms) if (written.includes(piece)) written = written.replace(form, as)
  return written.match(pieces) ?? []
}

function spelling (piece: string): string {
  const word = piece.slice(0, longestWord)
  const numeral = numerals.get(word)
  if (numeral !== undefined) return numeral
  if (word.length < 5) return word
  return spellings.reduce((spelt, [from, to]) => spelt.replace(from, to), word)
}

/**
 * One insertion, deletion, substitution or exchange of neighbours (80 % of
 * slips: Damerau 1964, doi 10.1145/363958.363994), not in the first letter,
 * where slips are rare (Pollock and Zamora 1984, doi
 * 10.1145/358027.358048) and prefixes that turn a word around are. Or another ending of English.
 */
function slip (a: string, b: string): boolean {
  if (a.length > b.length) return slip(b, a)
  if (a === '1' && b === 'one') return true
  if (a[0] !== b[0] || !/^\p{L}+$/u.test(a + b) || (turning.has(a) && turning.has(b) && b !== `${a}s`)) return false
  let start = 0
  while (start < a.length && a[start] === b[start]) start++
  if (start >= shortestOfPlural && a.slice(start) === '' && b.slice(start) === 's') return true
  if (b.length < shortestTypo) return false
  if (start >= shortestStem && endings.has(a.slice(start)) && endings.has(b.slice(start))) return true
  if (a.length < b.length) return a.slice(start) === b.slice(start + 1)
  if (a.slice(start + 1) === b.slice(start + 1)) return true
  return a[start] === b[start + 1] && a[start + 1] === b[start] && a.slice(start + 2) === b.slice(start + 2)
}

function kin (a: string, b: string): boolean {
  let start = 0
  while (start < a.length && a[start] === b[start]) start++
  return start >= Math.max(shortestOfPlural, Math.max(a.length, b.length) / 2)
}

/** FNV-1a of a text's UTF-16 units, in 32 bits (draft-eastlake-fnv). */
export function hash (text: string, seed = 0x811c9dc5): number {
  let state = seed
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193)
  return state >>> 0
}

/** The finaliser of MurmurHash3 (Appleby, public domain): spreads a number over 32 bits. */
export function mix (value: number): number {
  let state = value
  state = Math.imul(state ^ state >>> 16, 0x85ebca6b)
  state = Math.imul(state ^ state >>> 13, 0xc2b2ae35)
  return (state ^ state >>> 16) >>> 0
}

/** A key of 53 bits for a sequence of numbers: among 100,000 two meet with a chance of one in a million. */
export function keyOf (numbers: ArrayLike<number>): number {
  let high = 0x9e3779b9
  let low = 0x811c9dc5
  for (let i = 0; i < numbers.length; i++) {
    high = mix(Math.imul(high, 31) ^ numbers[i]!)
    low = Math.imul(low ^ mix(numbers[i]! + 0x7f4a7c15), 0x01000193)
  }
  return (high & 0x1fffff) * 2 ** 32 + mix(low)
}
