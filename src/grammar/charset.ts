/** A set of code points: inclusive ranges, sorted, neither touching nor overlapping. */
export type Ranges = readonly (readonly [from: number, to: number])[]

const last = 0x10FFFF

export function union (...sets: readonly Ranges[]): Ranges {
  const out: [number, number][] = []
  for (const [from, to] of sets.flat().toSorted((a, b) => a[0] - b[0])) {
    const before = out.at(-1)
    if (before !== undefined && from <= before[1] + 1) before[1] = Math.max(before[1], to)
    else out.push([from, to])
  }
  return out
}

export function negate (set: Ranges): Ranges {
  const out: [number, number][] = []
  let next = 0
  for (const [from, to] of set) {
    if (from > next) out.push([next, from - 1])
    next = to + 1
  }
  if (next <= last) out.push([next, last])
  return out
}

export const intersect = (a: Ranges, b: Ranges): Ranges => negate(union(negate(a), negate(b)))
export const without = (a: Ranges, b: Ranges): Ranges => intersect(a, negate(b))

/** Each character of the text. */
export const chars = (text: string): Ranges => union([...text].map(char => [char.codePointAt(0) ?? 0, char.codePointAt(0) ?? 0]))

/** What may stand in a JSON string as it is. Controls are left out where JSON would allow them (DEL, C1), and surrogates, which are no characters. */
export const plain: Ranges = without(negate(union([[0, 0x1F], [0x7F, 0x9F], [0xD800, 0xDFFF]])), chars('"\\'))
