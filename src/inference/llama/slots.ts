/** One sequence of the context, and what its KV cache holds. */
export interface Slot {
  /** The sequence's number in the context; another one after an exchange. */
  index: number
  /** Whose prompt it holds and on which weights: reuse never crosses it. */
  owner: string
  /** Busy slots of one group may share a batch; null: it was never used. */
  group: string | null
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
  /** How many of the prompt's tokens need not be read. */
  readonly keep: number
  /** The slot they must be copied from first, until when the slot is empty; null: they are there. */
  readonly copyFrom: Slot | null
}

/** Two slots that are to change their numbers. */
export interface Exchange {
  readonly one: Slot
  readonly other: Slot
  /** What must be moved between sequences for it, in this order; what the targets hold is of no use. */
  readonly moves: readonly { readonly from: number, readonly to: number }[]
}

/** The context's slots: each remembers its tokens, so that a growing conversation is not read again. */
export class Slots {
  readonly #slots: readonly Slot[]
  #clock = 0
  /** Busy slots may lie apart: one was taken or given back since that was looked at. */
  #stirred = false

  constructor (count: number) {
    this.#slots = Array.from({ length: count }, (_, index) => ({ index, owner: nobody, group: null, tokens: [], busy: false, usedAt: 0 }))
  }

  /**
   * Takes a free slot for a prompt, with as much of its beginning as any slot of
   * the same owner holds. A conversation goes on in its own slot. What is only
   * begun alike (a shared system prompt), or still busy, is copied into the slot
   * unused for longest, so that nobody's conversation is cut down for another.
   * Null when all are busy.
   */
  take (owner: string, group: string, prompt: Uint32Array): Taken | null {
    const [fresh] = this.#slots.filter(({ busy }) => !busy).toSorted((a, b) => a.usedAt - b.usedAt)
    if (fresh === undefined) return null
    let [from, keep] = this.#longest(owner, prompt)
    if (from === null || keep < prompt.length * worthwhile) [from, keep] = [null, 0]
    const goesOn = from !== null && !from.busy && (keep >= from.tokens.length * ownShare || from === fresh)
    const slot = goesOn && from !== null ? from : fresh
    slot.busy = true
    slot.owner = owner
    slot.group = group
    slot.tokens.length = slot === from ? keep : 0
    this.#stirred = true
    return { slot, keep, copyFrom: from === slot ? null : from }
  }

  /** How many of the prompt's tokens any slot of the same owner holds. */
  holds (owner: string, prompt: Uint32Array): number { return this.#longest(owner, prompt)[1] }

  /**
   * The next exchange that brings slots of one group together, busy ones above all; null when
   * none does. llama.cpp computes sequences together only while their numbers
   * follow one another (`llama_batch_allocr::split_equal`): four that lie apart
   * take 1.3 times as long as four side by side with a small model on a CPU, and
   * longer still where reading the weights is what takes time. It needs an empty
   * slot: nobody's conversation is lost for it. `exchanged` is told when it is done.
   */
  apart (): Exchange | null {
    const empty = this.#slots.find(({ tokens }) => tokens.length === 0)
    if (!this.#stirred || empty === undefined) return null
    const places = this.#slots.toSorted((a, b) => a.index - b.index)
    const now = closeness(places)
    let best = { gain: 0, tokens: Infinity, pair: null as readonly [one: Slot, other: Slot] | null }
    for (const one of this.#slots.filter(({ busy }) => busy)) {
      for (const other of this.#slots) {
        if (other.busy && other.group === one.group) continue
        const gain = closeness(places.with(one.index, other).with(other.index, one)) - now
        const tokens = one.tokens.length + other.tokens.length
        if (gain > best.gain || (gain > 0 && gain === best.gain && tokens < best.tokens)) best = { gain, tokens, pair: [one, other] }
      }
    }
    this.#stirred = best.pair !== null
    return best.pair && { one: best.pair[0], other: best.pair[1], moves: moves(...best.pair, empty) }
  }

  exchanged ({ one, other }: Exchange): void { [one.index, other.index] = [other.index, one.index] }

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
    this.#stirred = true
  }
}

/** What is moved so that two slots can change their numbers: by way of an empty one where both hold something. */
function moves (one: Slot, other: Slot, empty: Slot): Exchange['moves'] {
  const [less, more] = one.tokens.length < other.tokens.length ? [one, other] : [other, one]
  // Also where there is nothing to move: what was forgotten lies there still, and goes by being moved onto.
  const across = { from: more.index, to: less.index }
  return less.tokens.length === 0 ? [across] : [{ from: less.index, to: empty.index }, across, { from: empty.index, to: more.index }]
}

/** How close those of one group are. Busy ones come first; idle ones may be at work together later, when no slot is empty. */
function closeness (places: readonly Slot[]): number {
  return 10_000 * runs(places.map(({ busy, group }) => busy ? group : null)) + runs(places.map(({ group }) => group))
}

/** The squares of the lengths of runs of one group, at most 64 × 64: so one long run counts more than two short ones. */
function runs (groups: readonly (string | null)[]): number {
  let [sum, run] = [0, 0]
  groups.forEach((group, i) => {
    run = group === groups[i - 1] ? run + 1 : 1
    if (group !== null && group !== groups[i + 1]) sum += run * run
  })
  return sum
}

/** Length of what two prompts begin with alike. */
export function shared (held: ArrayLike<number>, prompt: Uint32Array): number {
  const most = Math.min(held.length, prompt.length)
  let length = 0
  while (length < most && held[length] === prompt[length]) length++
  return length
}
