import { problem, PublicError } from '../../errors.ts'
import type { Probe, ProbeAdapter } from '../engine.ts'
import { Child } from './child-process.ts'
import type { NativeOptions } from './native.ts'
import type { Word } from './protocol.ts'

type Options = Omit<NativeOptions, 'threads'>

/** Enough for the probe's text, so that the trial costs little memory beside the weights, which the page cache shares. */
const context = 256
/** How long the child waits for another file: many come together, and loading the base is most of a trial's time. */
const idleMs = 5_000

export interface Prober {
  readonly probe: ProbeAdapter
  close (): Promise<void>
}

/**
 * Trial loads in a child that answers nobody: what kills it kills no answer.
 * One at a time; a child that has met a bad file is not used again.
 */
export function createProber (optionsOf: (base: string) => Options): Prober {
  let turn: Promise<unknown> = Promise.resolve()
  let bench: Bench | null = null
  let idle: NodeJS.Timeout | undefined

  async function dispose (): Promise<void> {
    clearTimeout(idle)
    const old = bench
    bench = null
    await old?.child.stop()
  }

  async function tryOn (base: string, path: string): Promise<Probe> {
    clearTimeout(idle)
    if (bench?.base !== base) await dispose()
    bench ??= new Bench(base, optionsOf(base))
    try {
      const probe = await bench.probe(path)
      idle = setTimeout(() => { void dispose() }, idleMs).unref()
      return probe
    } catch (error) {
      await dispose()
      throw error
    }
  }

  return {
    async probe (base, path) {
      const mine = turn.then(() => tryOn(base, path))
      turn = mine.catch(() => {})
      return await mine
    },
    async close () {
      await turn
      await dispose()
    }
  }
}

/** One child with one base in it. */
class Bench {
  readonly base: string
  readonly child: Child
  #told = Promise.withResolvers<Probe>()

  constructor (base: string, options: Options) {
    this.base = base
    this.child = new Child({ ...options, slots: 1, context, threads: 1 }, 1, (word: Word) => {
      if (word.type === 'probed') this.#told.resolve(word.probe)
      else if (word.type === 'failed') this.#told.reject(PublicError.revive(word.code, word.message))
    })
    void this.child.gone.then(() => this.#told.reject(problem('adapter_load_failed', { detail: 'it kills the process that loads it' })))
    this.#told.promise.catch(() => {})
  }

  async probe (path: string): Promise<Probe> {
    await this.child.ready
    this.child.tell({ type: 'probe', id: 1, path })
    try {
      return await this.#told.promise
    } finally {
      this.#told = Promise.withResolvers<Probe>()
      this.#told.promise.catch(() => {})
    }
  }
}
