import { setImmediate, setTimeout } from 'node:timers/promises'
import type { Embedder, Passage } from './embedder.ts'
import type { Owner } from './memories.ts'
import { int8 } from './recall.ts'
import type { Embedded, Store, Unit } from './store.ts'
import type { Turns } from './turns.ts'

export interface EmbeddingOptions {
  readonly store: Store
  readonly embedder: Embedder
  /** Resolves when the machine has a thread to spare. */
  readonly gate: () => Promise<void>
  /** The turns of each owner's writes. */
  readonly turns: Turns
  readonly log: (message: string, fields: Readonly<Record<string, unknown>>) => void
}

/** Units of one commit: a fraction of a second's work, which is what a crash costs. */
const together = 32
/** Units of one run of the embedder, which a question may have to wait for: about 20 ms of turns. More at once gain nothing on two cores. */
const atOnce = 2
/** Milliseconds of work for one wait on a busy machine, which is 300 ms (`ThreadBudget.spare`): background work takes a tenth of it. At a quarter, answers right after long messages began 150 ms later. */
const perWait = 30
/** How long a disk that takes nothing is left alone. */
const pauseMs = 5_000

/**
 * Gives every unit its vectors, in the background. What waits is a list in the
 * database, so a crash loses none and embeds none twice; and it is filled with
 * what lacks this model's vectors, so another model takes over unit by unit.
 */
export class Embedding {
  readonly #options: EmbeddingOptions
  readonly #ended = new AbortController()
  readonly #done: Promise<void>
  #wake: () => void = () => {}
  #asked = true

  constructor (options: EmbeddingOptions) {
    this.#options = options
    this.#done = this.#run()
  }

  /** There are new units. */
  wake (): void {
    this.#asked = true
    this.#wake()
  }

  async close (): Promise<void> {
    this.#ended.abort()
    this.#wake()
    await this.#done
  }

  async #run (): Promise<void> {
    const { store, embedder, log } = this.#options
    let expected = false
    while (!this.#ended.signal.aborted) {
      try {
        if (!expected) await store.expect(embedder.id)
        expected = true
        this.#asked = false
        const waiting = await store.unembedded(together)
        for (const [owner, units] of byOwner(waiting)) await this.#embed(owner, units)
        if (waiting.length === 0) await this.#sleep()
      } catch (error) {
        log('memories could not be embedded; it is tried again', { error })
        await setTimeout(pauseMs, undefined, { signal: this.#ended.signal }).catch(() => {})
      }
    }
  }

  async #sleep (): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    if (!this.#asked && !this.#ended.signal.aborted) await promise
  }

  async #embed (owner: Owner, ids: readonly number[]): Promise<void> {
    const { store, embedder, turns } = this.#options
    const units = await store.units(owner, ids)
    const embedded = new Map<number, Embedded>()
    let waits = 1
    for (let from = 0; from < units.length; from += atOnce) {
      for (; waits > 0; waits--) await this.#options.gate()
      // Questions that came meanwhile go first.
      await setImmediate()
      if (this.#ended.signal.aborted) return
      const began = performance.now()
      for (const one of await this.#passages(units.slice(from, from + atOnce))) embedded.set(one.unit, one)
      waits = Math.ceil((performance.now() - began) / perWait)
    }
    await turns.take(keyOf(owner), async () => {
      // What was erased or is another memory's by now gets none.
      const still = new Map((await store.units(owner, ids)).map(({ id, memory }) => [id, memory]))
      const valid = units.filter(({ id, memory }) => still.get(id)?.recordedAt === memory.recordedAt && still.get(id)?.text === memory.text)
      if (valid.length > 0) await store.embed(owner, embedder.id, valid.map(({ id }) => embedded.get(id)!))
    })
  }

  /** One that the embedder cannot read must not keep the others from theirs. */
  async #passages (units: readonly Unit[]): Promise<Embedded[]> {
    const { embedder, log } = this.#options
    try {
      const passages = await embedder.passages(units.map(passageOf))
      return units.map(({ id }, i) => ({ unit: id, vectors: vectorsOf(passages[i]!, embedder.dimensions) }))
    } catch (error) {
      if (units.length > 1) return (await Promise.all(units.map(async unit => await this.#passages([unit])))).flat()
      log('a memory cannot be embedded; it is found by its words only', { error })
      return units.map(({ id }) => ({ unit: id, vectors: null }))
    }
  }
}

/** Owners as keys of a map; neither part may hold what sets them apart. */
export function keyOf ({ tenant, user }: Owner): string { return JSON.stringify([tenant, user]) }

function byOwner (waiting: readonly { readonly owner: Owner, readonly unit: number }[]): [Owner, number[]][] {
  const groups = Map.groupBy(waiting, ({ owner }) => keyOf(owner))
  return [...groups.values()].map(group => [group[0]!.owner, group.map(({ unit }) => unit)])
}

/** A turn is read with its speaker's name, as it is indexed. */
function passageOf ({ text, memory: { speaker } }: Unit): string { return speaker === null ? text : `${speaker}: ${text}` }

/** Stores take what is no number without a word, and rank it first. */
function vectorsOf ({ vector, tokenBits }: Passage, dimensions: number): NonNullable<Embedded['vectors']> {
  if (vector.length !== dimensions || !vector.every(Number.isFinite)) throw new Error(`a vector is not ${dimensions} finite numbers`)
  return { mean: int8(vector), tokenBits }
}
