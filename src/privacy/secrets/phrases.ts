import type { Found, SecretKind } from './found.ts'

/** What stands between the word for a secret and the secret. Bounded, as all repetitions here are. */
const link = String.raw`(?:\s(?:for|to|of|on|at|is for|für|de|pour|para)\s[^\n.,;:!?=]{1,40}?)?(?:\s?[:=]{1,2}>?\s?|\s(?:(?:was |were |is |has been )?(?:now )?(?:set|changed|reset) to|is now|is|was|are|will be|would be|ist|lautet|es|est|to)\s?:?\s)`
const quote = '["\'`“”‘’«»]'

/** Words that name a password, in the languages of the profile's rules. */
const passwords = new RegExp(String.raw`(?<![\p{L}\p{N}])(?:[\p{L}\p{N}]{0,20}[_-]|pg)?(?:passwords?|passwd|pass ?phrase|pass ?code|pass|pwd|pw|passwort|kennwort|contraseña|mot de passe|wi-?fi key)${quote}?${link}(${quote}?)((?<=["'\x60“‘«])[^\n"'\x60“”‘’«»\[]{3,60}(?=["'\x60”’»])|[^\s"'\x60“”‘’«»\[]{3,100})(${quote}?)`, 'giu')
/** Short numbers are secrets only by their name. */
const codes = new RegExp(String.raw`(?<![\p{L}\p{N}])(?:pin|pin[- ]code|pin[- ]number|cvv2?|cvc2?|cv[vc] code|security code|card code|otp|one[- ]time (?:code|password|passcode)|2fa code|verification code|tan|unlock code|alarm code|safe combination|recovery code)${link}${quote}?(\d[\d -]{1,9}\d)(?![\d.]|\s?(?:digits|characters|euros?|dollars|percent|%))`, 'giu')
/** Words beside which letters and digits in disorder are a key. */
const keys = /(?<!(?:public|gpg|pgp)[ _-]?)(?:api|access|secret|private|auth|bearer|client|license|licence|encryption|signing|service|master|account|webhook|shared|session)?[ _-]?(?:keys?|secret|token|credentials?|apikey|bearer|signature)\b[^\n]{0,40}?[\s:="'\x60(]([\w+/=.~-]{16,512})(?![\w+/=~-])/giu
/** Words of a wallet's recovery phrase (BIP 39): 12 to 24 words of 3 to 8 letters. */
const recovery = /\b(?:seed|recovery|backup|mnemonic|wallet) (?:phrase|words|seed)[^\n]{0,30}?[:\s"'](?=\S)((?:[a-z]{3,8},? ){11,23}[a-z]{3,8})\b/g

export function phrases (text: string): Found[] {
  return [
    ...captured(text, passwords, 'password', 2, likePassword),
    ...captured(text, codes, 'password', 1, () => true),
    ...captured(text, keys, 'key', 1, likeKey),
    ...captured(text, recovery, 'private key', 1, () => true)
  ]
}

function captured (text: string, pattern: RegExp, kind: SecretKind, group: number, like: (value: string, match: RegExpMatchArray) => boolean): Found[] {
  return [...text.matchAll(pattern)].flatMap(match => {
    const value = match[group]!.replace(/[.,;:!?)\]}>]+$/, '')
    const from = match.index + match[0].lastIndexOf(match[group]!)
    return value.length > 2 && like(value, match) ? [{ kind, from, to: from + value.length }] : []
  })
}

/** What is said of a password, not the password. */
const remark = /^(?:wrong|incorrect|invalid|correct|right|weak|strong|safe|secure|unsafe|insecure|too|not|now|still|always|never|being|been|the|an?|my|your|his|her|our|their|its|same|different|short|long|empty|blank|null|none|undefined|true|false|string|required|optional|case-sensitive|unknown|missing|lost|gone|stored|hashed|salted|encrypted|expired|reset|changed|set|saved|shared|sent|shown|visible|hidden|wrongly|very|quite|really|only|just|also|any|some|something|what|where|when|how|that|this|these|those|it|in|on|at|by|for|from|with|to|of|and|or|but|if|so|because|needed|necessary|important|easy|hard|difficult|simple|complex|unique|random|public|private|case|stronger|weaker|longer|shorter|old|new|default|temporary|there|here|probably|maybe|already|at|least|asked|log|login|username|user|password|process\.env.*|os\.environ.*|\$.*|\{.*|<.*|\*+|x+|\.+|…)$/i

/** Unquoted it has a digit, a sign or capitals inside; or it is a word that ends the clause and is none that passwords are described by. */
function likePassword (value: string, match: RegExpMatchArray): boolean {
  if (remark.test(value) || /^(?:process\.env|os\.environ|getenv|https?:\/\/|\$\{?|%)/i.test(value) || /^[\w.]+\(/.test(value) || /^(.)\1*$/.test(value)) return false
  if (match[1] !== '' && match[3] !== '') return true
  if (/[\d!@#$%^&*_+=?~|\\]/.test(value) && !/^\d{1,2}(?:st|nd|rd|th|[-–]|$)/.test(value)) return true
  if (/\p{Ll}\p{Lu}/u.test(value)) return true
  const after = match.input!.slice(match.index! + match[0].length, match.index! + match[0].length + 8)
  const stated = /(?:is|:|=|ist|lautet|es|est)\s*$/i.test(match[0].slice(0, match[0].lastIndexOf(match[2]!)))
  const ended = /[.,;!]$/.test(match[2]!) || /^(?:\s*$|\s*\n|\s(?:and|but|so|please|btw|if)\b|[.,;!])/.test(after)
  return stated && ended && /^[\p{L}-]{4,30}$/u.test(value) && !/(?:ed|ing|able|ible|less|ful|ly|ive|ous)$/i.test(value)
}

/** Letters and digits in disorder: at least 3 bits a character (Shannon); hexadecimal reaches 4, base64 6, English words with a number about 2.5. */
function likeKey (value: string): boolean {
  if (!/\d/.test(value) || !/[a-z]/i.test(value) || /^(?:\/\/|https?:|www\.|\d{4}-\d\d-\d\d)/.test(value) || /\.(?:[a-z]{2,4})$/i.test(value)) return false
  // Words joined by hyphens, underscores, dots or strokes are a name or a path.
  if (value.split(/[-_./]/).filter(part => /^(?:[a-z]{3,}|[A-Z]{3,}|\d{1,4})$/.test(part)).length >= 3) return false
  const counts = new Map<string, number>()
  for (const character of value) counts.set(character, (counts.get(character) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= count / value.length * Math.log2(count / value.length)
  return bits >= 3
}
