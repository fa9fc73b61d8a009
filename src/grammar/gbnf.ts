import type { Ranges } from './charset.ts'

/** An expression of a grammar. */
export type Node =
  | { readonly type: 'text', readonly text: string }
  | { readonly type: 'set', readonly set: Ranges }
  | { readonly type: 'rule', readonly name: string }
  | { readonly type: 'sequence', readonly parts: readonly Node[] }
  | { readonly type: 'choice', readonly options: readonly Node[] }
  /** `of` is a rule or a set, so that llama.cpp copies one element only; at most `chunk` times, or Infinity. */
  | { readonly type: 'repeat', readonly of: Node, readonly min: number, readonly max: number }

export const text = (text: string): Node => ({ type: 'text', text })
export const set = (set: Ranges): Node => set.length === 0 ? never : { type: 'set', set }
export const sequence = (...parts: readonly Node[]): Node =>
  parts.length === 1 && parts[0] !== undefined ? parts[0] : { type: 'sequence', parts: parts.flatMap(part => part.type === 'sequence' ? part.parts : [part]) }
export const choice = (...options: readonly Node[]): Node =>
  options.length === 1 && options[0] !== undefined ? options[0] : { type: 'choice', options: options.flatMap(option => option.type === 'choice' ? option.options : [option]) }
/** The empty text. */
export const empty: Node = sequence()
/** No text at all. */
export const never: Node = choice()

/** A text as a literal of GBNF. */
export const literal = (text: string): string => `"${[...text].map(char => escape(char, '"\\')).join('')}"`

function escape (char: string, special: string): string {
  const code = char.codePointAt(0) ?? 0
  if (special.includes(char)) return `\\${char}`
  if (char === '\n') return '\\n'
  if (code >= 0x20 && code < 0x7F) return char
  return code > 0xFFFF ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
}

/** `alive` tells which rules have any text at all: options that need another one are left out. */
export function render (node: Node, alive: (rule: string) => boolean = () => true): string {
  switch (node.type) {
    case 'text': return literal(node.text)
    case 'set': return classOf(node.set)
    case 'rule': return node.name
    case 'sequence': return node.parts.length === 0 ? '""' : node.parts.map(part => part.type === 'choice' ? `(${render(part, alive)})` : render(part, alive)).join(' ')
    case 'choice': return node.options.filter(option => lives(option, alive)).map(option => render(option, alive)).join(' | ')
    case 'repeat': return !lives(node.of, alive) ? '""' : render(node.of, alive) + times(node.min, node.max)
  }
}

function times (min: number, max: number): string {
  if (max === Infinity) return min === 0 ? '*' : min === 1 ? '+' : `{${min},}`
  if (min === 0 && max === 1) return '?'
  return min === max ? `{${min}}` : `{${min},${max}}`
}

function classOf (ranges: Ranges): string {
  const one = (code: number): string => {
    // llama.cpp knows no \^ but takes ^ by its number.
    const char = String.fromCodePoint(code)
    return char === '^' ? '\\x5E' : escape(char, '[]-\\')
  }
  return `[${ranges.map(([from, to]) => from === to ? one(from) : `${one(from)}-${one(to)}`).join('')}]`
}

/** Whether any text fits the expression, given the rules that have one. */
export function lives (node: Node, alive: (rule: string) => boolean): boolean {
  switch (node.type) {
    case 'text': return true
    case 'set': return true
    case 'rule': return alive(node.name)
    case 'sequence': return node.parts.every(part => lives(part, alive))
    case 'choice': return node.options.some(option => lives(option, alive))
    case 'repeat': return node.min === 0 || lives(node.of, alive)
  }
}

/** Whether the empty text fits. */
export function nullable (node: Node, rule: (name: string) => boolean): boolean {
  switch (node.type) {
    case 'text': return node.text === ''
    case 'set': return false
    case 'rule': return rule(node.name)
    case 'sequence': return node.parts.every(part => nullable(part, rule))
    case 'choice': return node.options.some(option => nullable(option, rule))
    case 'repeat': return node.min === 0 || nullable(node.of, rule)
  }
}

/** The rules that an expression names. */
export function rulesIn (node: Node): string[] {
  switch (node.type) {
    case 'text': case 'set': return []
    case 'rule': return [node.name]
    case 'sequence': return node.parts.flatMap(rulesIn)
    case 'choice': return node.options.flatMap(rulesIn)
    case 'repeat': return rulesIn(node.of)
  }
}
