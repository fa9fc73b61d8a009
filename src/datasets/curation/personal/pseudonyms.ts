import { createHmac } from 'node:crypto'
import type { PersonalKind } from './found.ts'

/**
 * What stands in the place of personal data looks like it, so that a model
 * learns to write letters and not tags, and so that what was missed hides among
 * what was not (Carrell et al. 2013, doi 10.1136/amiajnl-2012-001034). Nobody
 * has it: names are made up of syllables, everything else is of ranges that are
 * never given out. Each is known by its shape, so that it is not replaced again.
 */
export interface Pseudonyms {
  /** The same person's same datum always has the same one; without the key nobody can tell from which it was made. */
  of (group: string, kind: PersonalKind, text: string): string
}

const starts = 'Bal Bren Cal Cor Dam Dor El Fal Fen Gal Gor Hal Jas Kal Kel Lam Lor Mal Mer Mor Nal Nor Or Pel Per Quil Ral Rov Sal Sel Sor Tal Tam Tel Thal Tor Ul Val Var Vel Ver Vil Wen Wyl Yar Yel Zan Zor'.split(' ')
const ends = 'adeth adrin agost alind amoth andiv anneth aphir aquin arend arvil asper athen avond edrin elgar emond enith eravin eskil evand ibran idorn igorn ilvan imbel indor irand isold ithar ivend obrin odrath ofern olvar omber ondril oraden orvik osteth othen ovand udren ugard ulmar umber undir urvand usmeth utharn'.split(' ')
const invented = String.raw`(?:${starts.join('|')})(?:${ends.join('|')})`
const inventedWord = new RegExp(`^${invented}$`, 'i')

/** Every shape that `of` gives but for days of birth, which stay the same when they are read again. */
const shapes = new RegExp([
  String.raw`(?<![\p{L}\p{N}])(?:${invented}(?:\.${invented})?\d\d@example\.(?:com|net|org)|https://example\.(?:com|net|org)/${invented}\d\d|@${invented}\d\d|\d{1,2} ${invented} Street, ${invented}|${invented})(?![\p{L}\p{N}])`,
  // No exchange begins with 0 in the North American plan.
  String.raw`(?<![\p{N}+])\+1 555 0\d\d \d{4}(?!\p{N})`,
  String.raw`(?<![\p{N}])15550\d{6}(?!\p{N})`,
  // No British postcode begins with Q.
  String.raw`(?<![\p{L}\p{N}])QX\d\d \dZZ(?![\p{L}\p{N}])`,
  String.raw`(?<![\p{L}\p{N}])ID-0\d{6}(?!\p{N})`,
  // Documentation's own: RFC 5737, RFC 3849.
  String.raw`(?<![\p{N}.])203\.0\.113\.\d{1,3}(?![\p{N}.])|2001:db8::[\da-f]{1,4}(?![\da-f:])`
].join('|'), 'giu')

/** The longest is an address of 40 characters. */
const longest = 48

/** Whether a place in a text has a pseudonym in it or is in one. */
export function touchesPseudonym (text: string, from: number, to: number): boolean {
  const start = Math.max(0, from - longest)
  for (const { index, 0: match } of text.slice(start, to + longest).matchAll(shapes)) if (start + index < to && start + index + match.length > from) return true
  return false
}

export function isPseudonym (word: string): boolean { return inventedWord.test(word) }

/** A chat repeats its names; of so many pseudonyms none is worked out twice. */
const mostAtHand = 10_000

export function createPseudonyms (key: Uint8Array): Pseudonyms {
  const atHand = new Map<string, Buffer>()

  function draw (group: string, kind: string, text: string): Buffer {
    const what = JSON.stringify([group, kind, text])
    const before = atHand.get(what)
    if (before !== undefined) return before
    const bytes = createHmac('sha256', key).update(what).digest()
    if (atHand.size >= mostAtHand) atHand.clear()
    atHand.set(what, bytes)
    return bytes
  }

  /** A word of a name, whatever its case and accents: 2,400 of them, so that two names in a conversation are rarely one. */
  function word (group: string, text: string): string {
    const bytes = draw(group, 'name', plain(text))
    return starts[bytes.readUInt16BE(0) % starts.length]! + ends[bytes.readUInt16BE(2) % ends.length]!
  }

  function name (group: string, text: string): string {
    return text.replace(/\p{L}[\p{L}\p{M}'’]*/gu, part => {
      if (part.length === 1) return initials[draw(group, 'initial', plain(part))[0]! % initials.length]!
      // "van der Berg" keeps what is no name in it.
      return /^\p{Ll}/u.test(part) && /\p{Lu}/u.test(text) ? part : cased(word(group, part), part)
    })
  }

  return {
    of (group, kind, text) {
      const bytes = draw(group, kind, kind === 'phone' ? text.replace(/\D/g, '').slice(-significant) : plain(text))
      const number = (places: number): string => String(bytes.readUInt32BE(8) % 10 ** places).padStart(places, '0')
      const domain = ['com', 'net', 'org'][bytes[0]! % 3]!
      switch (kind) {
        case 'name': return name(group, text)
        case 'email': {
          const parts = text.slice(0, text.indexOf('@')).match(/\p{L}{2,}/gu)?.slice(0, 2) ?? [text]
          return `${parts.map(part => word(group, part).toLowerCase()).join('.')}${number(2)}@example.${domain}`
        }
        case 'page': return `https://example.${domain}/${word(group, text).toLowerCase()}${number(2)}`
        case 'handle': return `@${word(group, text).toLowerCase()}${number(2)}`
        case 'phone': return `+1 555 0${number(6).slice(0, 2)} ${number(6).slice(2)}`
        case 'address': return `${1 + bytes[0]! % 99} ${word(group, text)} Street, ${word(group, `${text} town`)}`
        case 'postcode': return `QX${number(3).slice(0, 2)} ${number(3).slice(2)}ZZ`
        case 'number': return `ID-0${number(6)}`
        case 'ip': return text.includes(':') ? `2001:db8::${(bytes.readUInt16BE(0) || 1).toString(16)}` : `203.0.113.${1 + bytes[0]! % 254}`
        // The year stays: what an age decides is what many rows are about. Whoever it is cannot be told from it alone.
        case 'birth': return yearOnly(text)
      }
    }
  }
}

/** A number is one with its country code or without. */
const significant = 9
const initials = 'ABCDEFGHJKLMNPRSTVWZ'

function plain (text: string): string { return text.normalize('NFKD').replace(/\p{M}/gu, '').replace(/['’]/g, '').toLowerCase().trim() }

function cased (word: string, like: string): string {
  if (like === like.toLowerCase()) return word.toLowerCase()
  return like === like.toUpperCase() ? word.toUpperCase() : word
}

/** The first of January of the year, in figures as they were written. */
function yearOnly (text: string): string {
  const year = /\d{4}/.exec(text)?.[0]
  if (year !== undefined && /^\d{4}/.test(text)) return `${year}-01-01`
  const joint = /^\d+([-/.])/.exec(text)?.[1] ?? '/'
  return `01${joint}01${year === undefined ? /^\d+[-/.]\d+[-/.]\d\d$/.test(text) ? `${joint}${text.slice(-2)}` : '' : `${joint}${year}`}`
}
