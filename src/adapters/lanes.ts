/** Work under one key runs one after the other, in the order it was asked for; work under different keys does not wait. */
export class Lanes {
  readonly #last = new Map<string, Promise<unknown>>()

  async run<T> (key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve()
    const mine = before.then(work, work)
    this.#last.set(key, mine)
    try {
      return await mine
    } finally {
      // The last one out takes the key away, so that names do not pile up.
      if (this.#last.get(key) === mine) this.#last.delete(key)
    }
  }
}
