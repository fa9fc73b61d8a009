import { problem } from '../errors.ts'

/** Bytes from `start` to before `end`. */
export interface Range { readonly start: number, readonly end: number }

/**
 * The part of `size` bytes that a `Range` header asks for (RFC 9110, 14.2);
 * null: all of it, as for headers that are not understood. Throws
 * `range_not_satisfiable` where nothing lies there.
 */
export function rangeIn (header: string | undefined, size: number): Range | null {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? []
  if (first === '' && last === '') return null
  if (first !== '' && last !== '' && Number(last) < Number(first)) return null
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size : Math.min(size, Number(last) + 1)
  if (start >= size || start >= end) throw problem('range_not_satisfiable', { size })
  return { start, end }
}
