import { choice, empty, never, sequence, set, text, type Node } from './gbnf.ts'
import { unsupported, within } from './refusal.ts'
import type { Rules } from './rules.ts'
import type { Schema } from './schema.ts'

/** Decimal digits that a double holds exactly, whatever they are. */
const exact = 15
const digits = (from: number, to: number): Node => set(from > to ? [] : [[0x30 + from, 0x30 + to]])
const digit = digits(0, 9)

/** The end of a range of absolute values, in decimal: `int` without leading zeros, `frac` without trailing ones. */
interface Bound { readonly int: string, readonly frac: string, readonly inclusive: boolean }

/** A number's JSON text within the bounds: with a fraction, and with an exponent where there are no bounds. */
export function numberNode (rules: Rules, schema: Schema, at: string): Node {
  if (schema.multipleOf !== undefined) {
    if (!Number.isInteger(schema.multipleOf)) throw unsupported(within(at, 'multipleOf'), "binary fractions are no exact multiples of decimal ones. Use a whole number, or a 'pattern' of a string.")
    return integerNode(rules, schema, at)
  }
  const low = bound(schema.minimum, schema.exclusiveMinimum, Math.max)
  const high = bound(schema.maximum, schema.exclusiveMaximum, Math.min)
  if (low === null && high === null) return rules.define('number', sequence(choice(text('-'), empty), free(rules), rules.repeat(digitsAfterPoint(rules), 0, 1), rules.repeat(exponent(rules), 0, 1)))
  const places = Math.max(0, ...[low, high].flatMap(end => end === null ? [] : [decimal(Math.abs(end.value), end.inclusive)]).map(({ int, frac, inclusive }) => {
    if (!inclusive && int.length + frac.length > exact + 1) throw unsupported(at, `an exclusive bound of more than ${exact} digits cannot be kept.`)
    return frac.length
  }))
  // What is not the bound in decimal must not become the bound as a double; rounding never crosses an inclusive one.
  const longest = Math.max(1, ...[low, high].flatMap(end => end === null || end.inclusive ? [] : [decimal(Math.abs(end.value), false).int.length]))
  const range = new Range(rules, Math.max(places, exact - longest))
  const options: Node[] = []
  if (high === null || high.value >= 0) options.push(range.between(low === null || low.value < 0 ? decimal(0, true) : decimal(low.value, low.inclusive), high === null ? null : decimal(high.value, high.inclusive)))
  if (low === null || low.value < 0) options.push(sequence(text('-'), range.between(high === null || high.value >= 0 ? decimal(0, false) : decimal(-high.value, high.inclusive), low === null ? null : decimal(-low.value, low.inclusive))))
  return choice(...options)
}

/** A whole number's JSON text within the bounds, which are kept within ±(2^53 - 1): beyond, not every number has a double. */
export function integerNode (rules: Rules, schema: Schema, at: string): Node {
  const low = Math.max(Math.ceil(schema.minimum ?? -Infinity), schema.exclusiveMinimum === undefined ? -Infinity : Math.floor(schema.exclusiveMinimum) + 1)
  const high = Math.min(Math.floor(schema.maximum ?? Infinity), schema.exclusiveMaximum === undefined ? Infinity : Math.ceil(schema.exclusiveMaximum) - 1)
  if (schema.multipleOf !== undefined && schema.multipleOf !== 1) return multiples(rules, schema.multipleOf, low, high, at)
  if (low === -Infinity && high === Infinity) return rules.define('integer', choice(text('0'), sequence(choice(text('-'), empty), digits(1, 9), rules.repeat(digit, 0, exact - 1))))
  const { MAX_SAFE_INTEGER: safe, MIN_SAFE_INTEGER: unsafe } = Number
  if (low > safe || high < unsafe) throw unsupported(at, `whole numbers beyond ±${safe} cannot be kept apart.`)
  const [from, to] = [BigInt(Math.max(low, unsafe)), BigInt(Math.min(high, safe))]
  return choice(
    whole(rules, from < 0n ? 0n : from, to),
    ...(from < 0n ? [sequence(text('-'), whole(rules, to < 0n ? -to : 1n, -from))] : [])
  )
}

/** Multiples that are listed one by one. */
const mostMultiples = 1000

function multiples (rules: Rules, step: number, low: number, high: number, at: string): Node {
  if (!Number.isInteger(step)) throw unsupported(within(at, 'multipleOf'), 'only whole numbers can be kept.')
  const [first, last] = [Math.ceil(low / step), Math.floor(high / step)]
  if (last - first < mostMultiples && Number.isSafeInteger(first * step) && Number.isSafeInteger(last * step)) {
    return choice(...Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => text(String((first + index) * step + 0))))
  }
  // The last digits decide, where the step divides a power of ten.
  const ends = [10, 100, 1000].find(power => power % step === 0)
  if (ends === undefined || high !== Infinity || (low !== 0 && low !== -Infinity)) {
    throw unsupported(within(at, 'multipleOf'), `multiples of ${step} can be kept only between bounds with at most ${mostMultiples} of them; without bounds (or from 0), steps that divide 1000.`)
  }
  const small = Array.from({ length: ends / step }, (_, index) => String(index * step))
  const length = String(ends).length - 1
  const positive = choice(
    ...small.filter(value => value !== '0').map(text),
    sequence(digits(1, 9), rules.repeat(digit, 0, exact - length - 1), choice(...small.map(value => text(value.padStart(length, '0')))))
  )
  return choice(text('0'), low === 0 ? positive : sequence(choice(text('-'), empty), positive))
}

const free = (rules: Rules): Node => choice(text('0'), sequence(digits(1, 9), rules.repeat(digit, 0, exact - 1)))
const digitsAfterPoint = (rules: Rules): Node => rules.define('fraction', sequence(text('.'), rules.repeat(digit, 1, exact)))
/** Two digits stay far below the largest double (1e308). */
const exponent = (rules: Rules): Node => rules.define('exponent', sequence(set([[0x45, 0x45], [0x65, 0x65]]), choice(text('+'), text('-'), empty), rules.repeat(digit, 1, 2)))

function bound (inclusive: number | undefined, exclusive: number | undefined, stricter: (a: number, b: number) => number): { value: number, inclusive: boolean } | null {
  if (exclusive !== undefined && (inclusive === undefined || stricter(inclusive, exclusive) === exclusive)) return { value: exclusive, inclusive: false }
  return inclusive === undefined || !Number.isFinite(inclusive) ? null : { value: inclusive, inclusive: true }
}

/** A number that is not negative, digit by digit. */
function decimal (value: number, inclusive: boolean): Bound {
  const [, whole = '', part = '', power = '0'] = /^(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value)) ?? []
  const point = whole.length + Number(power)
  const all = (whole + part).padEnd(point, '0')
  const padded = point < 1 ? '0'.repeat(1 - point) + all : all
  const at = Math.max(point, 1)
  return { int: padded.slice(0, at).replace(/^0+(?=\d)/, ''), frac: padded.slice(at).replace(/0+$/, ''), inclusive }
}

/** Decimal texts between bounds, digit by digit; at most `places` behind the point. */
class Range {
  readonly #rules: Rules
  readonly #places: number

  constructor (rules: Rules, places: number) {
    this.#rules = rules
    this.#places = places
  }

  between (low: Bound, high: Bound | null): Node {
    const [from, to] = [BigInt(low.int), high === null ? null : BigInt(high.int)]
    if (to !== null && from > to) return never
    if (high !== null && from === to) return sequence(text(low.int), this.#fraction(low, high))
    return choice(
      sequence(text(low.int), this.#fraction(low, null)),
      sequence(whole(this.#rules, from + 1n, to === null ? null : to - 1n), this.#fraction(null, null)),
      ...(high === null ? [] : [sequence(text(high.int), this.#fraction(null, high))])
    )
  }

  /** The point and what follows, or nothing; each bound only if the digits so far are the bound's. */
  #fraction (low: Bound | null, high: Bound | null): Node {
    const lowTight = low === null || (low.frac === '' && low.inclusive) ? null : { rest: low.frac, inclusive: low.inclusive }
    const highTight = high === null ? null : { rest: high.frac, inclusive: high.inclusive }
    const more = sequence(text('.'), this.#digits(lowTight, highTight, this.#places))
    return stops(lowTight, highTight) ? choice(empty, more) : more
  }

  #digits (low: Tight | null, high: Tight | null, left: number): Node {
    if (left === 0 || (high !== null && high.rest === '' && !high.inclusive)) return never
    if (low === null && high === null) return this.#rules.repeat(digit, 1, left)
    const [least, most] = [Number(low?.rest[0] ?? 0), Number(high === null ? 9 : high.rest[0] ?? 0)]
    if (low !== null && least > most) return never
    const options: Node[] = []
    const add = (from: number, to: number, low: Tight | null, high: Tight | null): void => {
      if (from > to) return
      const more = this.#digits(low, high, left - 1)
      options.push(sequence(digits(from, to), stops(low, high) ? choice(empty, more) : more))
    }
    const lower = low === null || (low.rest.length <= 1 && low.inclusive) ? null : { ...low, rest: low.rest.slice(1) }
    const upper = high === null ? null : { ...high, rest: high.rest.slice(1) }
    if (low !== null && high !== null && least === most) add(least, most, lower, upper)
    else {
      if (low !== null) add(least, least, lower, null)
      add(low === null ? 0 : least + 1, high === null ? 9 : most - 1, null, null)
      if (high !== null) add(most, most, null, upper)
    }
    return this.#rules.define('digits', choice(...options))
  }
}

/** The bound's digits that are left. */
interface Tight { readonly rest: string, readonly inclusive: boolean }

/** Whether the number may end here, all further digits being 0. */
function stops (low: Tight | null, high: Tight | null): boolean {
  return low === null && (high === null || high.rest !== '' || high.inclusive)
}

/** Whole numbers from `low` to `high`, without leading zeros; without `high`, up to 15 digits. */
function whole (rules: Rules, low: bigint, high: bigint | null): Node {
  const to = high ?? BigInt('9'.repeat(exact))
  const options: Node[] = []
  for (let length = String(low).length; length <= String(to).length; length++) {
    const [least, most] = [length === 1 ? 0n : 10n ** BigInt(length - 1), 10n ** BigInt(length) - 1n]
    const [a, b] = [low > least ? low : least, to < most ? to : most]
    if (a <= b) options.push(alike(rules, String(a), String(b)))
  }
  return choice(...options)
}

/** Texts of digits between two of the same length. */
function alike (rules: Rules, low: string, high: string): Node {
  if (low === '') return empty
  const [a, b] = [Number(low[0]), Number(high[0])]
  const [restLow, restHigh] = [low.slice(1), high.slice(1)]
  if (a === b) return sequence(text(String(a)), alike(rules, restLow, restHigh))
  const [fromFirst, toLast] = [/^0*$/.test(restLow), /^9*$/.test(restHigh)]
  const [from, to] = [fromFirst ? a : a + 1, toLast ? b : b - 1]
  const length = restLow.length
  return choice(
    ...(fromFirst ? [] : [sequence(text(String(a)), alike(rules, restLow, '9'.repeat(length)))]),
    ...(from > to ? [] : [sequence(digits(from, to), rules.repeat(digit, length, length))]),
    ...(toLast ? [] : [sequence(text(String(b)), alike(rules, '0'.repeat(length), restHigh))])
  )
}
