import { problem } from '../errors.ts'
import { Admission, type AdmissionOptions } from './admission.ts'
import type { Engine, EngineState, Target } from './engine.ts'

/** A base model that can be served. */
export interface BaseModel {
  /** Its public name. */
  readonly name: string
  /** sha256 of its file. */
  readonly digest: string
  readonly sizeBytes: number
  /** Tokens per slot. */
  readonly contextSize: number
  readonly engine: Engine
}

/** A base model as others see it. */
export interface BaseInfo extends Omit<BaseModel, 'engine'> {
  /** Unix seconds since when it is offered. */
  readonly created: number
  readonly default: boolean
  readonly state: EngineState
  readonly running: number
  readonly waiting: number
  readonly slots: number
}

/** Leave to use a model: while it is held, its weights stay. */
export interface Lease {
  readonly target: Target
  readonly engine: Engine
  /** Tokens per slot. */
  readonly contextSize: number
  readonly admission: Admission
  /** For what is counted and not answered: one at a time. */
  readonly counting: Admission
  release (): void
}

export interface BasesOptions extends AdmissionOptions {
  /** Seconds without a lease after which a base other than the first is unloaded; 0: never. */
  readonly idleUnload: number
}

interface Entry { readonly model: BaseModel, readonly admission: Admission, readonly counting: Admission, leases: number, usedAt: number }

/** The idle sweep is this fine: unloading a few seconds late harms nobody. */
const sweepMs = 5_000

/** All base models of this server; the first is the default. */
export class Bases {
  readonly #entries: ReadonlyMap<string, Entry>
  readonly #options: BasesOptions
  readonly #created = Math.floor(Date.now() / 1000)
  readonly #sweep: NodeJS.Timeout | null

  constructor (models: readonly BaseModel[], options: BasesOptions) {
    this.#options = options
    this.#entries = new Map(models.map(model => [model.name, { model, admission: new Admission(options), counting: new Admission({ ...options, capacity: 1 }), leases: 0, usedAt: performance.now() }]))
    this.#sweep = options.idleUnload === 0 ? null : setInterval(() => this.#unloadIdle(), sweepMs).unref()
  }

  /** Resolves a model's name (null: the default) and keeps it from being unloaded. Throws `model_not_found`. */
  lease (name: string | null): Lease {
    const entry = this.#entry(name)
    const { name: model, digest, engine, contextSize } = entry.model
    entry.leases++
    let released = false
    return {
      target: { model, digest, adapters: [] },
      engine,
      contextSize,
      admission: entry.admission,
      counting: entry.counting,
      release: () => {
        if (released) return
        released = true
        entry.leases--
        entry.usedAt = performance.now()
      }
    }
  }

  /** The default first. */
  list (): BaseInfo[] { return [...this.#entries.values()].map(entry => this.#info(entry)) }

  find (name: string): BaseInfo | null {
    const entry = this.#entries.get(name)
    return entry === undefined ? null : this.#info(entry)
  }

  async load (name: string): Promise<void> {
    const lease = this.lease(name)
    try {
      await lease.engine.load()
    } finally {
      lease.release()
    }
  }

  /** Throws `model_in_use` while anyone holds a lease. */
  async unload (name: string): Promise<void> {
    const entry = this.#entry(name)
    if (entry.leases > 0) throw problem('model_in_use', { model: name, count: entry.leases })
    await entry.model.engine.unload()
  }

  /** Refuses all who wait and all who come; running answers go on. */
  drain (): void { for (const { admission, counting } of this.#entries.values()) for (const line of [admission, counting]) line.close() }

  async close (): Promise<void> {
    if (this.#sweep !== null) clearInterval(this.#sweep)
    this.drain()
    await Promise.all([...this.#entries.values()].map(({ model }) => model.engine.close()))
  }

  #entry (name: string | null): Entry {
    const entry = name === null ? this.#entries.values().next().value : this.#entries.get(name)
    if (entry === undefined) throw problem('model_not_found', { model: name ?? '' }, { param: 'model' })
    return entry
  }

  #info ({ model, admission }: Entry): BaseInfo {
    const { engine, ...shown } = model
    return { ...shown, created: this.#created, default: this.#entries.keys().next().value === model.name, state: engine.state(), running: admission.running, waiting: admission.waiting, slots: this.#options.capacity }
  }

  #unloadIdle (): void {
    const longAgo = performance.now() - this.#options.idleUnload * 1000
    const [, ...others] = this.#entries.values()
    for (const { model, leases, usedAt } of others) {
      if (leases === 0 && usedAt < longAgo && model.engine.state().status === 'ready') void model.engine.unload()
    }
  }
}
