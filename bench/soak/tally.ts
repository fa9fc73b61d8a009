/** What came of requests that was no fault: the person was erased while they were asked about. */
export class Expected extends Error {}

/** Counts what was done by its kind, and how it came out. */
export class Tally {
  readonly #kinds = new Map<string, { done: number, expected: number, failed: number }>()
  readonly #failures = new Map<string, number>()
  /** Answers of a checked version, and those of them that were not one version's own, word for word. */
  checked = 0
  mixed = 0

  /** Does it and counts how it came out; never rejects. */
  async count (kind: string, work: () => Promise<void>): Promise<void> {
    const counts = this.#kinds.get(kind) ?? { done: 0, expected: 0, failed: 0 }
    this.#kinds.set(kind, counts)
    counts.done++
    try {
      await work()
    } catch (error) {
      if (error instanceof Expected) counts.expected++
      else {
        counts.failed++
        this.fail(`${kind}: ${told(error)}`)
      }
    }
  }

  fail (what: string): void { this.#failures.set(what, (this.#failures.get(what) ?? 0) + 1) }

  get total (): number { return this.kinds().reduce((sum, { done }) => sum + done, 0) }
  get failed (): number { return [...this.#failures.values()].reduce((sum, count) => sum + count, 0) }

  kinds (): { kind: string, done: number, expected: number, failed: number }[] {
    return [...this.#kinds].map(([kind, counts]) => ({ kind, ...counts })).toSorted((a, b) => b.done - a.done)
  }

  /** What failed, and how often. */
  failures (): readonly (readonly [what: string, count: number])[] { return [...this.#failures] }
}

function told (error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message
}
