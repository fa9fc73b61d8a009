import { problem, publicError, type PublicError } from '../../errors.ts'
import type { AppliedAdapter, FinishReason, Generation } from '../engine.ts'
import type { Adapter, Native, Sampler } from './native.ts'
import type { Prompt } from './prompt.ts'
import { window, type PartOf } from './protocol.ts'
import type { Residents } from './residents.ts'
import { Schedule, type Waiting } from './schedule.ts'
import { Slots, type Slot, type Taken } from './slots.ts'
import { AnswerText } from './text.ts'

/** Who hears of what the loop does. */
export interface Listener {
  parts (parts: readonly PartOf[]): void
  failed (id: number, error: PublicError): void
  adopted (id: number): void
  /** Between two batches, and when the loop falls idle. */
  between (longestBatchMs: number): void
}

/**
 * The one loop that feeds the context: all answers of a base, batch by batch.
 *
 * Each turn it drops what was cancelled, lets the schedule choose, starts the
 * batch on a native thread, sends out what the last one produced while this one
 * runs, and samples one token for each answer whose prompt is read. It sleeps
 * when nobody is ready and is woken by `submit`, `taken`, `cancel`, `adopt` and
 * `threads`.
 */
export class BatchLoop {
  readonly #native: Native
  readonly #listener: Listener
  readonly #schedule: Schedule
  readonly #slots: Slots
  readonly #residents: Residents<Adapter>
  readonly #adopting: { id: number, adapters: readonly AppliedAdapter[] }[] = []
  readonly #answers = new Map<number, Answer>()
  /** Answers that have no slot yet. They get it between two batches: the context must not be touched while one runs. */
  readonly #queue: { id: number, request: Generation, prompt: Prompt }[] = []
  #outbox: PartOf[] = []
  #running = false
  #threads = 1
  #threadsSet = 0
  #longestBatchMs = 0

  constructor (native: Native, slots: number, residents: Residents<Adapter>, listener: Listener) {
    this.#native = native
    this.#listener = listener
    this.#schedule = new Schedule(native.batchSize)
    this.#slots = new Slots(slots)
    this.#residents = residents
  }

  get longestBatchMs (): number { return this.#longestBatchMs }
  get running (): boolean { return this.#running }

  submit (id: number, request: Generation, prompt: Prompt): void {
    this.#queue.push({ id, request, prompt })
    this.#wake()
  }

  cancel (id: number): void {
    const queued = this.#queue.findIndex(entry => entry.id === id)
    if (queued !== -1) {
      this.#queue.splice(queued, 1)
      this.#outbox.push({ id, type: 'cancelled', decoded: 0 })
      if (!this.#running) this.#flush()
    }
    const answer = this.#answers.get(id)
    if (answer !== undefined) answer.cancelled = true
    this.#wake()
  }

  /** Makes adapters resident: those that are not yet, before the next batch. */
  adopt (id: number, adapters: readonly AppliedAdapter[]): void {
    if (this.#residents.touch(adapters)) return this.#listener.adopted(id)
    this.#adopting.push({ id, adapters })
    this.#wake()
  }

  taken (id: number, count: number): void {
    const answer = this.#answers.get(id)
    if (answer !== undefined) answer.untaken -= count
    this.#wake()
  }

  /** Native threads to use from the next batch on; 0 pauses. */
  threads (count: number): void {
    this.#threads = count
    this.#wake()
  }

  /** The next who waits, with a slot; null when there is none of either. */
  #seat (): Seated | null {
    const [next] = this.#queue
    const taken = next === undefined ? null : this.#slots.take(`${next.request.tenant}\0${next.request.target.digest}`, next.prompt.tokens)
    if (next === undefined || taken === null) return null
    this.#queue.shift()
    const answer = new Answer(next.id, taken.slot, next.request, next.prompt, this.#native)
    // It may be cancelled from here on, also while its prefix is being copied.
    this.#answers.set(next.id, answer)
    return { answer, taken }
  }

  async #begin ({ answer, taken: { slot, keep, copyFrom } }: Seated): Promise<void> {
    try {
      await this.#residents.acquire(answer.adapters)
      answer.acquired = true
      if (copyFrom !== null) await this.#native.copy(copyFrom.index, slot.index)
      answer.begin(this.#native.trim(slot.index, keep) ? keep : 0)
    } catch (cause) {
      this.#fail(answer, cause)
    }
  }

  async #adopt ({ id, adapters }: { id: number, adapters: readonly AppliedAdapter[] }): Promise<void> {
    try {
      await this.#residents.acquire(adapters)
      this.#residents.release(adapters)
      this.#listener.adopted(id)
    } catch (error) {
      this.#listener.failed(id, publicError(error))
    }
  }

  #wake (): void {
    if (this.#running) return
    this.#running = true
    void this.#run()
  }

  async #run (): Promise<void> {
    for (;;) {
      for (let next = this.#adopting.shift(); next !== undefined; next = this.#adopting.shift()) await this.#adopt(next)
      for (let seated = this.#seat(); seated !== null; seated = this.#seat()) await this.#begin(seated)
      // From here to the batch nothing is awaited: whoever comes meanwhile either finds the loop asleep and wakes it, or is seated in the next turn.
      for (const answer of this.#answers.values()) if (answer.cancelled) this.#leave(answer, { id: answer.id, type: 'cancelled', decoded: answer.decoded })
      this.#listener.between(this.#longestBatchMs)
      const plan = this.#threads === 0 ? [] : this.#schedule.next([...this.#answers.values()])
      const [first] = plan
      if (first === undefined) {
        // One may have come while another was seated.
        if (this.#adopting.length > 0) continue
        break
      }
      if (this.#threads !== this.#threadsSet) this.#native.setThreads(this.#threadsSet = this.#threads)
      const batch = plan.map(({ answer, count }) => ({ answer, count, stretch: answer.feed(count) }))
      const began = performance.now()
      try {
        this.#residents.apply(first.answer.adapters)
        const decoding = this.#native.decode(batch.map(({ stretch }) => stretch))
        this.#flush()
        const indexes = await decoding
        const ms = performance.now() - began
        this.#longestBatchMs = Math.max(this.#longestBatchMs, ms)
        this.#schedule.learn(batch.reduce((sum, { count }) => sum + count, 0), ms)
        await Promise.all(batch.map(({ answer }, i) => this.#advance(answer, indexes[i] ?? null)))
      } catch (cause) {
        for (const { answer } of batch) this.#fail(answer, cause)
      }
    }
    this.#flush()
    this.#running = false
  }

  /** Samples the answer's next token, unless its prompt is not read yet or its caller has left meanwhile. */
  async #advance (answer: Answer, index: number | null): Promise<void> {
    if (index === null || answer.cancelled) return
    try {
      const token = await this.#native.sample(index, answer.sampler)
      answer.decoded++
      const reason = answer.take(token, this.#native.isEnd(token))
      this.#say(answer, reason === null ? answer.text.push(token) : answer.ending(token, reason))
      const final = answer.text.stopped ? 'stop' : reason
      if (final !== null) this.#leave(answer, { id: answer.id, type: 'done', reason: final, usage: answer.usage() })
    } catch (cause) {
      this.#fail(answer, cause)
    }
  }

  #say (answer: Answer, pieces: ReturnType<AnswerText['push']>): void {
    for (const piece of pieces) this.#outbox.push({ id: answer.id, ...piece, decoded: answer.decoded })
    answer.untaken += pieces.length
  }

  #leave (answer: Answer, last: PartOf): void {
    this.#outbox.push(last)
    this.#free(answer)
  }

  #fail (answer: Answer, cause: unknown): void {
    if (!this.#answers.has(answer.id)) return
    // What a failed batch left in the slot is unknown.
    this.#native.trim(answer.slot.index, 0)
    answer.slot.tokens.length = 0
    this.#free(answer)
    const error = publicError(cause)
    this.#listener.failed(answer.id, error.code === 'internal_error' ? problem('generation_failed', {}, { cause }) : error)
  }

  #free (answer: Answer): void {
    this.#answers.delete(answer.id)
    this.#native.free(answer.sampler)
    if (answer.acquired) this.#residents.release(answer.adapters)
    this.#slots.release(answer.slot)
  }

  #flush (): void {
    if (this.#outbox.length === 0) return
    const parts = this.#outbox
    this.#outbox = []
    this.#listener.parts(parts)
  }
}

interface Seated { readonly answer: Answer, readonly taken: Taken }

/** One answer under way, in its slot. */
class Answer implements Waiting {
  readonly id: number
  readonly slot: Slot
  readonly group: string
  readonly adapters: readonly AppliedAdapter[]
  /** Its adapters are resident and held for it. */
  acquired = false
  readonly sampler: Sampler
  readonly text: AnswerText
  cancelled = false
  decoded = 0
  /** Parts sent that the reader has not taken. */
  untaken = 0
  readonly #prompt: Uint32Array
  readonly #most: number
  #feed: Uint32Array = new Uint32Array(0)
  #cachedTokens = 0
  #written = 0

  constructor (id: number, slot: Slot, request: Generation, prompt: Prompt, native: Native) {
    this.id = id
    this.slot = slot
    this.group = request.target.digest
    this.adapters = request.target.adapters
    this.sampler = native.sampler(request.sampling)
    this.text = new AnswerText(tokens => native.detokenize(tokens), request.stop, prompt.thinking)
    this.#prompt = prompt.tokens
    this.#most = Math.min(request.maxTokens ?? Infinity, native.contextSize - prompt.tokens.length)
  }

  /** The slot holds the prompt's first `keep` tokens; the rest is to be fed. */
  begin (keep: number): void {
    this.slot.tokens.length = keep
    this.#cachedTokens = keep
    this.#feed = this.#prompt.subarray(keep)
  }

  get pending (): number { return this.#feed.length }
  get paused (): boolean { return this.untaken >= window }

  /** Moves the next `count` tokens into the slot and gives them for the batch. */
  feed (count: number): { slot: number, position: number, tokens: Uint32Array, logits: boolean } {
    const tokens = this.#feed.subarray(0, count)
    const position = this.slot.tokens.length
    for (const token of tokens) this.slot.tokens.push(token)
    this.#feed = this.#feed.subarray(count)
    return { slot: this.slot.index, position, tokens, logits: this.#feed.length === 0 }
  }

  /** Notes a sampled token; says whether the answer ends with it. */
  take (token: number, end: boolean): FinishReason | null {
    if (end) return 'stop'
    this.#written++
    this.#feed = Uint32Array.of(token)
    return this.#written >= this.#most ? 'length' : null
  }

  /** The last pieces: those of the token, if it is part of the answer, and what was held back. */
  ending (token: number, reason: FinishReason): ReturnType<AnswerText['push']> {
    const pieces = reason === 'length' ? this.text.push(token) : []
    return [...pieces, ...this.text.end()]
  }

  usage () {
    return { promptTokens: this.#prompt.length, cachedTokens: this.#cachedTokens, completionTokens: this.#written, reasoningTokens: this.text.reasoningTokens }
  }
}
