/** Told how many native threads its engine may run now; 0 means: pause between batches. */
export type Grant = (threads: number) => void

/** One engine's seat at the budget. */
export interface Share {
  work (): void
  rest (): void
}

/** How long an engine runs before another one's turn, where there are more engines at work than threads. */
const turnMs = 100
/** Work in the background waits as long as this for each 30 ms it takes (memory/embedding.ts), so answers lose about a tenth of their speed while a backlog is embedded. */
const patienceMs = 300

/**
 * One thread budget for the machine. llama.cpp's threads spin at barriers, so
 * more of them than cores collapse to a fifth of the speed: only engines at
 * work hold a share, and where there are more of them than threads they take
 * turns instead of running together.
 */
export class ThreadBudget {
  readonly #total: number
  readonly #working = new Set<Grant>()
  /** Who waits for a machine without work. */
  readonly #idle = new Set<() => void>()
  #turn = 0
  #timer: NodeJS.Timeout | null = null

  constructor (total: number) { this.#total = total }

  /**
   * Resolves when no engine is at work, or after a moment: what runs in the
   * background gets a little of a busy machine too, in small runs.
   */
  async spare (): Promise<void> {
    if (this.#working.size === 0) return
    const idle = Promise.withResolvers<void>()
    this.#idle.add(idle.resolve)
    const timer = setTimeout(idle.resolve, patienceMs)
    await idle.promise
    clearTimeout(timer)
    this.#idle.delete(idle.resolve)
  }

  join (grant: Grant): Share {
    const change = (edit: () => void): void => { edit(); this.#share() }
    return {
      work: () => change(() => this.#working.add(grant)),
      rest: () => change(() => this.#working.delete(grant))
    }
  }

  #share (): void {
    if (this.#working.size === 0) for (const idle of this.#idle) idle()
    shares(this.#working.size, this.#total, this.#turn).forEach((count, i) => [...this.#working][i]?.(count))
    const crowded = this.#working.size > this.#total
    if (crowded && this.#timer === null) {
      this.#timer = setInterval(() => { this.#turn++; this.#share() }, turnMs).unref()
    } else if (!crowded && this.#timer !== null) {
      clearInterval(this.#timer)
      this.#timer = null
    }
  }
}

/** Threads for each of `working` engines, summing to at most `total`; those whose turn it is not get 0. */
export function shares (working: number, total: number, turn: number): number[] {
  return Array.from({ length: working }, (_, i) => working <= total
    ? Math.floor(total / working) + (i < total % working ? 1 : 0)
    : (i + turn) % working < total ? 1 : 0)
}
