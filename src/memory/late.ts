import type { Unit } from './store.ts'

/** What a match is worth in the unit two before, the one before and the one after; without them -1.5. */
const nearby = [0.8, 0.9, 0.8] as const
/** How much a unit's own matches count beside those that its neighbours may replace: +.4 to 1.3. */
const ownShare = 0.2
/** Rows of token bits that one question looks at: a fifth more than 100 turns with their neighbours have, about 5 ms. */
const mostRows = 6_000

/**
 * Late interaction: for every token of the question the token in a unit, or in
 * one beside it, that matches it best; how well the unit answers is their mean,
 * in which a token weighs the more the more its matches differ: one that all
 * match alike ("did", a name all have) tells nothing (+.2 to .5 points of R@10,
 * +.7 of R@20). Units without token bits are left out, and so are the last ones
 * once the work is done that may be.
 */
export function lateScores (units: readonly Unit[], bits: ReadonlyMap<number, Uint8Array>, tokens: readonly Float32Array[]): Map<number, number> {
  const found = matches(units, bits, tokens.map(signTable))
  const weights = tokens.map((_, token) => {
    const values = [...found.values()].map(best => best[token]!)
    return Math.max(...values) - sum(values) / values.length
  })
  const total = sum(weights)
  return new Map([...found].map(([unit, best]) => [unit, total > 0 ? sum(best.map((value, token) => weights[token]! * value)) / total : 0]))
}

/** Of each unit, the best match of each of the tokens. */
function matches (units: readonly Unit[], bits: ReadonlyMap<number, Uint8Array>, tables: readonly Float32Array[]): Map<number, readonly number[]> {
  const found = new Map<number, readonly number[]>()
  if (tables.length === 0) return found
  const rowBytes = tables[0]!.length / 256
  const own = new Map<number, readonly number[]>()
  let rows = 0
  const match = (unit: number | null): readonly number[] | undefined => {
    const of = unit === null ? undefined : bits.get(unit)
    if (of === undefined || of.length === 0) return undefined
    const known = own.get(unit!)
    if (known !== undefined) return known
    rows += of.length / rowBytes
    const best = tables.map(table => bestMatch(table, of))
    own.set(unit!, best)
    return best
  }
  for (const { id, neighbours } of units) {
    if (rows > mostRows) break
    const best = match(id)
    if (best === undefined) continue
    const around = neighbours.map(match)
    found.set(id, best.map((value, token) => {
      const here = Math.max(value, ...around.map((other, place) => other === undefined ? -Infinity : nearby[place]! * other[token]!))
      return here + ownShare * (value - here)
    }))
  }
  return found
}

function sum (values: readonly number[]): number { return values.reduce((sum, value) => sum + value, 0) }

/**
 * One table a token of the question: byte p of value v adds `table[256 p + v]`
 * to its inner product with the signs of another token. Signs alone lose
 * nothing (floats 81.6, signs 82.2).
 */
function signTable (token: Float32Array): Float32Array {
  const bytes = token.length / 8
  const scale = 1 / Math.sqrt(token.length)
  const table = new Float32Array(bytes * 256)
  for (let byte = 0; byte < bytes; byte++) {
    const of = byte * 256
    for (let bit = 0; bit < 8; bit++) table[of]! -= token[byte * 8 + bit]! * scale
    // Each value differs from the one without its highest bit by twice that bit's number.
    for (let bit = 0; bit < 8; bit++) {
      const step = 2 * token[byte * 8 + bit]! * scale
      for (let value = 0; value < 1 << bit; value++) table[of + (1 << bit) + value] = table[of + value]! + step
    }
  }
  return table
}

function bestMatch (table: Float32Array, bits: Uint8Array): number {
  const bytes = table.length / 256
  let best = -Infinity
  for (let token = 0; token < bits.length; token += bytes) {
    let sum = 0
    for (let byte = 0; byte < bytes; byte++) sum += table[byte * 256 + bits[token + byte]!]!
    if (sum > best) best = sum
  }
  return best
}
