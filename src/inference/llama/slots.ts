/** One sequence of the context, and what its KV cache holds. */
export interface Slot {
  readonly index: number
  /** Whose prompt it holds and on which weights: reuse never crosses it. */
  owner: string
  readonly tokens: number[]
  busy: boolean
  usedAt: number
}

/** The owner of what belongs to no prompt. */
const nobody = ''

/** Below this share of the prompt, reusing a slot's prefix is not worth losing the rest of it (llama-server's default). */
const worthwhile = 0.1

/** A slot whose tokens are mostly the prompt's own beginning is the same conversation; less is another one begun alike. */
const ownShare = 0.5

export interface Taken {
  readonly slot: Slot
  /** How many of the prompt's tokens it holds. */
  readonly keep: number
  /** The slot they must be copied from first; null: they are there. */
  readonly copyFrom: Slot | null
}

/** The context's slots: each remembers its tokens, so that a growing conversation is not read again. */
export class Slots {
  readonly #slots: readonly Slot[]
  #clock = 0

  constructor (count: number) {
    this.#slots = Array.from({ length: count }, (_, index) => ({ index, owner: nobody, tokens: [], busy: false, usedAt: 0 }))
  }

  /**
   * Takes a free slot for a prompt, with as much of its beginning as any slot of
   * the same owner holds. A conversation goes on in its own slot. What is only
   * begun alike (a shared system prompt), or still busy, is copied into a fresh
   * slot, so that nobody's conversation is cut down for another. Null when all
   * are busy.
   */
  take (owner: string, prompt: Uint32Array): Taken | null {
    const fresh = this.#fresh(owner)
    if (fresh === null) return null
    let [from, keep] = this.#longest(owner, prompt)
    if (from === null || keep < prompt.length * worthwhile) [from, keep] = [null, 0]
    const goesOn = from !== null && !from.busy && (keep >= from.tokens.length * ownShare || from === fresh)
    const slot = goesOn && from !== null ? from : fresh
    slot.busy = true
    slot.owner = owner
    const head = from?.tokens.slice(0, keep) ?? []
    slot.tokens.length = 0
    for (const token of head) slot.tokens.push(token)
    return { slot, keep, copyFrom: from === slot ? null : from }
  }

  /** How many of the prompt's tokens any slot of the same owner holds. */
  holds (owner: string, prompt: Uint32Array): number { return this.#longest(owner, prompt)[1] }

  /**
   * The free slot to begin in: one that was never used, else the one unused for
   * longest. Of those never used it is the neighbour of one of the same owner,
   * or where there is none, the middle of the widest gap, so that whoever comes
   * next finds room beside it: only slots that lie side by side are computed
   * together (`Native.decode`).
   */
  #fresh (owner: string): Slot | null {
    const empty = this.#slots.filter(({ busy, usedAt }) => !busy && usedAt === 0)
    if (empty.length === 0) return this.#slots.filter(({ busy }) => !busy).toSorted((a, b) => a.usedAt - b.usedAt)[0] ?? null
    const beside = (by: -1 | 1): Slot | undefined => empty.find(({ index }) => this.#slots[index + by]?.owner === owner)
    return beside(-1) ?? beside(1) ?? widest(empty)
  }

  #longest (owner: string, prompt: Uint32Array): [from: Slot | null, keep: number] {
    let from: Slot | null = null
    let keep = 0
    for (const slot of this.#slots) {
      if (slot.owner !== owner) continue
      // At least one token is left to evaluate, since a full match gives no logits.
      const length = Math.min(shared(slot.tokens, prompt), prompt.length - 1)
      if (length > keep) [from, keep] = [slot, length]
    }
    return [from, keep]
  }

  /** Nothing that is held for these owners is reused any more; an answer under way comes to its end. */
  forget (whose: (owner: string) => boolean): void {
    for (const slot of this.#slots) {
      if (!whose(slot.owner)) continue
      slot.owner = nobody
      if (!slot.busy) slot.tokens.length = 0
    }
  }

  release (slot: Slot): void {
    slot.busy = false
    if (slot.owner === nobody) slot.tokens.length = 0
    slot.usedAt = ++this.#clock
  }
}

/** The middle of the longest run of neighbours; of the two there, the one with an even number, so that pairs leave no odd slots. */
function widest (slots: readonly Slot[]): Slot | null {
  const runs: Slot[][] = []
  for (const slot of slots) {
    const run = runs.at(-1)
    if (run !== undefined && run.at(-1)?.index === slot.index - 1) run.push(slot)
    else runs.push([slot])
  }
  const longest = runs.reduce((best, run) => run.length > best.length ? run : best, [])
  const middle = Math.floor(longest.length / 2)
  const even = longest.slice(Math.max(0, middle - 1), middle + 1).findLast(({ index }) => index % 2 === 0)
  return even ?? longest[middle] ?? null
}

/** Length of what two prompts begin with alike. */
export function shared (held: ArrayLike<number>, prompt: Uint32Array): number {
  const most = Math.min(held.length, prompt.length)
  let length = 0
  while (length < most && held[length] === prompt[length]) length++
  return length
}
