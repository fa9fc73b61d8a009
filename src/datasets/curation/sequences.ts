export interface Sequences {
  /** Keeps the numbers and says under which number they are found, counted from 0. */
  add: (numbers: Uint32Array) => number
  /** Those kept under it: a view, to be read at once. */
  at: (index: number) => Uint32Array
}

/** Many short lists of numbers, 4 bytes each, in one piece of memory: an array of its own would take 200 bytes for each. */
export function createSequences (): Sequences {
  let pool = new Uint32Array(2 ** 16)
  const ends = [0]
  return {
    add (numbers) {
      const start = ends.at(-1)!
      const end = start + numbers.length
      if (end > pool.length) {
        const larger = new Uint32Array(Math.max(end, Math.ceil(pool.length * 1.5)))
        larger.set(pool)
        pool = larger
      }
      pool.set(numbers, start)
      return ends.push(end) - 2
    },
    at: index => pool.subarray(ends[index], ends[index + 1])
  }
}
