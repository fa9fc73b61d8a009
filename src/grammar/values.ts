import { apart } from './apart.ts'
import { choice, empty, never, sequence, text, type Node } from './gbnf.ts'
import { Resolver, merge } from './merge.ts'
import { integerNode, numberNode } from './number.ts'
import { objectNode } from './object.ts'
import { read } from './read.ts'
import { unsupported } from './refusal.ts'
import type { Rules } from './rules.ts'
import { anything, isOf, kindOf, kinds, kindsOf, type Kind, type Schema, type Sub } from './schema.ts'
import { stringNode } from './string.ts'
import { space, type Writer } from './writer.ts'

/** Values in values, where merged schemas unfold on the way. The measured depth of a schema is less. */
const deepest = 128

/** Writes the rules of the values that fit one schema. */
export class Values implements Writer {
  readonly rules: Rules
  readonly resolver: Resolver
  readonly #references = new Map<string, string>()
  readonly #todo: { name: string, sub: Sub }[] = []

  constructor (rules: Rules, root: unknown, strict: boolean) {
    this.rules = rules
    this.resolver = new Resolver(root, (raw, at) => read(raw, at, strict))
  }

  /** The whole schema. Definitions are written one after the other, not one inside the other, however they refer. */
  root (): Node {
    const root = this.#reference('#', '#')
    for (let next = this.#todo.pop(); next !== undefined; next = this.#todo.pop()) this.rules.fill(next.name, this.node(next.sub, 0))
    return root
  }

  node (sub: Sub, depth: number): Node {
    if (depth > deepest) throw unsupported(sub.at, `it unfolds deeper than ${deepest} values in each other.`)
    const schema = this.resolver.resolve(sub)
    if (typeof schema === 'boolean') return schema ? this.any() : never
    if (schema.$ref !== undefined) return this.#reference(schema.$ref, sub.at)
    return this.#of(schema, sub.at, depth)
  }

  any (): Node {
    return this.rules.once('value', 'value', () => {
      const all = kinds.filter(kind => kind !== 'integer').map(kind => this.#kind(kind, kind === 'array' ? { items: anything } : kind === 'object' ? { additionalProperties: anything } : {}, '#', 0))
      return choice(...all)
    })
  }

  #reference (ref: string, at: string): Node {
    let name = this.#references.get(ref)
    if (name === undefined) {
      name = this.rules.reserve('ref')
      this.#references.set(ref, name)
      this.#todo.push({ name, sub: this.resolver.target(ref, at) })
    }
    return { type: 'rule', name }
  }

  #of (schema: Schema, at: string, depth: number): Node {
    const { oneOf, anyOf, ...rest } = schema
    if (oneOf !== undefined) {
      apart(this.resolver, oneOf, at)
      return this.#branches({ ...rest, ...(anyOf !== undefined && { anyOf }) }, oneOf, at, depth)
    }
    if (anyOf !== undefined) return this.#branches(rest, anyOf, at, depth)
    if (schema.enum !== undefined) return this.#listed(schema.enum, rest, at)
    const wanted = kindsOf(schema)
    return wanted === null ? this.any() : choice(...wanted.map(kind => this.#kind(kind, schema, at, depth)))
  }

  #branches (rest: Schema, branches: readonly Sub[], at: string, depth: number): Node {
    if (Object.keys(rest).length === 0) return choice(...branches.map(branch => this.node(branch, depth + 1)))
    return choice(...branches.map(branch => {
      const schema = this.resolver.expand(branch)
      const both = typeof schema === 'boolean' ? schema && rest : merge(rest, schema, at)
      return both === false ? never : this.#of(both, branch.at, depth + 1)
    }))
  }

  #listed (values: readonly unknown[], { type, enum: _, ...rest }: Schema, at: string): Node {
    const [other] = Object.keys(rest)
    if (other !== undefined) throw unsupported(at, `'enum' or 'const' together with '${other}' is not supported. List the values that fit.`)
    return choice(...new Set(values.filter(value => type === undefined || isOf(kindOf(value), type)).map(value => JSON.stringify(value))).values().map(text))
  }

  #kind (kind: Kind, schema: Schema, at: string, depth: number): Node {
    switch (kind) {
      case 'null': return text('null')
      case 'boolean': return choice(text('true'), text('false'))
      case 'integer': return integerNode(this.rules, schema, at)
      case 'number': return numberNode(this.rules, schema, at)
      case 'string': return stringNode(this.rules, schema, at)
      case 'array': return this.#array(schema, depth)
      case 'object': return objectNode(this, schema, at, depth)
    }
  }

  #array (schema: Schema, depth: number): Node {
    const { prefixItems: prefix = [], minItems: min = 0, maxItems: max = Infinity } = schema
    const gap = space(this.rules)
    // A tuple is written whole, and ends where its schema does.
    const fixed = prefix.slice(0, max).map(sub => this.node(sub, depth + 1))
    const extra = schema.items !== undefined ? this.node(schema.items, depth + 1) : prefix.length > 0 ? never : this.any()
    const item = extra === never ? never : this.rules.define('item', extra)
    const [from, to] = [Math.max(0, min - fixed.length), Math.max(0, max - fixed.length)]
    const comma = sequence(text(','), gap)
    const more = (min: number, max: number): Node => item === never ? (min === 0 ? empty : never) : this.rules.repeat(this.rules.define('more', sequence(comma, item)), min, max)
    const [first, ...others] = fixed
    const listed = first === undefined
      ? sequence(item, more(Math.max(0, from - 1), to - 1))
      : sequence(first, ...others.flatMap(one => [comma, one]), more(from, to))
    const full = sequence(text('['), gap, listed, gap, text(']'))
    const none = sequence(text('['), gap, text(']'))
    return this.rules.define('array', first === undefined && to === 0 ? none : first === undefined && from === 0 ? choice(none, full) : full)
  }
}
