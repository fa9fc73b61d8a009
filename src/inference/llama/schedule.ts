/** What the schedule needs to know of an answer under way. */
export interface Waiting {
  /** Answers of one group run with the same adapters and may share a batch. */
  readonly group: string
  /** Tokens still to be fed; 1 while it decodes. */
  readonly pending: number
  /** Its reader has not kept up: leave it out. */
  readonly paused: boolean
}

/** Batches a group keeps while another waits: switching adapters costs about 3 ms, and four batches hide it. */
const quantum = 4

/**
 * Chooses what goes into the next batch: one group at a time, in turn; first
 * the answers that decode, one token each, then prompts within a budget, so
 * that a long prompt slows running answers but never stops them.
 */
export class Schedule {
  readonly #batchSize: number
  readonly #stepMs: number
  #group = ''
  #left = quantum
  /** Measured cost of a prompt token; pessimistic until measured. */
  #msPerToken = 8

  /** @param stepMs how long one batch may take while answers decode beside a prompt */
  constructor (batchSize: number, stepMs = 200) {
    this.#batchSize = batchSize
    this.#stepMs = stepMs
  }

  /** Answers and how many of their pending tokens to feed, oldest first; empty when there is nothing to do. */
  next<W extends Waiting> (all: readonly W[]): { readonly answer: W, readonly count: number }[] {
    const ready = all.filter(answer => !answer.paused)
    const [oldest] = ready
    if (oldest === undefined) return []
    const mine = ready.some(answer => answer.group === this.#group)
    if (!mine || (this.#left <= 0 && ready.some(answer => answer.group !== this.#group))) {
      this.#group = mine ? ready.find(answer => answer.group !== this.#group)?.group ?? this.#group : oldest.group
      this.#left = quantum
    }
    this.#left--
    const group = ready.filter(answer => answer.group === this.#group)
    const decoding = group.filter(answer => answer.pending === 1).slice(0, this.#batchSize)
    const room = this.#batchSize - decoding.length
    let budget = decoding.length === 0 ? room : Math.min(room, Math.max(16, Math.floor(this.#stepMs / this.#msPerToken)))
    const plan = decoding.map(answer => ({ answer, count: 1 }))
    for (const answer of group) {
      if (answer.pending === 1 || budget <= 0) continue
      const count = Math.min(answer.pending, budget)
      plan.push({ answer, count })
      budget -= count
    }
    return plan
  }

  /** Learns from a batch of `tokens` that took `ms`. Small batches say little about a prompt token's cost. */
  learn (tokens: number, ms: number): void {
    if (tokens >= 16) this.#msPerToken += 0.3 * (ms / tokens - this.#msPerToken)
  }
}
