import { invalid, unsupported, within } from './refusal.ts'
import { kinds, type Kind, type Schema, type Sub } from './schema.ts'

/** Keywords that say nothing about a value, and those that are read together with another one. */
const remarks = new Set(['title', 'description', 'default', 'examples', 'example', 'deprecated', 'readOnly', 'writeOnly', '$comment', '$schema', '$id', 'id', '$defs', 'definitions', 'contentEncoding', 'contentMediaType', 'additionalItems'])

/** Ranges of integers by their OpenAPI format; the other formats of numbers bound nothing that JSON could exceed. */
const numeric: Readonly<Record<string, Schema>> = { int32: { minimum: -(2 ** 31), maximum: 2 ** 31 - 1 }, int64: {}, float: {}, double: {} }

type Reader = (value: unknown, at: string, raw: Readonly<Record<string, unknown>>, parent: string) => Schema

const keywords: Readonly<Record<string, Reader>> = {
  type: (value, at) => {
    const list = Array.isArray(value) ? value as unknown[] : [value]
    if (list.length === 0 || !list.every((kind): kind is Kind => kinds.some(known => known === kind))) throw invalid(at, `it must be one of ${kinds.join(', ')}, or a list of them.`)
    return { type: [...new Set(list)] }
  },
  $ref: (value, at) => {
    if (typeof value !== 'string') throw invalid(at, 'it must be a string.')
    if (value !== '#' && !value.startsWith('#/')) throw unsupported(at, "only references within the schema ('#/$defs/…') can be followed.")
    return { $ref: value }
  },
  allOf: (value, at) => ({ allOf: list(value, at) }),
  anyOf: (value, at) => ({ anyOf: list(value, at) }),
  oneOf: (value, at) => ({ oneOf: list(value, at) }),
  enum: (value, at, raw) => {
    if (!Array.isArray(value)) throw invalid(at, 'it must be a list.')
    if (value.length === 0) throw invalid(at, 'it is empty, so no value can fit.')
    return { enum: 'const' in raw ? value.filter(one => JSON.stringify(one) === JSON.stringify(raw['const'])) : value as unknown[] }
  },
  const: (value, _at, raw) => 'enum' in raw ? {} : { enum: [value] },
  properties: (value, at) => ({ properties: new Map(Object.entries(record(value, at)).map(([name, raw]) => [name, { raw, at: within(at, name) }])) }),
  required: (value, at) => {
    if (!Array.isArray(value) || !value.every(name => typeof name === 'string')) throw invalid(at, 'it must be a list of strings.')
    return { required: [...new Set(value)] }
  },
  additionalProperties: (raw, at) => ({ additionalProperties: { raw, at } }),
  propertyNames: (raw, at) => ({ propertyNames: { raw, at } }),
  minProperties: (value, at) => ({ minProperties: count(value, at) }),
  maxProperties: (value, at) => ({ maxProperties: count(value, at) }),
  prefixItems: (value, at) => ({ prefixItems: list(value, at) }),
  items: (raw, at, whole, parent) => {
    if (!Array.isArray(raw)) return { items: { raw, at } }
    // Tuples as they were written before 2020.
    return { prefixItems: list(raw, at), ...('additionalItems' in whole && { items: { raw: whole['additionalItems'], at: within(parent, 'additionalItems') } }) }
  },
  minItems: (value, at) => ({ minItems: count(value, at) }),
  maxItems: (value, at) => ({ maxItems: count(value, at) }),
  minLength: (value, at) => ({ minLength: count(value, at) }),
  maxLength: (value, at) => ({ maxLength: count(value, at) }),
  pattern: (value, at) => {
    if (typeof value !== 'string') throw invalid(at, 'it must be a string.')
    return { patterns: [value] }
  },
  format: (value, at) => {
    if (typeof value !== 'string') throw invalid(at, 'it must be a string.')
    return Object.hasOwn(numeric, value) ? {} : { formats: [value] }
  },
  minimum: (value, at) => ({ minimum: number(value, at) }),
  maximum: (value, at) => ({ maximum: number(value, at) }),
  exclusiveMinimum: (value, at) => ({ exclusiveMinimum: number(value, at) }),
  exclusiveMaximum: (value, at) => ({ exclusiveMaximum: number(value, at) }),
  multipleOf: (value, at) => {
    if (number(value, at) <= 0) throw invalid(at, 'it must be more than 0.')
    return { multipleOf: number(value, at) }
  },
  uniqueItems: (value, at) => {
    if (value === true) throw unsupported(at, 'no grammar can keep items different. Leave it out.')
    return {}
  }
}

/**
 * Reads one schema, not those inside it. `strict` is OpenAI's: every object
 * lists all its properties as required and allows no others.
 */
export function read (raw: unknown, at: string, strict: boolean): Schema | boolean {
  if (typeof raw === 'boolean') return raw
  const given = record(raw, at)
  if ('not' in given) {
    if (typeof given['not'] !== 'object' || given['not'] === null || Object.keys(given['not']).length > 0) throw unsupported(within(at, 'not'), 'no grammar can exclude what fits another schema. Say what is allowed.')
    return false
  }
  const schema: Schema = {}
  for (const [keyword, value] of Object.entries(given)) {
    if (remarks.has(keyword) || keyword.startsWith('x-')) continue
    const reader = Object.hasOwn(keywords, keyword) ? keywords[keyword] : undefined
    if (reader === undefined) throw unsupported(within(at, keyword), `the keyword '${keyword.slice(0, 50)}' is not supported. Leave it out.`)
    Object.assign(schema, reader(value, within(at, keyword), given, at))
  }
  consistent(schema, at)
  if (strict) strictly(schema, at)
  const { format } = given
  const range = typeof format === 'string' && Object.hasOwn(numeric, format) ? numeric[format] : undefined
  return range === undefined ? schema : { ...schema, minimum: Math.max(schema.minimum ?? -Infinity, range.minimum ?? -Infinity), maximum: Math.min(schema.maximum ?? Infinity, range.maximum ?? Infinity) }
}

/** Bounds that cross leave no value. */
function consistent (schema: Schema, at: string): void {
  for (const [min, max] of [['minLength', 'maxLength'], ['minItems', 'maxItems'], ['minProperties', 'maxProperties'], ['minimum', 'maximum']] as const) {
    if ((schema[min] ?? -Infinity) > (schema[max] ?? Infinity)) throw invalid(within(at, min), `it is more than '${max}', so no value can fit.`)
  }
}

function strictly (schema: Schema, at: string): void {
  const { properties, required = [], additionalProperties: extra } = schema
  if (properties === undefined && schema.type?.includes('object') !== true) return
  if (extra === undefined || !('raw' in extra) || extra.raw !== false) throw invalid(at, "'additionalProperties' is required to be supplied and to be false.")
  const missing = properties?.keys().find(name => !required.includes(name))
  if (missing !== undefined) throw invalid(at, `'required' is required to be supplied and to be an array including every key in properties. Missing '${missing.slice(0, 100)}'.`)
}

function record (value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(at, 'it must be an object.')
  return value as Record<string, unknown>
}

function list (value: unknown, at: string): Sub[] {
  if (!Array.isArray(value)) throw invalid(at, 'it must be a list of schemas.')
  if (value.length === 0) throw invalid(at, 'it is empty.')
  return value.map((raw: unknown, index) => ({ raw, at: within(at, index) }))
}

function number (value: unknown, at: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw invalid(at, 'it must be a number.')
  return value
}

function count (value: unknown, at: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw invalid(at, 'it must be a whole number, 0 or more.')
  return value
}
