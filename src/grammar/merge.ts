import { invalid, unsupported, within } from './refusal.ts'
import { anything, isOf, type Kind, type Schema, type Sub } from './schema.ts'

/** Both schemas at once, as one. `false` when they exclude each other. Throws where one schema cannot say it. */
export function merge (a: Schema, b: Schema, at: string): Schema | false {
  const type = a.type === undefined ? b.type : b.type === undefined ? a.type : common(a.type, b.type)
  if (type?.length === 0) return false
  const values = a.enum !== undefined && b.enum !== undefined ? shared(a.enum, b.enum) : a.enum ?? b.enum
  if (values?.length === 0) return false
  const merged: Schema = {
    ...a,
    ...b,
    ...defined('type', type),
    ...defined('enum', values),
    ...defined('required', joined(a.required, b.required)),
    ...defined('patterns', joined(a.patterns, b.patterns)),
    ...defined('formats', joined(a.formats, b.formats)),
    ...branches(a, b, at),
    ...properties(a, b),
    ...items(a, b)
  }
  for (const keyword of ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties'] as const) stricter(merged, a, b, keyword, Math.max)
  for (const keyword of ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties'] as const) stricter(merged, a, b, keyword, Math.min)
  if (a.multipleOf !== undefined && b.multipleOf !== undefined && a.multipleOf !== b.multipleOf) throw unsupported(within(at, 'multipleOf'), 'multiples of several numbers at once cannot be kept. Give their least common multiple.')
  return merged
}

const defined = <K extends keyof Schema> (keyword: K, value: Schema[K] | undefined): Schema => value === undefined ? {} : { [keyword]: value }

type Least = 'minimum' | 'exclusiveMinimum' | 'minLength' | 'minItems' | 'minProperties'
type Most = 'maximum' | 'exclusiveMaximum' | 'maxLength' | 'maxItems' | 'maxProperties'

function stricter (merged: Schema, a: Schema, b: Schema, keyword: Least | Most, pick: (a: number, b: number) => number): void {
  const [one, other] = [a[keyword], b[keyword]]
  if (one !== undefined && other !== undefined) Object.assign(merged, { [keyword]: pick(one, other) })
}

function common (a: readonly Kind[], b: readonly Kind[]): Kind[] {
  return [...new Set([...a.filter(kind => isOf(kind, b)), ...b.filter(kind => isOf(kind, a))])]
}

function joined<T> (a: readonly T[] | undefined, b: readonly T[] | undefined): readonly T[] | undefined {
  return a === undefined || b === undefined ? a ?? b : [...new Set([...a, ...b])]
}

function shared (a: readonly unknown[], b: readonly unknown[]): unknown[] {
  const known = new Set(b.map(value => JSON.stringify(value)))
  return a.filter(value => known.has(JSON.stringify(value)))
}

/** Pairs of alternatives that are written out. */
const mostPairs = 100

function branches (a: Schema, b: Schema, at: string): Schema {
  if (a.oneOf !== undefined && b.oneOf !== undefined) throw unsupported(within(at, 'oneOf'), "two 'oneOf' cannot hold at once.")
  if (a.anyOf === undefined || b.anyOf === undefined) return {}
  if (a.anyOf.length * b.anyOf.length > mostPairs) throw unsupported(within(at, 'anyOf'), `it has more than ${mostPairs} pairs of alternatives.`)
  const right = b.anyOf
  return { anyOf: a.anyOf.flatMap(one => right.map(other => both(one, other))) }
}

const both = (a: Sub, b: Sub): Sub => ({ at: a.at, all: [a, b] })

/** What a schema says of a property: its own, else that of all further ones. */
function properties (a: Schema, b: Schema): Schema {
  const [left, right] = [a.additionalProperties, b.additionalProperties]
  const extra = left !== undefined && right !== undefined ? both(left, right) : left ?? right
  const names = new Set([...a.properties?.keys() ?? [], ...b.properties?.keys() ?? []])
  const all = new Map<string, Sub>()
  for (const name of names) {
    const said = [a.properties?.get(name) ?? left, b.properties?.get(name) ?? right].filter(sub => sub !== undefined)
    if (said[0] !== undefined) all.set(name, said[1] === undefined ? said[0] : both(said[0], said[1]))
  }
  const keys = a.propertyNames !== undefined && b.propertyNames !== undefined ? both(a.propertyNames, b.propertyNames) : a.propertyNames ?? b.propertyNames
  return { ...(a.properties ?? b.properties) && { properties: all }, ...defined('additionalProperties', extra), ...defined('propertyNames', keys) }
}

function items (a: Schema, b: Schema): Schema {
  const length = Math.max(a.prefixItems?.length ?? 0, b.prefixItems?.length ?? 0)
  const rest = a.items !== undefined && b.items !== undefined ? both(a.items, b.items) : a.items ?? b.items
  if (length === 0) return defined('items', rest)
  const prefixItems = Array.from({ length }, (_, index): Sub => {
    const said = [a.prefixItems?.[index] ?? a.items, b.prefixItems?.[index] ?? b.items].filter(sub => sub !== undefined)
    return said[0] === undefined ? anything : said[1] === undefined ? said[0] : both(said[0], said[1])
  })
  return { prefixItems, ...defined('items', rest) }
}

/** Steps that one schema may take to be read: `allOf` and references can double at each. */
const mostSteps = 100_000
/** References and `allOf` in each other. */
const deepest = 64

/** Resolves references and `allOf` until one schema says it all. */
export class Resolver {
  readonly #root: unknown
  readonly #read: (raw: unknown, at: string) => Schema | boolean
  #steps = 0

  constructor (root: unknown, read: (raw: unknown, at: string) => Schema | boolean) {
    this.#root = root
    this.#read = read
  }

  /** One schema without `allOf`; with `$ref` only where that is all it says. */
  resolve (sub: Sub): Schema | boolean { return this.#resolve(sub, 0, false) }
  /** One schema without `allOf` and `$ref`. */
  expand (sub: Sub): Schema | boolean { return this.#resolve(sub, 0, true) }

  /** The schema that a reference names. */
  target (ref: string, at: string): Sub {
    let raw = this.#root
    for (const part of ref.split('/').slice(1)) {
      const key = decode(part)
      if (key === null || typeof raw !== 'object' || raw === null || !Object.hasOwn(raw, key)) throw invalid(within(at, '$ref'), `'${ref.slice(0, 100)}' leads nowhere.`)
      raw = (raw as Record<string, unknown>)[key]
    }
    return { raw, at: ref }
  }

  #resolve (sub: Sub, depth: number, follow: boolean): Schema | boolean {
    if (++this.#steps > mostSteps) throw unsupported('#', "its references and 'allOf' multiply beyond measure.")
    if (depth > deepest) throw unsupported(sub.at, `its references and 'allOf' lead deeper than ${deepest}, or in a circle.`)
    const parts = 'all' in sub ? sub.all : null
    if (parts !== null) return this.#all(parts, sub.at, depth)
    const schema = 'raw' in sub ? this.#read(sub.raw, sub.at) : true
    if (typeof schema === 'boolean') return schema
    const { $ref, allOf, ...rest } = schema
    if ($ref !== undefined && !follow && allOf === undefined && Object.keys(rest).length === 0) return schema
    let merged: Schema | false = rest
    if ($ref !== undefined) merged = this.#with(merged, this.target($ref, sub.at), sub.at, depth)
    for (const part of allOf ?? []) if (merged !== false) merged = this.#with(merged, part, sub.at, depth)
    return merged
  }

  #all (parts: readonly Sub[], at: string, depth: number): Schema | false {
    let merged: Schema | false = {}
    for (const part of parts) if (merged !== false) merged = this.#with(merged, part, at, depth)
    return merged
  }

  #with (schema: Schema, part: Sub, at: string, depth: number): Schema | false {
    const other = this.#resolve(part, depth + 1, true)
    return typeof other === 'boolean' ? other && schema : merge(schema, other, at)
  }
}

function decode (part: string): string | null {
  try {
    return decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
  } catch {
    return null
  }
}
