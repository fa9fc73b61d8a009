import type { States } from './session.ts'

/** The mean of all rows. */
export function mean ({ length, rows }: States): Float32Array {
  const dimensions = rows.length / length
  const sum = new Float64Array(dimensions)
  for (let row = 0; row < length; row++) {
    for (let at = 0; at < dimensions; at++) sum[at]! += rows[row * dimensions + at]!
  }
  return Float32Array.from(sum, value => value / length)
}

export function row ({ length, rows }: States, at: number): Float32Array {
  const dimensions = rows.length / length
  return rows.slice(at * dimensions, (at + 1) * dimensions)
}

/** The same direction with the length 1; null: it has none, or holds what is no number. */
export function unit (vector: Float32Array): Float32Array | null {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
  return length > 0 && Number.isFinite(length) ? vector.map(value => value / length) : null
}

/** For each given row a bit for each number, 1 where it is positive: number `8 p + i` is bit `i` of byte `p`. */
export function signBits (states: States, rows: readonly number[]): Uint8Array {
  const dimensions = states.rows.length / states.length
  const bits = new Uint8Array(rows.length * dimensions / 8)
  for (const [place, at] of rows.entries()) {
    for (let number = 0; number < dimensions; number++) {
      if (states.rows[at * dimensions + number]! > 0) bits[(place * dimensions + number) >> 3]! |= 1 << (number & 7)
    }
  }
  return bits
}

/** Groups texts of like length, by their places in `lengths`, so that one run reads at most `most` tokens with the padding to its longest. A longer text is a group of its own. */
export function batchesOf (lengths: readonly number[], most: number): readonly (readonly number[])[] {
  const batches: number[][] = []
  for (const at of lengths.map((_, at) => at).sort((a, b) => lengths[a]! - lengths[b]!)) {
    const batch = batches.at(-1)
    if (batch !== undefined && (batch.length + 1) * lengths[at]! <= most) batch.push(at)
    else batches.push([at])
  }
  return batches
}
