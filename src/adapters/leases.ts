import type { PublicError } from '../errors.ts'

/** Leave to use something for as long as an answer takes. */
export interface Lease {
  /** Fires, with the reason to tell, when the answer has to end. */
  readonly signal: AbortSignal
  /** May be called more than once. */
  release (): void
}

/** The answers under way on one version of an adapter. */
export class Leases {
  readonly #held = new Set<AbortController>()

  get size (): number { return this.#held.size }

  take (): Lease {
    const held = new AbortController()
    this.#held.add(held)
    return { signal: held.signal, release: () => { this.#held.delete(held) } }
  }

  /**
   * Gives those that are held now `seconds` to be released; the ones left then
   * are told to end with `reason()`, unless that is null by then.
   */
  drain (seconds: number, reason: () => PublicError | null): void {
    const before = [...this.#held]
    if (before.length === 0) return
    setTimeout(() => {
      const error = reason()
      if (error !== null) for (const held of before) held.abort(error)
    }, seconds * 1000).unref()
  }
}
