import { problem, PublicError } from '../../errors.ts'
import type { AppliedAdapter, Embedded, Engine, EngineCounters, EngineState, Generation, Input, Part, Rendered, ResidentAdapters } from '../engine.ts'
import type { Share, ThreadBudget } from '../threads.ts'
import { Child } from './child-process.ts'
import { Inbox } from './inbox.ts'
import type { NativeOptions } from './native.ts'
import { window, type Order, type PartOf, type Word } from './protocol.ts'

export interface LlamaEngineOptions {
  /** The public name, for messages. */
  readonly name: string
  readonly native: Omit<NativeOptions, 'threads'>
  /** Adapters kept in memory. */
  readonly residents: number
  readonly threads: ThreadBudget
  /** Told of starts and deaths: constant message and fields, never text of a request. */
  readonly log: (level: 'info' | 'error', message: string, fields: Record<string, unknown>) => void
  /** Milliseconds of silence after which the watchdog kills the child. */
  readonly silenceMs?: number
}

/** The first restart is at once; a child that keeps dying is brought back more and more slowly. */
const longestBackoffMs = 30_000
/** A child that lived this long died of something new. */
const steadyMs = 60_000
/** Taken parts are reported in fours of the window, so that the child never waits for a report of parts already read. */
const report = window / 4

const none: ResidentAdapters = { resident: [], busy: 0, loads: 0, loadMs: 0, evictions: 0, switches: 0 }

/** What the parent keeps of one answer under way. */
interface Open { readonly inbox: Inbox<PartOf>, decoded: number, left: boolean }

/**
 * One base model, driven in a child process of its own.
 *
 * The child is started by the first use and again whenever it dies: answers
 * under way then end in `engine_died`, the next ones wait for the new child.
 * Flow control is a window of parts: the child leaves an answer out of its
 * batches while the reader has that many still to take.
 */
export class LlamaEngine implements Engine {
  readonly #options: LlamaEngineOptions
  readonly #open = new Map<number, Open>()
  /** Orders that one word answers. */
  readonly #asked = new Map<number, PromiseWithResolvers<Word>>()
  readonly #share: Share
  readonly #counters = { promptTokens: 0, cachedTokens: 0, decodedTokens: 0, decodedAfterCancel: 0, cancelled: 0, restarts: 0 }
  #child: Child | null = null
  #adapters: ResidentAdapters = none
  #pinned: readonly string[] = []
  #status: EngineState['status'] = 'unloaded'
  #detail: string | null = null
  #contextSize = 0
  #ends: readonly number[] = []
  #ids = 0
  #prefillRate: number | null = null
  /** Requests for vectors under way. */
  #embedding = 0
  #deaths = 0
  #retryAt = 0
  /** It has been in memory and nobody unloaded it: it is brought back however often it dies. */
  #wanted = false

  constructor (options: LlamaEngineOptions) {
    this.#options = options
    this.#share = options.threads.join(count => this.#child?.tell({ type: 'threads', count }))
  }

  state (): EngineState {
    return { status: this.#status, detail: this.#detail, running: this.#open.size, prefillRate: this.#prefillRate, rss: this.#child?.rss ?? 0, counters: this.#counters satisfies EngineCounters, adapters: this.#adapters }
  }

  /** The process id of the child, for operators and tests. */
  get pid (): number | null { return this.#child?.pid ?? null }

  async load (adapters: readonly AppliedAdapter[] = []): Promise<void> {
    const child = await this.#ready()
    if (adapters.length > 0) await this.#ask(child, id => ({ type: 'adopt', id, adapters }))
  }

  pin (digests: readonly string[]): void {
    this.#pinned = digests
    this.#child?.tell({ type: 'pin', digests })
  }

  forget (tenant: string): void { this.#child?.tell({ type: 'forget', tenant }) }

  async unload (): Promise<void> {
    if (this.#status === 'closed') return
    await this.#stop('unloaded')
  }

  async close (): Promise<void> { await this.#stop('closed') }

  async render (input: Input): Promise<Rendered> {
    const word = await this.#ask(await this.#ready(), id => ({ type: 'render', id, input }))
    if (word.type !== 'rendered') throw new Error(`the engine answered ${word.type}`)
    return { tokens: word.tokens, contextSize: this.#contextSize, endOfTurn: this.#ends }
  }

  async embed (texts: readonly (string | readonly number[])[]): Promise<Embedded> {
    const child = await this.#ready()
    this.#embedding++
    this.#share.work()
    try {
      const word = await this.#ask(child, id => ({ type: 'embed', id, texts }))
      if (word.type !== 'embedded') throw new Error(`the engine answered ${word.type}`)
      return { vectors: word.vectors, promptTokens: word.promptTokens }
    } finally {
      this.#embedding--
      this.#restIfIdle()
    }
  }

  async * generate (request: Generation, signal: AbortSignal): AsyncGenerator<Part, void, undefined> {
    const child = await orAborted(this.#ready(), signal)
    const id = ++this.#ids
    const open: Open = { inbox: new Inbox(), decoded: 0, left: false }
    const leave = (): void => {
      if (open.left) return
      open.left = true
      child.tell({ type: 'cancel', id })
    }
    const abort = (): void => { leave(); open.inbox.fail(signal.reason) }
    this.#open.set(id, open)
    this.#share.work()
    signal.addEventListener('abort', abort, { once: true })
    child.tell({ type: 'generate', id, request })
    const began = performance.now()
    let firstMs: number | null = null
    let done = false
    try {
      for (let taken = 1; ; taken++) {
        const part = await open.inbox.take()
        signal.throwIfAborted()
        firstMs ??= performance.now() - began
        if (part.type === 'cancelled') throw problem('incomplete_answer', {})
        if (part.type === 'done') {
          done = true
          this.#learn(part.usage.promptTokens - part.usage.cachedTokens, firstMs)
          yield { type: 'done', usage: part.usage, prompt: part.prompt }
          return
        }
        const { id: _, decoded, ...piece } = part
        yield piece
        if (taken % report === 0) child.tell({ type: 'taken', id, count: report })
      }
    } finally {
      signal.removeEventListener('abort', abort)
      if (!done) leave()
    }
  }

  /** Short prompts say more about waiting than about reading. */
  #learn (tokens: number, ms: number): void {
    if (tokens < 64) return
    const rate = tokens / ms * 1000
    this.#prefillRate = this.#prefillRate === null ? rate : this.#prefillRate + 0.3 * (rate - this.#prefillRate)
  }

  async #ask (child: Child, order: (id: number) => Order): Promise<Word> {
    const id = ++this.#ids
    const answer = Promise.withResolvers<Word>()
    this.#asked.set(id, answer)
    child.tell(order(id))
    return await answer.promise
  }

  /** The running child; starts one where there is none. Throws `model_loading` when it cannot be had now. */
  async #ready (): Promise<Child> {
    if (this.#status === 'closed') throw problem('shutting_down', { seconds: 5 }, { retryAfter: 5 })
    const wait = this.#retryAt - performance.now()
    if (this.#child === null && wait > 0) {
      const seconds = Math.ceil(wait / 1000)
      throw problem('model_loading', { model: this.#options.name, detail: 'it is being restarted', seconds }, { retryAfter: seconds })
    }
    const child = this.#child ?? this.#start()
    try {
      await child.ready
    } catch (cause) {
      throw problem('model_loading', { model: this.#options.name, detail: "it could not be loaded, and the server's log says why", seconds: 5 }, { retryAfter: 5, cause })
    }
    return child
  }

  #start (): Child {
    const began = performance.now()
    const child = new Child({ ...this.#options.native, threads: 1 }, this.#options.residents, word => this.#hear(word), this.#options.silenceMs)
    this.#child = child
    this.#status = 'loading'
    this.#detail = 'the model is being loaded'
    child.ready.then(ready => {
      if (this.#child !== child) return
      this.#contextSize = ready.contextSize
      this.#ends = ready.ends
      this.#status = 'ready'
      this.#detail = null
      child.tell({ type: 'pin', digests: this.#pinned })
      this.#wanted = true
      this.#options.log('info', 'model loaded', { model: this.#options.name, ms: Math.round(performance.now() - began), gpu: ready.gpu, context: ready.contextSize, pid: child.pid })
    }, (error: Error) => {
      if (this.#child !== child) return
      this.#status = 'failed'
      this.#detail = error.message
      this.#options.log('error', 'model could not be loaded', { model: this.#options.name, detail: error.message })
      void child.stop()
    })
    void child.gone.then(() => this.#buried(child, performance.now() - began))
    return child
  }

  /** A child is gone: its answers end, and unless that was wanted another one is started. */
  #buried (child: Child, lived: number): void {
    if (this.#child !== child) return
    const answering = this.#status === 'ready'
    this.#child = null
    this.#abandon(problem('engine_died', { model: this.#options.name }, { retryAfter: 1 }))
    this.#deaths = lived > steadyMs ? 1 : this.#deaths + 1
    const backoff = this.#deaths === 1 && answering ? 0 : Math.min(longestBackoffMs, 500 * 2 ** this.#deaths)
    this.#retryAt = performance.now() + backoff
    this.#options.log('error', 'engine died', { model: this.#options.name, lived: Math.round(lived), backoff, detail: this.#detail })
    if (!this.#wanted) return
    this.#status = 'loading'
    this.#detail = 'its engine died and is being restarted'
    this.#counters.restarts++
    setTimeout(() => { if (this.#child === null && this.#wanted) this.#start() }, backoff).unref()
  }

  async #stop (status: 'unloaded' | 'closed'): Promise<void> {
    const child = this.#child
    this.#child = null
    this.#wanted = false
    this.#status = status
    this.#detail = status === 'closed' ? 'the server is shutting down' : null
    this.#abandon(status === 'closed' ? problem('shutting_down', { seconds: 5 }, { retryAfter: 5 }) : problem('engine_died', { model: this.#options.name }, { retryAfter: 1 }))
    await child?.stop()
  }

  #abandon (error: PublicError): void {
    for (const [id, open] of this.#open) {
      this.#forget(id)
      open.inbox.fail(error)
    }
    for (const answer of this.#asked.values()) answer.reject(error)
    this.#asked.clear()
    this.#adapters = { ...this.#adapters, resident: [], busy: 0 }
  }

  #forget (id: number): void {
    this.#open.delete(id)
    this.#restIfIdle()
  }

  #restIfIdle (): void { if (this.#open.size === 0 && this.#embedding === 0) this.#share.rest() }

  #hear (word: Word): void {
    if (word.type === 'parts') for (const part of word.parts) this.#deliver(part)
    else if (word.type === 'residents') this.#adapters = word.state
    else if (word.type === 'failed') {
      const error = PublicError.revive(word.code, word.message, { ...(word.param !== null && { param: word.param }), ...(word.cause !== null && { cause: new Error(word.cause) }) })
      this.#asked.get(word.id)?.reject(error)
      this.#asked.delete(word.id)
      this.#open.get(word.id)?.inbox.fail(error)
      this.#forget(word.id)
    } else if ('id' in word) {
      this.#asked.get(word.id)?.resolve(word)
      this.#asked.delete(word.id)
    }
  }

  #deliver (part: PartOf): void {
    const open = this.#open.get(part.id)
    if (open === undefined) return
    if (part.type === 'done' || part.type === 'cancelled') {
      this.#count(part, open)
      this.#forget(part.id)
    } else {
      if (open.left) return
      open.decoded = part.decoded
    }
    open.inbox.put(part)
  }

  #count (part: Extract<PartOf, { type: 'done' | 'cancelled' }>, open: Open): void {
    const decoded = part.type === 'done' ? part.usage.completionTokens : part.decoded
    this.#counters.decodedTokens += decoded
    if (part.type === 'done') {
      this.#counters.promptTokens += part.usage.promptTokens
      this.#counters.cachedTokens += part.usage.cachedTokens
    }
    if (!open.left) return
    this.#counters.cancelled++
    this.#counters.decodedAfterCancel += Math.max(0, decoded - open.decoded)
  }
}

/** The promise, or the signal's reason as soon as it fires: loading a large model is not waited for by one who has left. */
async function orAborted<T> (promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const left = Promise.withResolvers<never>()
  const abort = (): void => left.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  promise.catch(() => {})
  try {
    signal.throwIfAborted()
    return await Promise.race([promise, left.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
