import { problem } from '../errors.ts'

export interface AdmissionOptions {
  /** Answers at the same time. */
  readonly capacity: number
  /** Most requests waiting, in all and of one tenant. */
  readonly queue: number
  readonly queuePerTenant: number
  /** Seconds a request waits at most. */
  readonly timeout: number
}

interface Waiter { readonly places: number, readonly enter: () => void, readonly refuse: (error: unknown) => void }

/**
 * Decides who is answered next when all slots are busy: tenants in turn, each
 * tenant's requests in the order they came, so that nobody's flood starves
 * anyone else. Refuses early, with an estimate of when to come back, rather
 * than letting a queue grow that nobody will wait for.
 */
export class Admission {
  readonly #options: AdmissionOptions
  readonly #waiting = new Map<string, Waiter[]>()
  #running = 0
  #closed = false
  /** Smoothed seconds that one answer holds a slot; a guess until the first has ended. */
  #seconds = 5

  constructor (options: AdmissionOptions) { this.#options = options }

  get running (): number { return this.#running }
  get waiting (): number { return [...this.#waiting.values()].reduce((sum, line) => sum + line.length, 0) }

  /**
   * Resolves to the function that gives the slots back (call it once) when it
   * is this request's turn. One that wants several `slots` gets them at once,
   * and never more than there are. Throws `queue_full`, `queue_timeout`,
   * `shutting_down`, or the signal's reason.
   */
  async admit (tenant: string, signal: AbortSignal, slots = 1): Promise<() => void> {
    signal.throwIfAborted()
    if (this.#closed) throw problem('shutting_down', { seconds: 5 }, { retryAfter: 5 })
    const places = Math.min(slots, this.#options.capacity)
    if (this.#waiting.size === 0 && this.#fits(places)) this.#running += places
    else await this.#wait(tenant, signal, places)
    const began = performance.now()
    return () => {
      this.#seconds += 0.2 * ((performance.now() - began) / 1000 - this.#seconds)
      this.#leave(places)
    }
  }

  #fits (places: number): boolean { return this.#running + places <= this.#options.capacity }

  /** Refuses all who wait and all who come. */
  close (): void {
    this.#closed = true
    for (const waiter of [...this.#waiting.values()].flat()) waiter.refuse(problem('shutting_down', { seconds: 5 }, { retryAfter: 5 }))
  }

  async #wait (tenant: string, signal: AbortSignal, places: number): Promise<void> {
    const line = this.#waiting.get(tenant) ?? []
    const count = this.waiting
    const seconds = Math.min(60, Math.max(1, Math.ceil((count + 1) * this.#seconds / this.#options.capacity)))
    const full = problem('queue_full', { count, seconds }, { retryAfter: seconds })
    if (line.length >= this.#options.queuePerTenant) throw full
    if (count >= this.#options.queue) {
      // The longest line makes room for a shorter one, so that a few floods cannot shut everyone else out.
      const longest = [...this.#waiting.values()].reduce((most, other) => other.length > most.length ? other : most, line)
      if (longest.length <= line.length + 1) throw full
      longest.at(-1)?.refuse(full)
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    // Leaves the line at once: a slot must never be handed to one who has been refused.
    const refuse = (error: unknown): void => { this.#forget(tenant, waiter); reject(error) }
    const waiter: Waiter = { places, enter: resolve, refuse }
    line.push(waiter)
    this.#waiting.set(tenant, line)
    const timer = setTimeout(() => refuse(problem('queue_timeout', { waited: this.#options.timeout, seconds }, { retryAfter: seconds })), this.#options.timeout * 1000)
    const abort = (): void => refuse(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    try {
      await promise
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
    }
  }

  #forget (tenant: string, waiter: Waiter): void {
    const line = this.#waiting.get(tenant)
    if (line === undefined) return
    const index = line.indexOf(waiter)
    if (index !== -1) line.splice(index, 1)
    if (line.length === 0) this.#waiting.delete(tenant)
    // The one who left may have been the one that the free slots did not suffice for.
    this.#admitNext()
  }

  /** The slots go to the next tenants in turn, as far as they suffice; the first whose turn it is waits for all it needs, or it would never get them. */
  #leave (places: number): void {
    this.#running -= places
    this.#admitNext()
  }

  #admitNext (): void {
    while (!this.#closed) {
      const [tenant, line] = this.#waiting.entries().next().value ?? []
      const next = line?.[0]
      if (tenant === undefined || line === undefined || next === undefined || !this.#fits(next.places)) return
      line.shift()
      this.#waiting.delete(tenant)
      if (line.length > 0) this.#waiting.set(tenant, line)
      this.#running += next.places
      next.enter()
    }
  }
}
