import { chars, plain, union, without } from './charset.ts'
import { choice, empty, never, sequence, set, text, type Node } from './gbnf.ts'
import { invalid, unsupported, within } from './refusal.ts'
import type { Rules } from './rules.ts'
import { anything, type Schema, type Sub } from './schema.ts'
import { stringNode } from './string.ts'
import { space, type Writer } from './writer.ts'

/** Optional properties of one object: llama.cpp tries as many ways at once wherever the next key begins. */
const mostOptional = 300

/**
 * An object: its properties in the order they are declared in, the required
 * ones always and any of the others, then further ones. Without
 * `additionalProperties` there are no further ones, although JSON Schema would
 * allow them: what nobody declared, nobody reads. An object of which nothing
 * is declared is any.
 */
export function objectNode (values: Writer, schema: Schema, at: string, depth: number): Node {
  const { rules } = values
  const declared = new Map(schema.properties)
  const names = keysOf(values, schema, at)
  const extra = schema.additionalProperties ?? (schema.properties === undefined ? anything : null)
  for (const name of [...schema.required ?? [], ...names.listed ?? []]) if (!declared.has(name)) declared.set(name, required(schema, name, at))
  const listed = names.listed === null ? null : new Set(names.listed)
  const allowed = listed === null ? declared : new Map(declared.entries().filter(([name]) => listed.has(name)))
  const needed = new Set(schema.required)
  const entries = [...allowed].map(([name, sub]) => ({
    needed: needed.has(name),
    node: sequence(text(`${JSON.stringify(name)}:`), choice(empty, text(' ')), values.node(sub, depth + 1))
  }))
  if (entries.filter(({ needed }) => !needed).length > mostOptional) throw unsupported(at, `it has more than ${mostOptional} optional properties. Make some of them required.`)
  if (![...needed].every(name => allowed.has(name))) throw invalid(at, "'required' names a property that 'propertyNames' does not allow.")
  const further = extra === null || listed !== null ? never : entryNode(values, schema, extra, names.key, declared.keys().toArray(), depth)
  return rules.define('object', braces(rules, entries, further, schema, at))
}

/** What a property that is required but not declared may be. */
function required (schema: Schema, name: string, at: string): Sub {
  const extra = schema.additionalProperties ?? anything
  if ('raw' in extra && extra.raw === false) throw invalid(within(at, 'required'), `'${name.slice(0, 100)}' is required, but neither among 'properties' nor allowed besides them.`)
  return extra
}

/** The names that keys may have: a list, or (in a dictionary) those of a string schema. */
function keysOf (values: Writer, schema: Schema, at: string): { listed: readonly string[] | null, key: Schema | null } {
  if (schema.propertyNames === undefined) return { listed: null, key: null }
  const keys = values.resolver.expand(schema.propertyNames)
  if (keys === true) return { listed: null, key: null }
  if (keys === false) return { listed: [], key: null }
  if (keys.enum !== undefined) return { listed: keys.enum.filter(name => typeof name === 'string'), key: null }
  const { type = ['string'], ...rest } = keys
  if (!type.includes('string')) return { listed: [], key: null }
  if (Object.keys(rest).length === 0) return { listed: null, key: null }
  if (schema.properties !== undefined || schema.required !== undefined) throw unsupported(within(at, 'propertyNames'), "together with 'properties' or 'required', only a type or an 'enum' can be kept.")
  if (keys.anyOf !== undefined || keys.oneOf !== undefined) throw unsupported(within(at, 'propertyNames'), 'alternatives are not supported here.')
  return { listed: null, key: keys }
}

/** One further entry of a dictionary: a key that is not declared, and its value. */
function entryNode (values: Writer, schema: Schema, extra: Sub, key: Schema | null, declared: readonly string[], depth: number): Node {
  const value = values.node(extra, depth + 1)
  if (value === never) return never
  const name = key !== null ? stringNode(values.rules, key, schema.propertyNames?.at ?? extra.at) : declared.length === 0 ? stringNode(values.rules, {}, extra.at) : otherKey(values.rules, declared)
  return values.rules.define('entry', sequence(name, text(':'), choice(empty, text(' ')), value))
}

/**
 * A key that is none of the given. Without escapes, so that none of them can
 * be spelt differently: one rule for each beginning that they share.
 */
function otherKey (rules: Rules, names: readonly string[]): Node {
  const char = set(plain)
  const rest = rules.repeat(char, 0, Infinity)
  const after = (names: readonly string[], taken: number): Node => {
    const starts = new Map<string, string[]>()
    for (const name of names) {
      const [next] = name.slice(taken)
      if (next === undefined || !has(next)) continue
      const alike = starts.get(next)
      if (alike === undefined) starts.set(next, [name])
      else alike.push(name)
    }
    const other = sequence(set(without(plain, union(...starts.keys().map(chars)))), rest)
    const ways = starts.entries().map(([next, alike]) => sequence(text(next), alike.length === 1 && alike[0] !== undefined ? afterOne(alike[0], taken + next.length) : after(alike, taken + next.length)))
    return rules.define('key', choice(other, ...ways, ...(names.some(name => name.length === taken) ? [] : [empty])))
  }
  /** Of one name, written backwards from its end: long ones must not go deep. */
  const afterOne = (name: string, taken: number): Node => {
    let node: Node = sequence(char, rest)
    for (const next of [...name.slice(taken)].toReversed()) node = has(next) ? rules.define('key', choice(empty, sequence(set(without(plain, chars(next))), rest), sequence(text(next), node))) : choice(empty, sequence(char, rest))
    return node
  }
  return sequence(text('"'), after(names, 0), text('"'))
}

const has = (char: string): boolean => without(chars(char), plain).length === 0

interface Entry { readonly needed: boolean, readonly node: Node }

function braces (rules: Rules, entries: readonly Entry[], further: Node, schema: Schema, at: string): Node {
  const gap = space(rules)
  const comma = sequence(text(','), gap)
  const needed = entries.filter(entry => entry.needed).length
  const { minProperties: min = 0, maxProperties: max = Infinity } = schema
  if (min > Math.max(1, needed)) throw unsupported(within(at, 'minProperties'), "more than 1 can be kept only by 'required'.")
  if (max < needed) throw invalid(within(at, 'maxProperties'), `it is less than the ${needed} that are required.`)
  if (max !== Infinity && (entries.length > max || (entries.length > 0 && further !== never))) throw unsupported(within(at, 'maxProperties'), 'it can be kept only where it is not less than the properties, or there are none.')
  // What may follow a written entry, from the last one backwards: each optional entry is there or not.
  let after: Node = further === never ? empty : rules.repeat(rules.define('further', sequence(comma, further)), 0, max - 1)
  // The object begins with its first required entry at the latest.
  const first = entries.findIndex(entry => entry.needed)
  const begins: Node[] = further === never || first !== -1 ? [] : [sequence(further, after)]
  let run: Node[] = []
  for (const [index, { needed, node }] of [...entries.entries()].toReversed()) {
    if (needed) {
      if (index === first) begins.push(sequence(node, ...run.toReversed(), after))
      run.push(sequence(comma, node))
      continue
    }
    after = rules.define('rest', sequence(...run.toReversed(), after))
    run = []
    if (first === -1 || index < first) begins.push(sequence(node, after))
    after = rules.define('rest', choice(sequence(comma, node, after), after))
  }
  const none = sequence(text('{'), gap, text('}'))
  if (begins.length === 0 || max === 0) return min > 0 ? never : none
  const some = sequence(text('{'), gap, choice(...begins.toReversed()), gap, text('}'))
  return needed > 0 || min > 0 ? some : choice(none, some)
}
