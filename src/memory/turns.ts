/** Lets work of one key follow each other, and that of different keys go side by side. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>()

  async take<T> (key: string, work: () => Promise<T>): Promise<T> {
    const mine = (this.#last.get(key) ?? Promise.resolve()).then(work, work)
    this.#last.set(key, mine)
    try {
      return await mine
    } finally {
      if (this.#last.get(key) === mine) this.#last.delete(key)
    }
  }

  /** Resolves when all work that was given is done, however it ended. */
  async rest (): Promise<void> { await Promise.allSettled(this.#last.values()) }
}
