import type { Owner } from '../memory/memories.ts'
import { problem } from '../errors.ts'

/** An answer to a person that is under way. */
export interface Present {
  /** Fires with `user_erased` when the person is erased: nothing of the answer may be kept then. */
  readonly signal: AbortSignal
  leave (): void
}

/**
 * Who is being answered and written of, so that an erasure finds nobody in the
 * middle of it: answers under way are ended, writes are waited for, and what
 * comes meanwhile waits until the person is a new one.
 */
export class People {
  readonly #answers = new Map<string, Set<AbortController>>()
  readonly #writes = new Map<string, Set<Promise<unknown>>>()
  readonly #clearing = new Map<string, Promise<unknown>>()
  #last: Promise<unknown> = Promise.resolve()

  /** An answer to the person begins. */
  async enter (owner: Owner): Promise<Present> {
    const key = await this.#free(owner)
    const end = new AbortController()
    add(this.#answers, key, end)
    return { signal: end.signal, leave: () => { remove(this.#answers, key, end) } }
  }

  /** Writes something of the person. */
  async write<T> (owner: Owner, work: () => Promise<T>): Promise<T> {
    const key = this.#clearing.size === 0 ? keyOf(owner) : await this.#free(owner)
    const writing = work()
    add(this.#writes, key, writing)
    try {
      return await writing
    } finally {
      remove(this.#writes, key, writing)
    }
  }

  /** Work of several people that an erasure must not fall into the middle of; one after the other. */
  async inTurn<T> (work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work, work)
    this.#last = mine.catch(() => {})
    return await mine
  }

  /** Ends the person's answers, waits for what is being written, and does the work while nothing of the person begins. */
  async clear<T> (owner: Owner, work: () => Promise<T>): Promise<T> {
    return await this.inTurn(async () => {
      const key = keyOf(owner)
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#clearing.set(key, promise)
      try {
        for (const answer of this.#answers.get(key) ?? []) answer.abort(problem('user_erased', {}))
        await Promise.allSettled(this.#writes.get(key) ?? [])
        return await work()
      } finally {
        this.#clearing.delete(key)
        resolve()
      }
    })
  }

  async #free (owner: Owner): Promise<string> {
    const key = keyOf(owner)
    while (this.#clearing.has(key)) await this.#clearing.get(key)
    return key
  }
}

function add<T> (sets: Map<string, Set<T>>, key: string, one: T): void {
  const set = sets.get(key) ?? new Set()
  sets.set(key, set.add(one))
}

function remove<T> (sets: Map<string, Set<T>>, key: string, one: T): void {
  const set = sets.get(key)
  set?.delete(one)
  if (set?.size === 0) sets.delete(key)
}

function keyOf ({ tenant, user }: Owner): string { return JSON.stringify([tenant, user]) }
