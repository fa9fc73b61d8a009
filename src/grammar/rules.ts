import { choice, empty, lives, never, nullable, render, rulesIn, sequence, type Node } from './gbnf.ts'
import { invalid, unsupported } from './refusal.ts'

/** llama.cpp refuses 2,000 and more repetitions, and writes a rule of its own for each optional one. */
const chunk = 1000
/** Repetitions from which on a bound is none: longer than any model's context. */
const endless = 1_000_000
/** Elements of the grammar as llama.cpp holds it, repetitions written out: about 20 MB and 0.1 s to read. */
const mostElements = 400_000
/** Characters of the grammar's text. */
const mostText = 2_000_000
/** Steps that llama.cpp's search for left recursion may take: it walks shared rules again for each way to them, so that 30 of them in a row could take hours. */
const mostSteps = 20_000_000

/** The rules of one grammar, equal ones only once. */
export class Rules {
  readonly #rules = new Map<string, Node>()
  readonly #names = new Map<string, string>()
  readonly #made = new Map<string, string>()
  #count = 0
  #elements = 0
  #text = 0

  /** A name of its own, to be given a body later: for recursion. */
  reserve (hint: string): string { return `${hint}-${this.#count++}` }

  fill (name: string, body: Node): void {
    this.#weigh(body, render(body))
    this.#rules.set(name, body)
  }

  /** The body under a name. */
  define (hint: string, body: Node): Node {
    if (body.type === 'rule') return body
    const key = render(body)
    let name = this.#names.get(key)
    if (name === undefined) {
      name = this.reserve(hint)
      this.#names.set(key, name)
      this.#weigh(body, key)
      this.#rules.set(name, body)
    }
    return { type: 'rule', name }
  }

  /** The rule of a key, whose body may refer to itself; made once. */
  once (key: string, hint: string, make: () => Node): Node {
    let name = this.#made.get(key)
    if (name === undefined) {
      name = this.reserve(hint)
      this.#made.set(key, name)
      this.fill(name, make())
    }
    return { type: 'rule', name }
  }

  /** At least `min` and at most `max` (or Infinity) times. `of` must not fit the empty text. */
  repeat (of: Node, min: number, max: number): Node {
    if (max < min) return never
    if (min > endless) throw unsupported('#', `it asks for more than ${endless} characters or items.`)
    if (max === 0) return empty
    if (max === 1) return min === 1 ? of : choice(of, empty)
    const one = of.type === 'rule' || of.type === 'set' ? of : this.define('part', of)
    const exactly = (count: number): Node[] => {
      const whole = this.define('chunk', { type: 'repeat', of: one, min: chunk, max: chunk })
      return [...Array.from({ length: Math.floor(count / chunk) }, () => whole), ...(count % chunk === 0 ? [] : [upTo(count % chunk, count % chunk)])]
    }
    const upTo = (min: number, max: number): Node => ({ type: 'repeat', of: one, min, max })
    if (max >= endless) return min < chunk ? upTo(min, Infinity) : sequence(...exactly(min), upTo(0, Infinity))
    if (max < chunk) return upTo(min, max)
    // Long optional runs in chunks: either it ends in this chunk, or the chunk is full and another one may follow. Two
    // ways are open at any time; runs of optional chunks would leave as many open as there are characters.
    const part = this.define('part', upTo(0, chunk - 1))
    let rest = upTo(0, (max - min) % chunk)
    for (let left = (max - min) % chunk; left < max - min; left += chunk) {
      rest = this.define('most', choice(part, sequence(...exactly(chunk), rest)))
    }
    return sequence(...exactly(min), rest)
  }

  /** Refuses what llama.cpp cannot take, and what no text fits. */
  check (root: Node, at: string): void {
    const alive = this.#alive()
    if (!lives(root, name => alive.has(name))) throw invalid(at, 'no value can fit it.')
    this.#walkLeft(at)
  }

  /** One line a rule. */
  text (): string {
    const alive = this.#alive()
    const live = (name: string): boolean => alive.has(name)
    return [...this.#rules].filter(([name]) => alive.has(name)).map(([name, body]) => `${name} ::= ${render(body, live)}\n`).join('')
  }

  #weigh (body: Node, rendered: string): void {
    this.#elements += elements(body)
    this.#text += rendered.length
    if (this.#elements > mostElements || this.#text > mostText) throw unsupported('#', 'its grammar would be too large. Use smaller bounds, shorter enumerations or fewer properties.')
  }

  /** Rules that some text fits. */
  #alive (): Set<string> { return this.#least(lives) }

  /** The rules for which the test holds, given those for which it holds. */
  #least (test: (body: Node, holds: (rule: string) => boolean) => boolean): Set<string> {
    const users = new Map<string, string[]>()
    for (const [name, body] of this.#rules) {
      for (const used of new Set(rulesIn(body))) {
        const list = users.get(used)
        if (list === undefined) users.set(used, [name])
        else list.push(name)
      }
    }
    const found = new Set<string>()
    const todo = [...this.#rules.keys()]
    for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
      const body = this.#rules.get(name)
      if (found.has(name) || body === undefined || !test(body, rule => found.has(rule))) continue
      found.add(name)
      todo.push(...users.get(name) ?? [])
    }
    return found
  }

  /** The steps of llama.cpp's walk over what each rule may begin with. */
  #walkLeft (at: string): void {
    const mayBeEmpty = this.#least(nullable)
    const steps = new Map<string, number>()
    const open = new Set<string>()
    const ofRule = (name: string): number => {
      const known = steps.get(name)
      if (known !== undefined) return known
      if (open.has(name)) throw invalid(at, 'a definition refers to itself with nothing in between.')
      if (open.size > deepest) throw unsupported(at, 'its references lead from one to the next too many times.')
      open.add(name)
      const body = this.#rules.get(name)
      const sum = 1 + (body === undefined ? 0 : ofNode(body))
      open.delete(name)
      steps.set(name, sum)
      return sum
    }
    const ofNode = (node: Node): number => {
      if (node.type === 'rule') return ofRule(node.name)
      if (node.type === 'choice') return node.options.reduce((sum, option) => sum + ofNode(option), 1)
      if (node.type === 'repeat') return ofNode(node.of) * Math.max(1, Number.isFinite(node.max) ? node.max - node.min : 1)
      if (node.type !== 'sequence') return 0
      let sum = 0
      for (const part of node.parts) {
        sum += ofNode(part)
        if (!nullable(part, name => mayBeEmpty.has(name))) break
      }
      return sum
    }
    let all = 0
    for (const name of this.#rules.keys()) all += ofRule(name)
    if (all > mostSteps) throw unsupported(at, 'its alternatives refer to each other in too many ways.')
  }
}

/** Rules in a row that begin with the next: llama.cpp walks them on its stack. */
const deepest = 1000

function elements (node: Node): number {
  switch (node.type) {
    case 'text': return node.text.length
    case 'set': return 2 * node.set.length
    case 'rule': return 1
    case 'sequence': return node.parts.reduce((sum, part) => sum + elements(part), 0)
    case 'choice': return node.options.reduce((sum, option) => sum + elements(option) + 1, 0)
    case 'repeat': return (elements(node.of) + 2) * (Number.isFinite(node.max) ? node.max : node.min + 1)
  }
}
