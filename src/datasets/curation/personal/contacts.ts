import type { Personal, PersonalKind } from './found.ts'

/** Bounded everywhere, so that any text is read in linear time. */
const patterns: readonly (readonly [PersonalKind, RegExp, (match: string, text: string, at: number) => boolean])[] = [
  // RFC 5321: at most 64 characters before the @; places of an address as it is written, not all that the RFC allows.
  ['email', /(?<![\p{L}\p{N}._%+-])[\p{L}\p{N}][\p{L}\p{N}._%+-]{0,63}@(?:[\p{L}\p{N}-]{1,63}\.){1,5}\p{L}{2,24}(?![\p{L}\p{N}])/gu, match => !/^(?:name|user|you|your[._-]?name|email|someone|username)@(?:domain|example|email|company)\b/i.test(match)],
  // Pages that belong to a person, by whose account they are named.
  ['page', /(?<![\w.])(?:https?:\/\/)?(?:[a-z]{1,10}\.)?(?:linkedin\.com\/(?:in|pub)|facebook\.com|fb\.com|instagram\.com|twitter\.com|x\.com|threads\.net|tiktok\.com|github\.com|gitlab\.com|t\.me|wa\.me|medium\.com|xing\.com\/profile|vk\.com|youtube\.com|reddit\.com\/u(?:ser)?|keybase\.io|snapchat\.com\/add|paypal\.me|soundcloud\.com)\/@?(?!(?:in|pub|user|orgs|groups|watch|share|search|login|help|settings|about|features|pricing|home|explore)\b)[\w.%-]{2,60}(?![\w%/-]|\.\w)\/?/gi, () => true],
  ['page', /(?<![\w.])https?:\/\/[a-z\d.-]{3,80}\/(?:[\w.-]{1,30}\/){0,3}(?:~[\w.-]{2,40}|(?:about|author|people|profile|team|users?|staff|members?)\/(?![\d-]+\b)[a-z]{2,20}[-._][a-z]{2,20})(?![\w-])/gi, () => true],
  ['handle', /(?<![\p{L}\p{N}_.@/\\-])@[a-z][\w.]{1,29}(?![\w(/@-])/giu, personalHandle],
  ['ip', /(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)/g, publicAddress],
  ['ip', /(?<![\w:.])(?:[\da-f]{1,4}:){2,7}(?:[\da-f]{1,4}|:[\da-f]{1,4}(?::[\da-f]{1,4}){0,5})(?![\w:])/gi, match => match.length > 12 && !/^(?:fe80|f[cd]..|2001:0?db8):/i.test(match)],
  // International: a country code and the digits of ITU-T E.164, 15 at most.
  ['phone', /(?<![\w+])(?:\+|00 ?)[1-9]\d{0,3}(?:[ ./()\-\u2011]{1,3}\d{1,12}|(?<=\d{4})\d{5,11}|\d{6,12}){1,7}(?![\w]|[.,]\d)/g, digits(8, 15)],
  // North America: 3, 3 and 4 digits in groups.
  ['phone', /(?<![\w.+-])(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?: ?,? ?(?:x|ext\.?|extension) ?\d{1,6})?(?![\w-]|\.\d)/gi, digits(10, 17)],
  ['phone', /(?<![\w.+-])[2-9]\d\d-[2-9]\d\d-\d{4}(?![\w-])/g, digits(10, 10)],
  // National with the trunk zero, in groups or long.
  ['phone', /(?<![\w.+/-])\(?0\d{1,5}\)?(?:[ ./-]{1,3}\d{2,8}){1,5}(?![\w-]|[.,]\d)/g, (match, text, at) => digits(8, 12)(match) && !looksLikeDate(match) && !/(?:version|order|invoice|ticket|part|isbn|no\.|number|id)[ :#]{0,3}$/i.test(text.slice(Math.max(0, at - 12), at))],
  ['phone', /(?<![\w.+/-])0[1-9]\d{8,9}(?![\w.-])/g, () => true],
  // Any other digits where something says that they are to be called.
  ['phone', /(?<=(?:phone|telephone|tel|mobile|mob|cell|whatsapp|fax|call(?: me)?(?: on| at| back on| back at)?|ring(?: me)?(?: on| at)?|text(?: me)?(?: on| at)?|reach (?:me|her|him|them) (?:at|on)|phone (?:me|her|him|them) (?:at|on)|handy(?:nummer)?|nummer|numéro|téléphone|teléfono|telefono|telefone|telefon|arrive on|landline)\b[".:]{0,3}(?: is| ist| est| es| è| é)?[ ":=]{0,4})\(?\+?\d(?:[ ./()-]{0,2}\d){6,13}(?![\w])/giu, digits(7, 15)]
]

export function contacts (text: string): Personal[] {
  return patterns.flatMap(([kind, pattern, right]) => [...text.matchAll(pattern)].flatMap(({ index, 0: match }) =>
    right(match, text, index) ? [{ kind, from: index, to: index + match.trimEnd().length }] : []))
}

function digits (least: number, most: number): (match: string) => boolean {
  return match => {
    const count = match.replace(/\D/g, '').length
    return count >= least && count <= most
  }
}

function looksLikeDate (match: string): boolean { return /^\d\d([./-])\d\d\1(?:\d\d){1,2}$/.test(match) }

/** Handles are told from the `@` of programs by digits and joints in them, or by talk of a network. */
function personalHandle (match: string, text: string, at: number): boolean {
  const before = text.slice(Math.max(0, at - 40), at)
  if (/(?:twitter|insta(?:gram)?|tiktok|telegram|mastodon|discord|threads|bluesky|snapchat|handle|username|nick(?:name)?|account|profile|dm|follow)\b[^@\n]{0,25}$/i.test(before)) return true
  return !/(?:^|\n)\s*$/.test(before) && /^@[a-z]+(?:[_.][a-z]+\d*|_?\d{2,})$/i.test(match)
}

/** Private, loopback, unspecified, broadcast and documentation addresses are nobody's (RFC 6890). */
function publicAddress (match: string, text: string, at: number): boolean {
  const [a = 0, b = 0, c = 0, d = 0] = match.split('.').map(Number)
  if ([a, b, c, d].some(part => part > 255) || /\b(?:version|release|v) ?$/i.test(text.slice(Math.max(0, at - 9), at))) return false
  const nobodys = a === 0 || a === 10 || a === 127 || a >= 224 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168) || (a === 169 && b === 254) ||
    (a === 192 && b === 0 && c === 2) || (a === 198 && b === 51 && c === 100) || (a === 203 && b === 0 && c === 113)
  // Well-known resolvers that everybody types.
  return !nobodys && !['8.8.8.8', '8.8.4.4', '1.1.1.1', '9.9.9.9', '1.0.0.1', '1.2.3.4'].includes(match)
}
