import Type, { type Static, type TSchema } from 'typebox'

/** A value or null; written as a type list and not as a union, so that a fault has one plain reason. */
export function nullable<T extends TSchema> (schema: T) {
  const { type, enum: members } = schema as TSchema & { type?: string, enum?: unknown[] }
  return Type.Unsafe<Static<T> | null>({ ...schema, type: [type, 'null'], ...(members === undefined ? {} : { enum: [...members, null] }) })
}

/** `null` means absent for every optional field, as SDKs send it. */
export function orNull<T extends TSchema> (schema: T) { return Type.Optional(nullable(schema)) }

/** One of a few words; `Type.Enum` would leave out the JSON type. */
export function oneOf<const W extends readonly string[]> (words: W, options: object = {}) {
  return Type.Unsafe<W[number]>({ type: 'string', enum: [...words], ...options })
}

export const Failure = Type.Object({
  error: Type.Object({
    message: Type.String(),
    type: Type.String(),
    param: Type.Unsafe<string | null>({ type: ['string', 'null'], description: 'The field at fault, in dotted form.' }),
    code: Type.String()
  })
}, { description: 'What every failure is answered with.' })

/** The failures every route may answer with, for the route's `response`. */
export const failures = { '4xx': Failure, '5xx': Failure }

// Longer ids are answered 414 by the router (trap T19); names with path separators come as wildcards and need the same ceiling.
export const maxIdLength = 512

/** No control characters, so that no `%00` reaches a store, and no half characters, which a store would write all alike. */
export const noControls = '^[^\\u0000-\\u001f\\u007f\\ud800-\\udfff]+$'

/** A name in a path. */
export const PathName = Type.String({ minLength: 1, maxLength: maxIdLength, pattern: noControls })

// The widest user name any later store indexes.
export const maxUserLength = 256

/** An end user in a body; empty: nobody. */
export const UserName = Type.String({ maxLength: maxUserLength, pattern: noControls.replace('+', '*') })
