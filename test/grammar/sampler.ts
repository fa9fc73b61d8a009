/** A grammar as llama.cpp reads it, for drawing random texts from. */
export class Sampler {
  readonly #rules = new Map<string, Item[][]>()
  /** By rule: how many rules deep its shortest text lies. */
  readonly #depths = new Map<string, number>()

  constructor (gbnf: string) {
    for (const line of gbnf.split('\n')) {
      if (line === '') continue
      const [, name, body] = /^([a-zA-Z0-9-]+) ::= ?(.*)$/.exec(line) ?? []
      if (name === undefined || body === undefined) throw new Error(`not a rule: ${line}`)
      this.#rules.set(name, new Reader(body).whole())
    }
    for (let before = -1; before < this.#depths.size;) {
      before = this.#depths.size
      for (const [name, options] of this.#rules) {
        if (this.#depths.has(name)) continue
        const depth = Math.min(...options.map(option => this.#depthOf(option)))
        if (depth < Infinity) this.#depths.set(name, depth + 1)
      }
    }
    if (!this.#depths.has('root')) throw new Error('the root has no text')
  }

  /** A text; `random` gives numbers from 0 to 1. After about `effort` choices the shortest way out is taken. */
  text (random: () => number, effort = 150): string {
    const out: string[] = []
    let left = effort
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
    const write = (options: readonly Item[][]): void => {
      const depths = options.map(option => this.#depthOf(option))
      const allowed = options.filter((_, index) => left > 0 ? depths[index] !== Infinity : depths[index] === Math.min(...depths))
      for (const item of pick(allowed)) {
        const most = Math.min(item.max, item.min + (left > 0 ? 6 : 0))
        // Now and then as many as there may be.
        const times = left > 0 && item.max < 100 && random() < 0.1 ? item.max : item.min + Math.floor(random() * (most - item.min + 1))
        for (let time = 0; time < times; time++) {
          left--
          if (item.type === 'text') out.push(item.text)
          else if (item.type === 'set') out.push(String.fromCodePoint(within(pick(item.ranges), random)))
          else write(item.type === 'group' ? item.options : this.#rules.get(item.name) ?? [])
        }
      }
    }
    write([[{ type: 'rule', name: 'root', min: 1, max: 1 }]])
    return out.join('')
  }

  #depthOf (option: readonly Item[]): number {
    return Math.max(0, ...option.map(item => {
      if (item.min === 0 || item.type === 'text' || item.type === 'set') return 0
      if (item.type === 'rule') return this.#depths.get(item.name) ?? (this.#rules.has(item.name) ? Infinity : fail(item.name))
      return Math.min(...item.options.map(option => this.#depthOf(option)))
    }))
  }
}

type Item = { readonly min: number, readonly max: number } & (
  | { readonly type: 'text', readonly text: string }
  | { readonly type: 'set', readonly ranges: [number, number][] }
  | { readonly type: 'rule', readonly name: string }
  | { readonly type: 'group', readonly options: Item[][] })

const fail = (name: string): never => { throw new Error(`no rule ${name}`) }
const within = ([from, to]: [number, number], random: () => number): number => from + Math.floor(random() * (to - from + 1))

class Reader {
  readonly #chars: string[]
  #pos = 0

  constructor (body: string) { this.#chars = [...body] }

  whole (): Item[][] {
    const options = this.#options()
    if (this.#pos < this.#chars.length) throw new Error(`unread: ${this.#chars.slice(this.#pos).join('')}`)
    return options
  }

  #take (char: string): boolean {
    if (this.#chars[this.#pos] !== char) return false
    this.#pos++
    return true
  }

  #options (): Item[][] {
    const options: Item[][] = []
    do {
      const items: Item[] = []
      for (;;) {
        while (this.#take(' '));
        const next = this.#chars[this.#pos]
        if (next === undefined || next === '|' || next === ')') break
        items.push(this.#item())
      }
      options.push(items)
    } while (this.#take('|'))
    return options
  }

  #item (): Item {
    const once = { min: 1, max: 1 }
    let item: Item
    if (this.#take('"')) {
      let text = ''
      while (!this.#take('"')) text += String.fromCodePoint(this.#char())
      item = { ...once, type: 'text', text }
    } else if (this.#take('[')) {
      const ranges: [number, number][] = []
      while (!this.#take(']')) {
        const from = this.#char()
        ranges.push([from, this.#take('-') ? this.#char() : from])
      }
      item = { ...once, type: 'set', ranges }
    } else if (this.#take('(')) {
      item = { ...once, type: 'group', options: this.#options() }
      if (!this.#take(')')) throw new Error('no )')
    } else {
      let name = ''
      while (/[a-zA-Z0-9-]/.test(this.#chars[this.#pos] ?? '')) name += this.#chars[this.#pos++]
      if (name === '') throw new Error(`unread: ${this.#chars.slice(this.#pos).join('')}`)
      item = { ...once, type: 'rule', name }
    }
    if (this.#take('*')) return { ...item, min: 0, max: Infinity }
    if (this.#take('+')) return { ...item, min: 1, max: Infinity }
    if (this.#take('?')) return { ...item, min: 0, max: 1 }
    const [bounds, min = '', comma, max = ''] = /^\{(\d+)(,?)(\d*)\}/.exec(this.#chars.slice(this.#pos, this.#pos + 20).join('')) ?? []
    if (bounds === undefined) return item
    this.#pos += bounds.length
    return { ...item, min: Number(min), max: comma === '' ? Number(min) : max === '' ? Infinity : Number(max) }
  }

  #char (): number {
    const char = this.#chars[this.#pos++] ?? ''
    if (char !== '\\') return char.codePointAt(0) ?? 0
    const kind = this.#chars[this.#pos++] ?? ''
    const digits = { x: 2, u: 4, U: 8 }[kind]
    if (digits === undefined) return ({ n: '\n', r: '\r', t: '\t' }[kind] ?? kind).codePointAt(0) ?? 0
    this.#pos += digits
    return Number.parseInt(this.#chars.slice(this.#pos - digits, this.#pos).join(''), 16)
  }
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomFrom (seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6D2B79F5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
