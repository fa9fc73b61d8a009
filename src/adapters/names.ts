import { problem } from '../errors.ts'

/** As bases are named, so that both share one name space; without `@`, which introduces a version. */
const namePattern = /^[a-z0-9][a-z0-9._-]{0,99}$/i

/** Digits that a counter can never reach; below 2^53, where numbers are exact. */
const versionPattern = /^[1-9][0-9]{0,14}$/

/** Throws `name_invalid`. */
export function refuseName (name: string): void {
  // Whoever sends 10 kB as a name need not get them back.
  if (!namePattern.test(name)) throw problem('name_invalid', { name: name.slice(0, 100) }, { param: 'name' })
}

/** `house` or `house@7`, taken apart; a version that is no plain positive number is `unknown`. */
export function parseReference (reference: string): { readonly name: string, readonly version: number | null | 'unknown' } {
  const at = reference.indexOf('@')
  if (at === -1) return { name: reference, version: null }
  const digits = reference.slice(at + 1)
  return { name: reference.slice(0, at), version: versionPattern.test(digits) ? Number(digits) : 'unknown' }
}

/** Where a file came from, as it may be kept and shown: an address without what opens it. */
export function shownSource (reference: string): string {
  if (!/^https?:/i.test(reference) || !URL.canParse(reference)) return reference
  const { origin, pathname } = new URL(reference)
  return origin + pathname
}
