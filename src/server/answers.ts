import type { Caller } from '../access/caller.ts'
import type { Answer, ChatEvent, ChatRequest } from '../chat/answer.ts'
import { problem } from '../errors.ts'
import type { FinishReason } from '../inference/engine.ts'

/**
 * The answers under way. Wraps the use case so that whoever answers, by HTTP or
 * by WebSocket, is counted and measured in one place, and can be told to end:
 * first no new ones, then the deadline, then `shutting_down` for the rest.
 */
export class Answers {
  readonly answer: Answer = (request, caller, signal) => this.#run(request, caller, signal)
  readonly #inner: Answer
  readonly #ended: (outcome: AnswerOutcome) => void
  readonly #running = new Set<AbortController>()
  readonly #idle = Promise.withResolvers<void>()
  #draining = false

  constructor (inner: Answer, ended: (outcome: AnswerOutcome) => void) {
    this.#inner = inner
    this.#ended = ended
  }

  get running (): number { return this.#running.size }
  get draining (): boolean { return this.#draining }

  /** From now on every new answer is refused with `shutting_down`. */
  refuse (): void {
    this.#draining = true
    if (this.#running.size === 0) this.#idle.resolve()
  }

  /** Refuses new answers, and resolves when the running ones have ended, or at the deadline, when those left are told to end with `shutting_down`. */
  async drain (deadline: AbortSignal): Promise<void> {
    this.refuse()
    const late = Promise.withResolvers<void>()
    if (deadline.aborted) late.resolve()
    else deadline.addEventListener('abort', () => late.resolve(), { once: true })
    await Promise.race([this.#idle.promise, late.promise])
    for (const answer of this.#running) answer.abort(shuttingDown())
  }

  async * #run (request: ChatRequest, caller: Caller, signal: AbortSignal): AsyncGenerator<ChatEvent, void, undefined> {
    if (this.#draining) throw shuttingDown()
    const end = new AbortController()
    const began = performance.now()
    let firstMs: number | null = null
    let reason: FinishReason = 'stop'
    let result: AnswerOutcome['result'] = 'failed'
    this.#running.add(end)
    try {
      for await (const event of this.#inner(request, caller, AbortSignal.any([signal, end.signal]))) {
        firstMs ??= performance.now() - began
        if (event.type === 'end') reason = event.reason
        if (event.type === 'done') result = reason
        yield event
      }
      if (result === 'failed') throw problem('incomplete_answer', {})
    } catch (error) {
      throw end.signal.aborted ? shuttingDown(error) : error
    } finally {
      if (result === 'failed' && signal.aborted) result = 'cancelled'
      this.#running.delete(end)
      if (this.#draining && this.#running.size === 0) this.#idle.resolve()
      this.#ended({ result, firstMs, ms: performance.now() - began })
    }
  }
}

export interface AnswerOutcome {
  /** Of several answers to one prompt, how the last ended. */
  readonly result: FinishReason | 'cancelled' | 'failed'
  /** Milliseconds until the first token; null when there was none. */
  readonly firstMs: number | null
  readonly ms: number
}

// A restart with a warm model cache takes about as long.
const comeBackSeconds = 5

export function shuttingDown (cause?: unknown) {
  return problem('shutting_down', { seconds: comeBackSeconds }, { retryAfter: comeBackSeconds, cause })
}
