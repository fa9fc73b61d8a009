import { problem, publicError, type PublicError } from '../../errors.ts'
import type { AppliedAdapter, Generation } from '../engine.ts'
import { Answer, isOf, Job } from './job.ts'
import { logprobOf, promptLogprobs } from './likelihoods.ts'
import type { Adapter, Native } from './native.ts'
import { digestOf, type Prompt } from './prompt.ts'
import type { PartOf } from './protocol.ts'
import { Queue } from './queue.ts'
import type { Residents } from './residents.ts'
import { Schedule } from './schedule.ts'
import type { Shape } from './shape.ts'
import { Slots, type Taken } from './slots.ts'
import type { Shown } from './text.ts'

/** Who hears of what the loop does. */
export interface Listener {
  parts (parts: readonly PartOf[]): void
  failed (id: number, error: PublicError): void
  adopted (id: number): void
  embedded (id: number, vectors: readonly Float32Array[], promptTokens: number): void
  /** Between two batches, and when the loop falls idle. */
  between (longestBatchMs: number): void
}

/** Texts whose vectors are asked for, and those that are there. */
interface Embedding { readonly id: number, readonly texts: readonly Uint32Array[], readonly vectors: Float32Array[] }

/**
 * The one loop that feeds the context: all answers of a base, batch by batch.
 *
 * Each turn it drops what was given up, lets the schedule choose, starts the
 * batch on a native thread, sends out what the last one produced while this one
 * runs, and samples one token for each answer whose prompt is read. It sleeps
 * when nobody is ready and is woken by `submit`, `taken`, `cancel`, `adopt`,
 * `embed` and `threads`.
 */
export class BatchLoop {
  readonly #native: Native
  readonly #listener: Listener
  readonly #schedule: Schedule
  readonly #slots: Slots
  readonly #residents: Residents<Adapter>
  readonly #adopting: { id: number, adapters: readonly AppliedAdapter[] }[] = []
  readonly #embedding: Embedding[] = []
  readonly #jobs = new Map<number, Job>()
  readonly #answers = new Set<Answer>()
  /** Slots are given between two batches: the context must not be touched while one runs. */
  readonly #queue: Queue
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
    this.#queue = new Queue(this.#slots)
    this.#residents = residents
  }

  get longestBatchMs (): number { return this.#longestBatchMs }
  get running (): boolean { return this.#running }

  submit (id: number, request: Generation, prompt: Prompt, shape: Shape): void {
    const job = new Job(id, request, prompt, shape)
    this.#jobs.set(id, job)
    this.#queue.push({ job, choice: 0 })
    this.#wake()
  }

  cancel (id: number): void {
    const job = this.#jobs.get(id)
    if (job === undefined) return
    job.over ??= 'cancelled'
    this.#queue.drop(job)
    if (job.seated.size === 0) {
      this.#bury(job)
      if (!this.#running) this.#flush()
    }
    this.#wake()
  }

  /** Makes adapters resident: those that are not yet, before the next batch. */
  adopt (id: number, adapters: readonly AppliedAdapter[]): void {
    if (this.#residents.touch(adapters)) return this.#listener.adopted(id)
    this.#adopting.push({ id, adapters })
    this.#wake()
  }

  /** Makes the vectors of texts, one text between two batches, so that answers go on beside. */
  embed (id: number, texts: readonly Uint32Array[]): void {
    this.#embedding.push({ id, texts, vectors: [] })
    this.#wake()
  }

  taken (id: number, count: number): void {
    const job = this.#jobs.get(id)
    if (job !== undefined) job.untaken -= count
    this.#wake()
  }

  /** No prompt read so far for the tenant is reused any more. */
  forget (tenant: string): void { this.#slots.forget(owner => isOf(owner, tenant)) }

  /** Native threads to use from the next batch on; 0 pauses. */
  threads (count: number): void {
    this.#threads = count
    this.#wake()
  }

  /** Gives the next who waits a slot; null when there is none of either. */
  #seat (): Seated | null {
    const next = this.#queue.next(this.#answers)
    if (next === null) return null
    const { job, choice, taken } = next
    const answer = new Answer(job, choice, taken.slot, this.#native)
    // Its job may be given up from here on, also while its prefix is being copied.
    job.seated.add(answer)
    this.#answers.add(answer)
    return { answer, taken }
  }

  async #begin ({ answer, taken: { slot, keep, copyFrom } }: Seated): Promise<void> {
    try {
      await this.#gather()
      await this.#residents.acquire(answer.adapters)
      answer.acquired = true
      // Its source may have been forgotten meanwhile, and hold something else.
      const kept = answer.scored || (copyFrom !== null && copyFrom.tokens.length < keep) ? 0 : keep
      if (copyFrom !== null && kept > 0) await this.#native.copy(copyFrom.index, slot.index)
      answer.begin(this.#native.trim(slot.index, kept) ? kept : 0)
    } catch (cause) {
      this.#fail(answer.job, cause)
    }
  }

  /** Brings together what is computed together. */
  async #gather (): Promise<void> {
    for (let exchange = this.#slots.apart(); exchange !== null; exchange = this.#slots.apart()) {
      for (const { from, to } of exchange.moves) await this.#native.move(from, to)
      this.#slots.exchanged(exchange)
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

  async #embedNext (): Promise<void> {
    const [first] = this.#embedding
    const text = first?.texts[first.vectors.length]
    if (first === undefined || text === undefined) return
    try {
      first.vectors.push(await this.#native.embed(text))
      if (first.vectors.length < first.texts.length) return
      this.#listener.embedded(first.id, first.vectors, first.texts.reduce((sum, { length }) => sum + length, 0))
    } catch (cause) {
      this.#listener.failed(first.id, problem('generation_failed', {}, { cause }))
    }
    this.#embedding.shift()
  }

  #wake (): void {
    if (this.#running) return
    this.#running = true
    void this.#run()
  }

  async #run (): Promise<void> {
    for (;;) {
      for (let next = this.#adopting.shift(); next !== undefined; next = this.#adopting.shift()) await this.#adopt(next)
      if (this.#threads > 0) await this.#embedNext()
      for (let seated = this.#seat(); seated !== null; seated = this.#seat()) await this.#begin(seated)
      // From here to the batch nothing is awaited: whoever comes meanwhile either finds the loop asleep and wakes it, or is seated in the next turn.
      const freed = this.#sweep()
      this.#listener.between(this.#longestBatchMs)
      const plan = this.#threads === 0 ? [] : this.#schedule.next([...this.#answers])
      const [first] = plan
      if (first === undefined) {
        // One may have come while another was seated, or wait for a slot that was just freed.
        if (this.#adopting.length > 0 || (this.#embedding.length > 0 && this.#threads > 0) || (freed && this.#queue.length > 0)) continue
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
        await Promise.all(batch.map(({ answer, stretch }, i) => this.#advance(answer, stretch.position, indexes[i] ?? [])))
        await this.#gather()
      } catch (cause) {
        for (const { answer } of batch) this.#fail(answer.job, cause)
      }
    }
    this.#flush()
    this.#running = false
  }

  /** Samples the answer's next token, unless its prompt is not read yet or it was given up meanwhile. */
  async #advance (answer: Answer, position: number, indexes: readonly number[]): Promise<void> {
    const { job } = answer
    const index = indexes.at(-1)
    if (index === undefined || job.over !== null) return
    try {
      if (answer.written.length === 0) {
        if (answer.scored) answer.logprobs.push(...await promptLogprobs(this.#native, job.prompt.tokens, position, indexes, job.request.logprobs ?? 0))
        if (answer.pending > 0) return
        this.#welcome(answer)
        if (answer.empty) return this.#end(answer, 'length')
      }
      const token = await this.#native.samplers.sample(index, answer.sampler)
      job.decoded++
      const end = this.#native.isEnd(token)
      if (job.request.logprobs !== null && !end) answer.logprobs.push(await logprobOf(this.#native, index, token, job.request.logprobs))
      const reason = answer.take(token, end)
      this.#say(answer, reason === null ? answer.text.push(token) : answer.ending(token, reason))
      const final = answer.text.stopped ? 'stop' : reason
      if (final !== null) this.#end(answer, final)
      else answer.constrain()
    } catch (cause) {
      this.#fail(job, cause)
    }
  }

  /** A prompt has been read: its other answers start from a copy, and where it is asked for, its own text is said. */
  #welcome ({ job, choice, logprobs }: Answer): void {
    if (choice > 0) return
    this.#queue.unshift(Array.from({ length: job.request.choices - 1 }, (_, i) => ({ job, choice: i + 1 })))
    if (!job.request.echo) return
    const scored = logprobs.splice(0)
    const text = this.#native.detokenize([...job.prompt.tokens])
    for (let i = 0; i < job.request.choices; i++) {
      this.#outbox.push({ id: job.id, type: 'text', choice: i, text, decoded: job.decoded, ...(scored.length > 0 && { logprobs: scored }) })
      job.untaken++
    }
  }

  #say (answer: Answer, pieces: readonly Shown[]): void {
    const { job, choice } = answer
    for (const piece of pieces) {
      const logprobs = answer.logprobs
      if (logprobs.length > 0) answer.logprobs = []
      // Probabilities are told of the answer's text, not of thoughts and calls.
      this.#outbox.push({ id: job.id, choice, ...piece, decoded: job.decoded, ...(piece.type === 'text' && logprobs.length > 0 && { logprobs }) })
    }
    job.untaken += pieces.length
  }

  #end (answer: Answer, reason: 'stop' | 'length'): void {
    const { job, choice } = answer
    this.#outbox.push({ id: job.id, type: 'end', choice, reason: answer.reason(reason), decoded: job.decoded })
    job.untaken++
    this.#free(answer)
    if (!job.ended(answer)) return
    this.#jobs.delete(job.id)
    this.#outbox.push({ id: job.id, type: 'done', usage: job.usage(), prompt: digestOf(job.prompt.tokens) })
  }

  /** Gives a job up. Its answers are freed between two batches: others of them may be sampled at this moment. */
  #fail (job: Job, cause: unknown): void {
    const error = publicError(cause)
    job.over ??= error.code === 'internal_error' ? problem('generation_failed', {}, { cause }) : error
    this.#queue.drop(job)
  }

  /** Frees the slots of what was given up; says whether there was any. */
  #sweep (): boolean {
    const over = [...this.#jobs.values()].filter(job => job.over !== null)
    for (const job of over) {
      for (const answer of job.seated) {
        if (job.over !== 'cancelled') {
          // What a failed batch left in the slot is unknown.
          this.#native.trim(answer.slot.index, 0)
          answer.slot.tokens.length = 0
        }
        this.#free(answer)
      }
      this.#bury(job)
    }
    return over.length > 0
  }

  /** The last word about a job that was given up. */
  #bury (job: Job): void {
    this.#jobs.delete(job.id)
    if (job.over === 'cancelled') this.#outbox.push({ id: job.id, type: 'cancelled', decoded: job.decoded })
    else if (job.over !== null) this.#listener.failed(job.id, job.over)
  }

  #free (answer: Answer): void {
    this.#answers.delete(answer)
    answer.job.seated.delete(answer)
    this.#native.samplers.free(answer.sampler)
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
