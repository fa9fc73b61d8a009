/**
 * A queue between one who hands in and one who takes out, for one reader.
 * What was handed in before an end or an error is still taken first.
 */
export class Inbox<T> {
  readonly #items: T[] = []
  #error: { readonly reason: unknown } | null = null
  #wake: (() => void) | null = null

  put (item: T): void {
    this.#items.push(item)
    this.#wake?.()
  }

  fail (reason: unknown): void {
    this.#error ??= { reason }
    this.#wake?.()
  }

  async take (): Promise<T> {
    for (;;) {
      const item = this.#items.shift()
      if (item !== undefined) return item
      if (this.#error !== null) throw this.#error.reason
      await new Promise<void>(resolve => { this.#wake = resolve })
      this.#wake = null
    }
  }
}
