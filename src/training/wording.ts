import type { Interval } from './measured.ts'

/** So many digits behind the point, never `-0`; what is no number is called so. */
export function fixed (number: number, digits: number): string {
  if (!Number.isFinite(number)) return 'not a number'
  const text = number.toFixed(digits)
  return Number(text) === 0 ? (0).toFixed(digits) : text
}

export function percent (share: number): string { return `${fixed(100 * share, 1)} %` }

/** A share with its interval. */
export function share ({ mean, low, high }: Interval): string {
  return `${percent(mean)} (${fixed(100 * low, 1)} to ${fixed(100 * high, 1)})`
}

/** A gain in a share, in percentage points. */
export function points ({ mean, low, high }: Interval): string {
  return `${signed(100 * mean, 1)} points (${fixed(100 * low, 1)} to ${fixed(100 * high, 1)})`
}

/** A gain in likelihood. */
export function nats ({ mean, low, high }: Interval): string {
  return `${signed(mean, 3)} nat a token (${fixed(low, 3)} to ${fixed(high, 3)})`
}

export function counted (number: number, one: string, many = `${one}s`): string { return `${number} ${number === 1 ? one : many}` }

function signed (number: number, digits: number): string { return `${number > 0 ? '+' : ''}${fixed(number, digits)}` }
