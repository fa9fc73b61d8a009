import { chars, negate, union, type Ranges } from './charset.ts'
import { invalid, unsupported } from './refusal.ts'

/** A regular expression, of which only the texts it fits count. */
export type Regex =
  | { readonly type: 'set', readonly set: Ranges }
  | { readonly type: 'sequence' | 'choice', readonly parts: readonly Regex[] }
  | { readonly type: 'repeat', readonly of: Regex, readonly min: number, readonly max: number }
  | { readonly type: 'start' | 'end' }

/** Characters of a pattern; the longest in use (dates with leap years, addresses) have some hundreds. */
const longest = 4000
/** Groups in groups: the parser goes down with them. */
const deepest = 50

const digit: Ranges = [[0x30, 0x39]]
const word = union(digit, [[0x41, 0x5A], [0x61, 0x7A]], chars('_'))
const space = union(chars('\t\n\v\f\r \u00A0\u1680\u2028\u2029\u202F\u205F\u3000\uFEFF'), [[0x2000, 0x200A]])
const classes: Record<string, Ranges> = { d: digit, D: negate(digit), w: word, W: negate(word), s: space, S: negate(space) }
const controls: Record<string, string> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v', 0: '\0' }
const lineEnds = chars('\n\r\u2028\u2029')

/**
 * Reads a `pattern` as ECMAScript does: classes, quantifiers, groups,
 * alternatives and anchors. Refuses what a grammar cannot hold an answer to
 * (look-around, back-references, word boundaries, Unicode properties), by name.
 */
export function parseRegex (source: string, at: string): Regex {
  if (source.length > longest) throw unsupported(at, `the pattern is longer than ${longest} characters.`)
  return new Parser(source, at).parse()
}

class Parser {
  readonly #source: string
  readonly #at: string
  #pos = 0
  #depth = 0

  constructor (source: string, at: string) {
    this.#source = source
    this.#at = at
  }

  parse (): Regex {
    const regex = this.#alternatives()
    if (this.#pos < this.#source.length) throw this.#wrong()
    return regex
  }

  #wrong (): Error { return invalid(this.#at, `the pattern is not a regular expression: it goes wrong at character ${this.#pos + 1}.`) }
  #refuse (what: string): Error { return unsupported(this.#at, `the pattern uses ${what}, which no grammar can express. Leave it out.`) }

  #take (text: string): boolean {
    if (!this.#source.startsWith(text, this.#pos)) return false
    this.#pos += text.length
    return true
  }

  #next (): string {
    const code = this.#source.codePointAt(this.#pos)
    if (code === undefined) throw this.#wrong()
    const char = String.fromCodePoint(code)
    this.#pos += char.length
    return char
  }

  #alternatives (): Regex {
    if (++this.#depth > deepest) throw unsupported(this.#at, `the pattern's groups are nested deeper than ${deepest}.`)
    const parts = [this.#sequence()]
    while (this.#take('|')) parts.push(this.#sequence())
    this.#depth--
    return { type: 'choice', parts }
  }

  #sequence (): Regex {
    const parts: Regex[] = []
    while (this.#pos < this.#source.length && !'|)'.includes(this.#source[this.#pos] ?? '')) parts.push(this.#quantified(this.#atom()))
    return { type: 'sequence', parts }
  }

  #quantified (of: Regex): Regex {
    const bounds = /^(?:[*+?]|\{(\d{1,9})(,?)(\d{0,9})\})\??/.exec(this.#source.slice(this.#pos, this.#pos + 24))
    if (bounds === null) return of
    if (of.type === 'start' || of.type === 'end') throw this.#wrong()
    this.#pos += bounds[0].length
    const [sign] = bounds[0]
    const min = sign === '{' ? Number(bounds[1]) : sign === '+' ? 1 : 0
    const max = sign === '{' ? (bounds[2] === '' ? min : bounds[3] === '' ? Infinity : Number(bounds[3])) : sign === '?' ? 1 : Infinity
    if (max < min || '*+?'.includes(this.#source[this.#pos] || ' ')) throw this.#wrong()
    return { type: 'repeat', of, min, max }
  }

  #atom (): Regex {
    const char = this.#next()
    switch (char) {
      case '^': return { type: 'start' }
      case '$': return { type: 'end' }
      case '.': return { type: 'set', set: negate(lineEnds) }
      case '(': return this.#group()
      case '[': return { type: 'set', set: this.#class() }
      case '\\': return { type: 'set', set: this.#escape(false) }
      case '*': case '+': case '?': throw this.#wrong()
      default: return { type: 'set', set: chars(char) }
    }
  }

  #group (): Regex {
    if (this.#take('?')) {
      if (this.#take('=') || this.#take('!') || this.#take('<=') || this.#take('<!')) throw this.#refuse('look-around')
      const name = /^<[\p{ID_Start}$_][\p{ID_Continue}$]*>/u.exec(this.#source.slice(this.#pos))
      if (name !== null) this.#pos += name[0].length
      else if (!this.#take(':')) throw this.#refuse('flags in a group')
    }
    const regex = this.#alternatives()
    if (!this.#take(')')) throw this.#wrong()
    return regex
  }

  #class (): Ranges {
    const negated = this.#take('^')
    const sets: Ranges[] = []
    while (!this.#take(']')) {
      const low = this.#member()
      // A class in a range (`[\w-.]`) makes the dash a character.
      if (this.#source[this.#pos] !== '-' || this.#source[this.#pos + 1] === ']' || single(low) === null) {
        sets.push(low)
        continue
      }
      this.#pos++
      const high = this.#member()
      const [from, to] = [single(low), single(high)]
      if (from === null || to === null) sets.push(low, chars('-'), high)
      else if (to < from) throw this.#wrong()
      else sets.push([[from, to]])
    }
    const set = union(...sets)
    return negated ? negate(set) : set
  }

  #member (): Ranges {
    const char = this.#next()
    return char === '\\' ? this.#escape(true) : chars(char)
  }

  #escape (inClass: boolean): Ranges {
    const char = this.#next()
    const known = classes[char]
    if (known !== undefined) return known
    if (inClass && char === 'b') return chars('\b')
    const control = controls[char]
    if (control !== undefined && !/^0\d/.test(this.#source.slice(this.#pos - 1, this.#pos + 1))) return chars(control)
    const code = char === 'x' ? this.#hex(/^[\da-f]{2}/i) : char === 'u' ? this.#hex(/^(?:[\da-f]{4}|\{[\da-f]{1,6}\})/i) : null
    if (code !== null) {
      if (code > 0x10FFFF) throw this.#wrong()
      return [[code, code]]
    }
    if (/\d/.test(char) || char === 'k') throw this.#refuse('a back-reference')
    if (char === 'b' || char === 'B') throw this.#refuse('a word boundary')
    if (char === 'p' || char === 'P') throw this.#refuse('a Unicode property')
    if (/[A-Za-z]/.test(char)) throw this.#wrong()
    return chars(char)
  }

  #hex (form: RegExp): number {
    const found = form.exec(this.#source.slice(this.#pos, this.#pos + 8))
    if (found === null) throw this.#wrong()
    this.#pos += found[0].length
    const code = Number.parseInt(found[0].replace(/[{}]/g, ''), 16)
    // Two escapes of four digits can be one character.
    const low = code >= 0xD800 && code < 0xDC00 ? /^\\u(d[c-f][\da-f]{2})/i.exec(this.#source.slice(this.#pos, this.#pos + 6)) : null
    if (low === null) return code
    this.#pos += low[0].length
    return 0x10000 + (code - 0xD800) * 0x400 + Number.parseInt(low[1] ?? '', 16) - 0xDC00
  }
}

/** The one character of a set, or null. */
function single (set: Ranges): number | null {
  const [range] = set
  return set.length === 1 && range !== undefined && range[0] === range[1] ? range[0] : null
}
