import type { Answer, Job } from './job.ts'
import { shared, type Slots, type Taken } from './slots.ts'

/** Tokens that two prompts share, below which the second does not wait for the first to read them: half a second's reading on a small machine. */
const worthWaiting = 64

/** An answer that waits for a slot: of a job, and its number there. */
export interface Entry { readonly job: Job, readonly choice: number }

/** The answers that have no slot yet, in the order they came. */
export class Queue {
  readonly #slots: Slots
  readonly #entries: Entry[] = []

  constructor (slots: Slots) { this.#slots = slots }

  get length (): number { return this.#entries.length }

  push (entry: Entry): void { this.#entries.push(entry) }

  /** For those whose prompt has just been read. */
  unshift (entries: readonly Entry[]): void { this.#entries.unshift(...entries) }

  drop (job: Job): void {
    for (let i = this.#entries.length - 1; i >= 0; i--) if (this.#entries[i]?.job === job) this.#entries.splice(i, 1)
  }

  /** The next one, with its slot; null when there is none of either. `answers` are those that have a slot. */
  next (answers: Iterable<Answer>): (Entry & { readonly taken: Taken }) | null {
    const index = this.#entries.findIndex(({ job }) => !this.#isBeingRead(job, answers))
    const entry = this.#entries[index]
    const taken = entry === undefined ? null : this.#slots.take(entry.job.owner, entry.job.group, entry.job.prompt.tokens)
    if (entry === undefined || taken === null) return null
    this.#entries.splice(index, 1)
    return { ...entry, taken }
  }

  /** Whether an answer is just now reading enough of the same prompt: seated a moment later, a job need not read it again. */
  #isBeingRead ({ owner, prompt: { tokens } }: Job, answers: Iterable<Answer>): boolean {
    let reading = 0
    for (const { begun, job } of answers) {
      if (!begun && job.owner === owner && job.over === null) reading = Math.max(reading, shared(job.prompt.tokens, tokens))
    }
    return reading >= worthWaiting && reading - this.#slots.holds(owner, tokens) >= worthWaiting
  }
}
