/** A schema as it was read: its keywords have the right shapes, those that mean the same are one. */
export interface Schema {
  readonly type?: readonly Kind[]
  readonly $ref?: string
  readonly allOf?: readonly Sub[]
  readonly anyOf?: readonly Sub[]
  readonly oneOf?: readonly Sub[]
  /** `const` is an enumeration of one. */
  readonly enum?: readonly unknown[]
  readonly properties?: ReadonlyMap<string, Sub>
  readonly required?: readonly string[]
  readonly additionalProperties?: Sub
  readonly propertyNames?: Sub
  readonly minProperties?: number
  readonly maxProperties?: number
  readonly prefixItems?: readonly Sub[]
  readonly items?: Sub
  readonly minItems?: number
  readonly maxItems?: number
  /** In characters. */
  readonly minLength?: number
  readonly maxLength?: number
  readonly patterns?: readonly string[]
  readonly formats?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
  readonly multipleOf?: number
}

/** A schema inside another, not read yet, or several at once; and where it was written, as a JSON pointer. */
export type Sub =
  | { readonly at: string, readonly raw: unknown }
  | { readonly at: string, readonly all: readonly Sub[] }

/** The schema of any value. */
export const anything: Sub = { raw: true, at: '#' }

export const kinds = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'] as const
export type Kind = (typeof kinds)[number]

/** The kind that each keyword is about. */
const about: Readonly<Partial<Record<keyof Schema, Kind>>> = {
  properties: 'object',
  required: 'object',
  additionalProperties: 'object',
  propertyNames: 'object',
  minProperties: 'object',
  maxProperties: 'object',
  prefixItems: 'array',
  items: 'array',
  minItems: 'array',
  maxItems: 'array',
  minLength: 'string',
  maxLength: 'string',
  patterns: 'string',
  formats: 'string',
  minimum: 'number',
  maximum: 'number',
  exclusiveMinimum: 'number',
  exclusiveMaximum: 'number',
  multipleOf: 'number'
}

/** The kinds a value may be of: what `type` says, else what the keywords are about, else (null) any. */
export function kindsOf (schema: Schema): readonly Kind[] | null {
  if (schema.type !== undefined) return schema.type.includes('number') ? schema.type.filter(kind => kind !== 'integer') : schema.type
  const meant = new Set(Object.keys(schema).flatMap(keyword => about[keyword as keyof Schema] ?? []))
  return meant.size === 0 ? null : [...meant]
}

export function kindOf (value: unknown): Kind {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value as 'object' | 'string' | 'boolean'
}

/** Whether a value of this kind is of one of the types. */
export const isOf = (kind: Kind, types: readonly Kind[]): boolean => types.includes(kind) || (kind === 'integer' && types.includes('number'))
