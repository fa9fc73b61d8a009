import { union, type Ranges } from './charset.ts'
import { unsupported } from './refusal.ts'
import type { Regex } from './regex.ts'

/** States of a pattern with its counts written out, and of what comes of several patterns and bounds together: 0.2 s of work. */
const mostStates = 6000
/** Steps of the construction, each of one state of a pattern. */
const mostWork = 1_500_000

/** A deterministic automaton without dead ends; state 0 is the start. Empty when no text fits. */
export type Automaton = readonly {
  readonly accepts: boolean
  readonly edges: readonly { readonly on: Ranges, readonly to: number }[]
}[]

/**
 * The texts that every one of the patterns matches somewhere (as JSON Schema
 * has it: only anchors tie a pattern to the ends), and that have from `min` to
 * `max` characters.
 */
export function automatonOf (regexes: readonly Regex[], min: number, max: number, at: string): Automaton {
  const complex = (): Error => unsupported(at, 'its patterns, formats and length bounds together are too complex. Use fewer, or lower counts.')
  if (regexes.reduce((sum, regex) => sum + size(regex), 0) > mostStates) throw complex()
  const machines = regexes.map(regex => new Machine(regex))
  const atoms = atomsOf(machines.flatMap(machine => machine.sets))
  for (const machine of machines) machine.classify(atoms)

  // Counting stops where it no longer makes a difference.
  const counted = max === Infinity ? min : max
  const states: { at: readonly number[], length: number, edges: Map<number, number[]> }[] = []
  const numbers = new Map<string, number>()
  const numberOf = (at: readonly number[], length: number): number => {
    const key = `${length}:${at.join()}`
    let number = numbers.get(key)
    if (number === undefined) {
      number = states.push({ at, length, edges: new Map() }) - 1
      if (number > mostStates) throw complex()
      numbers.set(key, number)
    }
    return number
  }
  numberOf(machines.map(() => 0), 0)
  for (let current = 0; current < states.length; current++) {
    const state = states[current]
    if (state === undefined || state.length === max) continue
    const length = Math.min(state.length + 1, counted)
    const steps = machines.map((machine, index) => machine.steps(state.at[index] ?? 0))
    if (machines.reduce((sum, machine) => sum + machine.work, 0) > mostWork || states.length * atoms.length > mostWork) throw complex()
    for (let atom = 0; atom < atoms.length; atom++) {
      const next = steps.map(step => step[atom] ?? dead)
      if (next.includes(dead)) continue
      const to = numberOf(next, length)
      const on = state.edges.get(to)
      if (on === undefined) state.edges.set(to, [atom])
      else on.push(atom)
    }
  }

  const accepts = states.map(({ at, length }) => length >= min && machines.every((machine, index) => machine.accepts(at[index] ?? 0)))
  const alive = aliveOf(states, accepts)
  if (!alive.has(0)) return []
  const kept = new Map([...alive].toSorted((a, b) => a - b).map((state, index) => [state, index]))
  return [...kept.keys()].map(number => ({
    accepts: accepts[number] === true,
    edges: [...states[number]?.edges ?? []].flatMap(([to, on]) => {
      const target = kept.get(to)
      return target === undefined ? [] : [{ to: target, on: union(on.flatMap(atom => atoms[atom] ?? [])) }]
    })
  }))
}

/** States from which an accepting one can be reached. */
function aliveOf (states: readonly { readonly edges: ReadonlyMap<number, unknown> }[], accepts: readonly boolean[]): Set<number> {
  const before: number[][] = states.map(() => [])
  for (const [from, { edges }] of states.entries()) for (const to of edges.keys()) before[to]?.push(from)
  const todo = states.keys().filter(state => accepts[state] === true).toArray()
  const alive = new Set(todo)
  for (let state = todo.pop(); state !== undefined; state = todo.pop()) {
    for (const from of before[state] ?? []) {
      if (alive.has(from)) continue
      alive.add(from)
      todo.push(from)
    }
  }
  return alive
}

/** The ranges that no set tells apart. */
function atomsOf (sets: readonly Ranges[]): Ranges[] {
  const starts = [...new Set([0, ...sets.flat().flatMap(([from, to]) => [from, to + 1])])].filter(start => start <= 0x10FFFF).toSorted((a, b) => a - b)
  const cells: Ranges = starts.map((start, index) => [start, (starts[index + 1] ?? 0x110000) - 1])
  const groups = new Map<string, [number, number][]>()
  for (const [from, to] of cells) {
    const key = sets.map(set => has(set, from) ? '1' : '0').join('')
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [[from, to]])
    else group.push([from, to])
  }
  return [...groups.values()]
}

const has = (set: Ranges, code: number): boolean => set.some(([from, to]) => from <= code && code <= to)

/** States that a pattern takes with its counts written out. */
function size (regex: Regex): number {
  switch (regex.type) {
    case 'sequence': case 'choice': return regex.parts.reduce((sum, part) => sum + size(part), 2)
    case 'repeat': return (size(regex.of) + 2) * (regex.max === Infinity ? regex.min + 1 : regex.max)
    default: return 2
  }
}

const dead = -1

/**
 * One pattern: a non-deterministic automaton (Thompson's construction), made
 * deterministic as far as it is asked for. The deterministic states are sets
 * of the others, by number; 0 is the start, the only one where ^ holds.
 */
class Machine {
  readonly sets: Ranges[] = []
  /** States looked at so far. */
  work = 0
  readonly #first: number
  readonly #last: number
  /** By state: where it leads for nothing, and where for a character of a set (by the set's number). */
  readonly #free: { to: number, when: 'always' | 'start' | 'end' }[][] = []
  readonly #edges: { set: number, to: number }[][] = []
  readonly #numbers = new Map<string, number>()
  /** By set: the atoms it has. */
  #members: readonly (readonly number[])[] = []
  readonly #closures: (readonly number[] | undefined)[] = []
  readonly #found: (readonly number[])[] = []
  readonly #known = new Map<string, number>()
  readonly #steps: (readonly number[] | undefined)[] = []

  constructor (regex: Regex) {
    this.#first = this.#state()
    const begin = this.#state()
    const end = this.#state()
    this.#last = this.#state()
    const any: Ranges = [[0, 0x10FFFF]]
    // It may match anywhere.
    this.#link(this.#first, begin)
    this.#char(this.#first, any, this.#first)
    this.#build(regex, begin, end)
    this.#link(end, this.#last)
    this.#char(this.#last, any, this.#last)
    this.#found.push(this.#close([this.#first], true, false))
  }

  /** The atoms that the edges will be told apart by. */
  classify (atoms: readonly Ranges[]): void {
    this.#members = this.sets.map(set => atoms.flatMap(([range], atom) => range !== undefined && has(set, range[0]) ? [atom] : []))
  }

  /** By atom: the deterministic state it leads to. */
  steps (number: number): readonly number[] {
    const steps = this.#steps[number] ?? this.#step(this.#found[number] ?? [])
    this.#steps[number] = steps
    return steps
  }

  accepts (number: number): boolean {
    return this.#close(this.#found[number] ?? [], number === 0, true).includes(this.#last)
  }

  #step (states: readonly number[]): number[] {
    const targets: (Set<number> | undefined)[] = []
    for (const state of states) {
      for (const { set, to } of this.#edges[state] ?? []) {
        const closure = this.#closures[to] ??= this.#close([to], false, false).filter(state => this.#matters(state))
        for (const atom of this.#members[set] ?? []) {
          const target = targets[atom] ??= new Set()
          for (const state of closure) target.add(state)
          this.work += closure.length
        }
      }
    }
    return Array.from(targets, target => target === undefined ? dead : this.#numberOf(target))
  }

  #numberOf (states: ReadonlySet<number>): number {
    // Once matched, whatever follows: nothing else need be remembered.
    const found = states.has(this.#last) ? [this.#last] : [...states].sort((a, b) => a - b)
    const key = found.join()
    let number = this.#known.get(key)
    if (number === undefined) {
      number = this.#found.push(found) - 1
      this.#known.set(key, number)
    }
    return number
  }

  /** States that only lead on for nothing need not be remembered. */
  #matters (state: number): boolean {
    return state === this.#last || this.#edges[state]?.length !== 0 || this.#free[state]?.some(({ when }) => when !== 'always') === true
  }

  /** All that the states lead to for nothing. */
  #close (states: readonly number[], start: boolean, end: boolean): number[] {
    const seen = new Set(states)
    const todo = [...states]
    for (let state = todo.pop(); state !== undefined; state = todo.pop()) {
      for (const { to, when } of this.#free[state] ?? []) {
        if (seen.has(to) || (when === 'start' && !start) || (when === 'end' && !end)) continue
        seen.add(to)
        todo.push(to)
      }
    }
    return [...seen]
  }

  #state (): number {
    this.#edges.push([])
    return this.#free.push([]) - 1
  }

  #link (from: number, to: number, when: 'always' | 'start' | 'end' = 'always'): void { this.#free[from]?.push({ to, when }) }

  #char (from: number, set: Ranges, to: number): void {
    const key = set.join()
    let number = this.#numbers.get(key)
    if (number === undefined) {
      number = this.sets.push(set) - 1
      this.#numbers.set(key, number)
    }
    this.#edges[from]?.push({ set: number, to })
  }

  #build (regex: Regex, from: number, to: number): void {
    switch (regex.type) {
      case 'set': return this.#char(from, regex.set, to)
      case 'start': case 'end': return this.#link(from, to, regex.type)
      case 'choice': {
        for (const part of regex.parts) this.#build(part, from, to)
        return
      }
      case 'sequence': {
        let at = from
        for (const part of regex.parts) {
          const next = this.#state()
          this.#build(part, at, next)
          at = next
        }
        return this.#link(at, to)
      }
      case 'repeat': {
        let at = from
        const more = (): number => {
          const next = this.#state()
          this.#build(regex.of, at, next)
          return next
        }
        for (let count = 0; count < regex.min; count++) at = more()
        if (regex.max === Infinity) {
          // A state of its own, so that the loop cannot be entered from elsewhere.
          const loop = this.#state()
          this.#link(at, loop)
          this.#build(regex.of, loop, loop)
          return this.#link(loop, to)
        }
        for (let count = regex.min; count < regex.max; count++) {
          this.#link(at, to)
          at = more()
        }
        return this.#link(at, to)
      }
    }
  }
}
