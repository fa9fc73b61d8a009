import type { Resolver } from './merge.ts'
import { unsupported, within } from './refusal.ts'
import { isOf, kindOf, kindsOf, type Kind, type Schema, type Sub } from './schema.ts'

/** Alternatives that are compared in pairs. */
const mostBranches = 200
/** Properties in properties that may tell two alternatives apart. */
const deepest = 3

/** Refuses `oneOf` unless at most one of its alternatives can fit a value: then it is `anyOf`, which a grammar can say. */
export function apart (resolver: Resolver, branches: readonly Sub[], at: string): void {
  if (branches.length > mostBranches) throw unsupported(within(at, 'oneOf'), `it has more than ${mostBranches} alternatives.`)
  const schemas = branches.map(branch => resolver.expand(branch))
  for (const [index, schema] of schemas.entries()) {
    const like = schemas.slice(0, index).findIndex(other => !differ(resolver, schema, other, 0))
    if (like !== -1) throw unsupported(within(at, 'oneOf'), `alternatives ${like} and ${index} may fit the same value, and no grammar can exclude that. Use 'anyOf', or give both a required property with different 'const'.`)
  }
}

function differ (resolver: Resolver, a: Schema | boolean, b: Schema | boolean, depth: number): boolean {
  if (a === false || b === false) return true
  if (a === true || b === true || depth > deepest) return false
  if (a.enum !== undefined && b.enum !== undefined) {
    const known = new Set(a.enum.map(value => JSON.stringify(value)))
    return !b.enum.some(value => known.has(JSON.stringify(value)))
  }
  const [left, right] = [sort(a), sort(b)]
  if (left === null || right === null) return false
  const shared = left.filter(kind => isOf(kind, right) || right.some(other => isOf(other, [kind])))
  if (shared.length === 0) return true
  if (shared.some(kind => kind !== 'object')) return false
  return a.required?.some(name => {
    const [one, other] = [a.properties?.get(name), b.properties?.get(name)]
    return b.required?.includes(name) === true && one !== undefined && other !== undefined && differ(resolver, resolver.expand(one), resolver.expand(other), depth + 1)
  }) === true
}

/** Kinds of values that fit, by `type` or `enum` alone: what keywords are about excludes nothing. */
function sort (schema: Schema): readonly Kind[] | null {
  if (schema.enum !== undefined) return [...new Set(schema.enum.map(kindOf))]
  return schema.type === undefined ? null : kindsOf(schema)
}
