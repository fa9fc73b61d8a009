/** One sequence of the context, and what its KV cache holds. */
export interface Slot {
  readonly index: number
  /** Whose prompt it holds and on which weights: reuse never crosses it. */
  owner: string
  readonly tokens: number[]
  busy: boolean
  usedAt: number
}

/** Below this share of the prompt, reusing a slot's prefix is not worth losing the rest of it (llama-server's default). */
const worthwhile = 0.1

/** The context's slots: each remembers its tokens, so that a growing conversation is not read again. */
export class Slots {
  readonly #slots: readonly Slot[]
  #clock = 0

  constructor (count: number) {
    this.#slots = Array.from({ length: count }, (_, index) => ({ index, owner: '', tokens: [], busy: false, usedAt: 0 }))
  }

  /**
   * Takes a free slot: the one of the same owner that shares the longest prefix
   * with the prompt, else the one unused for longest. `keep` is how many tokens
   * stay; at least one is left to evaluate, since a full match gives no logits.
   * Null when all are busy.
   */
  take (owner: string, prompt: Uint32Array): { slot: Slot, keep: number } | null {
    const free = this.#slots.filter(slot => !slot.busy)
    let best: { slot: Slot, keep: number } | null = null
    for (const slot of free) {
      if (slot.owner !== owner) continue
      const keep = Math.min(shared(slot.tokens, prompt), prompt.length - 1)
      if (keep > (best?.keep ?? 0)) best = { slot, keep }
    }
    if (best === null || best.keep < prompt.length * worthwhile) {
      const slot = free.toSorted((a, b) => a.usedAt - b.usedAt)[0]
      if (slot === undefined) return null
      best = { slot, keep: best?.slot === slot ? best.keep : 0 }
    }
    best.slot.busy = true
    best.slot.owner = owner
    best.slot.tokens.length = best.keep
    return best
  }

  release (slot: Slot): void {
    slot.busy = false
    slot.usedAt = ++this.#clock
  }
}

function shared (held: readonly number[], prompt: Uint32Array): number {
  const most = Math.min(held.length, prompt.length)
  let length = 0
  while (length < most && held[length] === prompt[length]) length++
  return length
}
