import type { Found, SecretKind } from './found.ts'
import { knownShapes } from './library.ts'
import { numbers } from './numbers.ts'
import { phrases } from './phrases.ts'
import { shapes } from './shapes.ts'

export type { SecretKind } from './found.ts'

export interface Masked {
  /** The same text with `[secret: <kind>]` in the place of each. */
  readonly text: string
  /** How many there were; for counting, never with the text. */
  readonly found: Readonly<Partial<Record<SecretKind, number>>>
}

/**
 * A text without secrets: keys and tokens, private keys, passwords, connection
 * strings with one, card and bank account numbers, national ids. What is
 * someone's own business but opens nothing stays: names, addresses, telephone
 * numbers, dates. Numbers count only where their check digits are right.
 *
 * Masking a masked text changes nothing. Linear in the length of the text.
 */
export function masked (text: string): Masked {
  const found: Partial<Record<SecretKind, number>> = {}
  let safe = ''
  let at = 0
  for (const { kind, from, to } of apart([...knownShapes(text), ...shapes(text), ...numbers(text), ...phrases(text)])) {
    safe += `${text.slice(at, from)}[secret: ${kind}]`
    at = to
    found[kind] = (found[kind] ?? 0) + 1
  }
  return { text: safe + text.slice(at), found }
}

/** In order; what overlaps is one secret, named by what begins first. */
function apart (all: readonly Found[]): Found[] {
  const found: Found[] = []
  for (const next of [...all].sort((a, b) => a.from - b.from || b.to - a.to)) {
    const last = found.at(-1)
    if (last === undefined || next.from >= last.to) found.push(next)
    else if (next.to > last.to) found[found.length - 1] = { ...last, to: next.to }
  }
  return found
}
