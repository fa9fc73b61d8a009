/** What the schedule needs to know of an answer under way. */
export interface Waiting {
  /** Answers of one group run with the same adapters and may share a batch. */
  readonly group: string
  /** Tokens still to be fed; 1 while it decodes. */
  readonly pending: number
  /** Its reader has not kept up: leave it out. */
  readonly paused: boolean
}

/** A group's turn while another waits: switching adapters costs about 3 ms, and some fifty milliseconds (four small batches) hide it. */
const turnMs = 48
/** How long one batch may take while others wait for it: what a reader hardly notices. */
const stepMs = 200
/**
 * A prompt's tokens in a batch beside others. llama.cpp's attention on a CPU
 * takes them in tiles of 64 and fewer one by one (at 1,000 tokens of a small
 * model 8.2 ms each, not 6.2); the first of them is computed with the answers
 * that decode, so 64 are left for the tile.
 */
const tile = 65
/** How long a batch may take to fill a tile: longer ones are for larger models, where attention is a small part. */
const tileMs = 1000

/**
 * Chooses what goes into the next batch: one group at a time, the one served
 * least recently first; in it first the answers that decode, one token each,
 * then prompts within a budget, so that a long prompt slows the answers of its
 * own and of other groups but never stops them.
 */
export class Schedule {
  readonly #batchSize: number
  /** Group → when its last turn began, for groups that have answers. */
  #served = new Map<string, number>()
  #group: string | null = null
  #turn = 0
  #turnLeft = turnMs
  /** Measured cost of a prompt token; pessimistic until measured. */
  #msPerToken = 8
  /** Whose turn among prompts it is. */
  #shortestFirst = false

  constructor (batchSize: number) { this.#batchSize = batchSize }

  /** Answers and how many of their pending tokens to feed, oldest first; empty when there is nothing to do. */
  next<W extends Waiting> (all: readonly W[]): { readonly answer: W, readonly count: number }[] {
    const ready = all.filter(answer => !answer.paused)
    if (ready.length === 0) return []
    const groups = [...new Set(ready.map(answer => answer.group))]
    if (this.#group === null || !groups.includes(this.#group) || (this.#turnLeft <= 0 && groups.length > 1)) this.#begin(groups)
    const group = ready.filter(answer => answer.group === this.#group)
    const decoding = group.filter(answer => answer.pending === 1).slice(0, this.#batchSize)
    const alone = decoding.length === 0 && groups.length === 1
    const room = this.#batchSize - decoding.length
    const least = tile * this.#msPerToken <= tileMs ? tile : 16
    const budget = alone ? room : Math.min(room, Math.max(least, Math.floor(stepMs / this.#msPerToken)))
    const prompts = this.#ordered(group.filter(answer => answer.pending > 1))
    return [...decoding.map(answer => ({ answer, count: 1 })), ...filled(prompts, budget)]
  }

  /** Learns from a batch of `tokens` that took `ms`. Small batches say little about a prompt token's cost. */
  learn (tokens: number, ms: number): void {
    this.#turnLeft -= ms
    if (tokens >= 16) this.#msPerToken += 0.3 * (ms / tokens - this.#msPerToken)
  }

  /** Every second batch is first for the shortest prompt, so that a question does not wait behind books; the others for the oldest, so that no book waits for ever. */
  #ordered<W extends Waiting> (prompts: readonly W[]): readonly W[] {
    if (prompts.length < 2) return prompts
    this.#shortestFirst = !this.#shortestFirst
    return this.#shortestFirst ? prompts.toSorted((a, b) => a.pending - b.pending) : prompts
  }

  #begin (groups: readonly string[]): void {
    this.#served = new Map(groups.map(group => [group, this.#served.get(group) ?? 0]))
    const others = groups.length > 1 ? groups.filter(group => group !== this.#group) : groups
    this.#group = others.reduce((first, group) => (this.#served.get(group) ?? 0) < (this.#served.get(first) ?? 0) ? group : first)
    this.#served.set(this.#group, ++this.#turn)
    this.#turnLeft = turnMs
  }
}

/** As much of each as there is budget left for. */
function filled<W extends Waiting> (prompts: readonly W[], budget: number): { answer: W, count: number }[] {
  let left = budget
  return prompts.flatMap(answer => {
    const count = Math.min(answer.pending, left)
    left -= count
    return count > 0 ? [{ answer, count }] : []
  })
}
