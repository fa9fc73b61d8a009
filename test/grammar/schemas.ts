import fc from 'fast-check'

/** A schema, and values that fit it, with their keys in declared order. */
export interface Pair { readonly schema: Record<string, unknown>, readonly values: fc.Arbitrary<unknown> }

/** Characters that a grammar offers unescaped or escaped as JSON.stringify does; DEL and C1 controls are left out. */
const char = fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }).filter(char => !/[\u007f-\u009f\p{Surrogate}]/u.test(char))
const chars = (minLength: number, maxLength: number): fc.Arbitrary<string> => fc.array(char, { minLength, maxLength }).map(list => list.join(''))
const word = fc.stringMatching(/^[a-z]{1,5}$/)

function date (): fc.Arbitrary<Date> { return fc.date({ min: new Date('1000-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true }) }
const day = date().map(date => date.toISOString().slice(0, 10))

const scalars: fc.Arbitrary<Pair> = fc.oneof(
  fc.constant({ schema: { type: 'null' }, values: fc.constant(null) }),
  fc.constant({ schema: { type: 'boolean', description: 'yes or no' }, values: fc.boolean() }),
  fc.tuple(fc.nat(4), fc.nat(4)).map(([min, more]) => ({ schema: { type: 'string', minLength: min, maxLength: min + more }, values: chars(min, min + more) })),
  fc.constant({ schema: { type: 'string' }, values: chars(0, 12) }),
  fc.tuple(fc.integer({ min: -2000, max: 2000 }), fc.nat(3000)).map(([min, more]) => ({ schema: { type: 'integer', minimum: min, maximum: min + more }, values: fc.integer({ min, max: min + more }) })),
  fc.integer({ min: -50, max: 50 }).map(min => ({ schema: { type: 'integer', exclusiveMinimum: min }, values: fc.integer({ min: min + 1, max: 1e12 }) })),
  fc.tuple(fc.integer({ min: -5000, max: 5000 }), fc.integer({ min: 1, max: 9000 }), fc.boolean()).map(([low, more, open]) => ({
    schema: { type: 'number', [open ? 'exclusiveMinimum' : 'minimum']: low / 100, maximum: (low + more) / 100 },
    values: fc.integer({ min: low * 10 + 1, max: (low + more) * 10 }).map(value => value / 1000)
  })),
  fc.constant({ schema: { type: 'number' }, values: fc.double({ noNaN: true, min: -1e99, max: 1e99 }).filter(value => Math.abs(value) < 1e15 || value === 0).map(value => Number(value.toPrecision(9))).filter(value => value === 0 || Math.abs(value) >= 1e-6) }),
  fc.constantFrom(2, 5, 10, 25, 125).map(step => ({ schema: { type: 'integer', multipleOf: step }, values: fc.integer({ min: -10_000, max: 10_000 }).map(value => value * step) })),
  fc.uniqueArray(fc.oneof(word, fc.integer(), fc.constant(null)), { minLength: 1, maxLength: 4 }).map(list => ({ schema: { enum: list }, values: fc.constantFrom(...list) })),
  // Ajv compares by calling what a value has under these names.
  fc.jsonValue({ maxDepth: 2, depthSize: 'small' }).filter(value => !/"(?:toString|valueOf|constructor|__proto__)":/.test(JSON.stringify(value))).map(value => ({ schema: { const: value }, values: fc.constant(value) })),
  fc.constantFrom(/^[a-z]+-\d{2,3}$/, /^(?:ab|c[de]?)*$/, /^[^"\\\n]{1,3}["\\]$/, /^(yes|no)$/, /^\+?[1-9]\d{2,8}$/, /^\w+(\.\w+)*$/, /^[A-Z][a-z]*( [A-Z][a-z]*){0,2}$/).map(pattern => ({ schema: { type: 'string', pattern: pattern.source }, values: fc.stringMatching(pattern) })),
  fc.constantFrom('abc', 'x').map(part => ({ schema: { type: 'string', pattern: part }, values: fc.tuple(word, word).map(([before, after]) => before + part + after) })),
  fc.constantFrom<Pair>(
    { schema: { type: 'string', format: 'uuid' }, values: fc.uuid() },
    { schema: { type: 'string', format: 'ipv4' }, values: fc.ipV4() },
    { schema: { type: 'string', format: 'date' }, values: day },
    { schema: { type: 'string', format: 'date-time' }, values: date().map(date => date.toISOString()) },
    { schema: { type: 'string', format: 'time' }, values: date().map(date => date.toISOString().slice(11)) },
    { schema: { type: 'string', format: 'email' }, values: fc.tuple(word, word, word).map(([a, b, c]) => `${a}.${b}@${c}.example.org`) },
    { schema: { type: 'string', format: 'hostname' }, values: fc.domain().filter(name => name.split('.').length < 8 && name.split('.').every(label => label.length < 32)) },
    { schema: { type: 'string', format: 'duration' }, values: fc.constantFrom('P3W', 'P1Y2M3DT4H5M6S', 'PT36H', 'P1D') },
    { schema: { type: 'string', format: 'ipv6' }, values: fc.constantFrom('::1', '2001:db8::8a2e:370:7334', '::', 'fe80::', '1:2:3:4:5:6:7:8') },
    { schema: { type: 'string', format: 'uri' }, values: fc.constantFrom('https://example.org/a/b?c=d#e', 'ftp://h:21/x%20y') }
  )
)

function arrays (inner: fc.Arbitrary<Pair>): fc.Arbitrary<Pair> {
  return fc.tuple(inner, fc.nat(3), fc.nat(3), fc.boolean()).map(([{ schema, values }, min, more, open]) => ({
    schema: { type: 'array', items: schema, minItems: min, ...(!open && { maxItems: min + more }) },
    values: fc.array(values, { minLength: min, maxLength: min + more })
  }))
}

function tuples (inner: fc.Arbitrary<Pair>): fc.Arbitrary<Pair> {
  return fc.array(inner, { minLength: 1, maxLength: 3 }).map(list => ({
    schema: { type: 'array', prefixItems: list.map(({ schema }) => schema), items: false, minItems: list.length },
    values: fc.tuple(...list.map(({ values }) => values))
  }))
}

interface Property { readonly name: string, readonly pair: Pair, readonly needed: boolean }

const properties = (inner: fc.Arbitrary<Pair>, minLength: number): fc.Arbitrary<Property[]> =>
  fc.uniqueArray(fc.record({ name: fc.oneof(word, chars(0, 3)).filter(name => !/^\d+$/.test(name) && name !== '__proto__'), pair: inner, needed: fc.boolean() }), { selector: ({ name }) => name, minLength, maxLength: 4 })

const values = (list: readonly Property[]): fc.Arbitrary<Record<string, unknown>> =>
  fc.tuple(...list.map(({ pair, needed }) => needed ? pair.values.map(value => [value]) : fc.oneof(fc.constant([]), pair.values.map(value => [value]))))
    .map(given => Object.fromEntries(given.flatMap((value, index) => value.map(one => [list[index]?.name, one]))))

function objects (inner: fc.Arbitrary<Pair>): fc.Arbitrary<Pair> {
  return fc.tuple(properties(inner, 0), fc.option(inner), fc.boolean()).map(([list, extra, closed]) => ({
    schema: {
      type: 'object',
      properties: Object.fromEntries(list.map(({ name, pair }) => [name, pair.schema])),
      required: list.filter(({ needed }) => needed).map(({ name }) => name),
      ...(extra !== null ? { additionalProperties: extra.schema } : closed && { additionalProperties: false })
    },
    values: extra === null
      ? values(list)
      : fc.tuple(values(list), fc.dictionary(fc.stringMatching(/^[A-Z][a-z]{0,3}$/), extra.values, { maxKeys: 2 })).map(([own, more]) => ({ ...own, ...Object.fromEntries(Object.entries(more).filter(([name]) => !list.some(one => one.name === name))) }))
  }))
}

function dictionaries (inner: fc.Arbitrary<Pair>): fc.Arbitrary<Pair> {
  return fc.tuple(inner, fc.boolean()).map(([{ schema, values }, named]) => ({
    schema: { type: 'object', additionalProperties: schema, ...(named && { propertyNames: { type: 'string', pattern: '^k[a-z]*$' } }), minProperties: 1, maxProperties: 4 },
    values: fc.dictionary(fc.stringMatching(/^k[a-z]{0,3}$/), values, { minKeys: 1, maxKeys: 4, noNullPrototype: true })
  }))
}

function anyOf (inner: fc.Arbitrary<Pair>): fc.Arbitrary<Pair> {
  return fc.array(inner, { minLength: 1, maxLength: 3 }).map(list => ({ schema: { anyOf: list.map(({ schema }) => schema) }, values: fc.oneof(...list.map(({ values }) => values)) }))
}

/** Two objects at once. */
function both (inner: fc.Arbitrary<Pair>): fc.Arbitrary<Pair> {
  return fc.tuple(properties(inner, 2), fc.nat(3)).map(([list, at]) => {
    const half = (part: readonly Property[]): object => ({ type: 'object', properties: Object.fromEntries(part.map(({ name, pair }) => [name, pair.schema])), required: part.filter(({ needed }) => needed).map(({ name }) => name) })
    return { schema: { allOf: [half(list.slice(0, at)), half(list.slice(at))] }, values: values(list) }
  })
}

/** Schemas of every kind in each other. */
export const { pair } = fc.letrec<{ pair: Pair }>(tie => ({
  pair: fc.oneof({ maxDepth: 4, depthIdentifier: 'schema' }, scalars, arrays(tie('pair')), objects(tie('pair')), tuples(tie('pair')), anyOf(tie('pair')), dictionaries(tie('pair')), both(tie('pair')))
}))
