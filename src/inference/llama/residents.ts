import { problem } from '../../errors.ts'
import type { AppliedAdapter, ResidentAdapters } from '../engine.ts'

/** What the set needs of the native side; all of it between two batches. `H` is a loaded adapter. */
export interface AdapterHost<H> {
  loadAdapter (path: string): Promise<H>
  freeAdapter (adapter: H): Promise<void>
  /** Puts exactly these adapters on the context. */
  applyAdapters (adapters: readonly { readonly handle: H, readonly scale: number }[]): void
}

interface Resident<H> { readonly handle: H, uses: number, usedAt: number }

/**
 * The adapters in memory, at most `limit` of them unless more are in use at the
 * same moment. Those in use and those pinned stay; of the others the one unused
 * for longest goes first. One is taken off the context before it is freed:
 * llama.cpp would read freed memory in the next batch.
 */
export class Residents<H> {
  readonly #host: AdapterHost<H>
  readonly #limit: number
  readonly #resident = new Map<string, Resident<H>>()
  #pinned: ReadonlySet<string> = new Set()
  #applied: readonly AppliedAdapter[] = []
  #clock = 0
  #counts = { loads: 0, loadMs: 0, evictions: 0, switches: 0 }

  constructor (host: AdapterHost<H>, limit: number) {
    this.#host = host
    this.#limit = limit
  }

  /** Makes the adapters resident and keeps them so until `release`. Throws `adapter_load_failed`, and then keeps none. */
  async acquire (adapters: readonly AppliedAdapter[]): Promise<void> {
    const taken: AppliedAdapter[] = []
    try {
      for (const adapter of adapters) {
        const resident = this.#resident.get(adapter.digest) ?? await this.#load(adapter)
        resident.uses++
        resident.usedAt = ++this.#clock
        taken.push(adapter)
      }
    } catch (error) {
      this.release(taken)
      throw error
    }
    await this.#evict()
  }

  /** Whether all of them are in memory already; then they count as used just now. Touches nothing native, so it may be asked at any time. */
  touch (adapters: readonly AppliedAdapter[]): boolean {
    const found = adapters.map(({ digest }) => this.#resident.get(digest))
    if (found.includes(undefined)) return false
    for (const resident of found) if (resident !== undefined) resident.usedAt = ++this.#clock
    return true
  }

  release (adapters: readonly AppliedAdapter[]): void {
    for (const { digest } of adapters) {
      const resident = this.#resident.get(digest)
      if (resident !== undefined) resident.uses--
    }
  }

  pin (digests: readonly string[]): void { this.#pinned = new Set(digests) }

  /** Puts acquired adapters on the context, unless they are on it already. */
  apply (adapters: readonly AppliedAdapter[]): void {
    if (same(adapters, this.#applied)) return
    this.#host.applyAdapters(adapters.map(({ digest, scale }) => {
      const resident = this.#resident.get(digest)
      if (resident === undefined) throw new Error(`the adapter ${digest} is not resident`)
      return { handle: resident.handle, scale }
    }))
    this.#applied = adapters
    this.#counts.switches++
  }

  state (): ResidentAdapters {
    return { resident: [...this.#resident.keys()], busy: [...this.#resident.values()].filter(({ uses }) => uses > 0).length, ...this.#counts }
  }

  async #load ({ digest, path }: AppliedAdapter): Promise<Resident<H>> {
    const began = performance.now()
    try {
      const resident = { handle: await this.#host.loadAdapter(path), uses: 0, usedAt: 0 }
      this.#resident.set(digest, resident)
      return resident
    } catch (cause) {
      throw problem('adapter_load_failed', { detail: cause instanceof Error ? cause.message : String(cause) }, { cause })
    } finally {
      this.#counts.loads++
      this.#counts.loadMs += performance.now() - began
    }
  }

  async #evict (): Promise<void> {
    const idle = [...this.#resident].filter(([digest, { uses }]) => uses === 0 && !this.#pinned.has(digest)).toSorted(([, a], [, b]) => a.usedAt - b.usedAt)
    for (const [digest, { handle }] of idle.slice(0, Math.max(0, this.#resident.size - this.#limit))) {
      if (this.#applied.some(adapter => adapter.digest === digest)) this.apply([])
      this.#resident.delete(digest)
      this.#counts.evictions++
      await this.#host.freeAdapter(handle)
    }
  }
}

function same (a: readonly AppliedAdapter[], b: readonly AppliedAdapter[]): boolean {
  return a.length === b.length && a.every(({ digest, scale }, i) => digest === b[i]?.digest && scale === b[i].scale)
}
