import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer, ChatEvent, ChatRequest } from '../../src/chat/answer.ts'
import type { Caller } from '../../src/access/caller.ts'
import { problem } from '../../src/errors.ts'
import type { TokenLogprob } from '../../src/inference/engine.ts'

export interface Script {
  /** What answers, where it is not the base alone. */
  readonly start?: { readonly model: string, readonly version: number | null, readonly digest: string, readonly memories?: readonly string[] }
  /** How many text events come before `done`. */
  readonly texts?: number
  readonly text?: string
  readonly reasoning?: string
  /** Of each text. */
  readonly logprobs?: readonly TokenLogprob[]
  /** A tool call, whole, behind the texts. */
  readonly call?: { readonly name: string, readonly arguments: string }
  /** Milliseconds before the first event. */
  readonly firstAfter?: number
  /** Milliseconds before every text. */
  readonly every?: number
  /** Throws this in place of text number `failAt` (0: before `start`). */
  readonly failAt?: number
  readonly failure?: unknown
  /** Ends without `done` after the texts. */
  readonly silent?: boolean
}

/** An `Answer` that follows a script and counts what is asked of it. */
export class Scripted {
  pulled = 0
  opened = 0
  closed = 0
  /** When the last one was closed, by performance.now(). */
  closedAt = 0
  readonly seen: { readonly request: ChatRequest, readonly caller: Caller, readonly signal: AbortSignal }[] = []
  script: Script | ((request: ChatRequest) => Script)

  constructor (script: Script | ((request: ChatRequest) => Script) = {}) { this.script = script }

  readonly answer: Answer = (request, caller, signal) => this.#run(request, caller, signal)

  async * #run (request: ChatRequest, caller: Caller, signal: AbortSignal): AsyncGenerator<ChatEvent, void, undefined> {
    const script = typeof this.script === 'function' ? this.script(request) : this.script
    const { texts = 3, text = 'hello ', reasoning, logprobs, call, firstAfter = 0, every = 0, failAt = -1, failure = problem('engine_died', { model: 'tiny' }), silent = false } = script
    this.seen.push({ request, caller, signal })
    this.opened++
    try {
      if (firstAfter > 0) await sleep(firstAfter, undefined, { signal })
      if (failAt === 0) throw failure
      yield { type: 'start', id: `chatcmpl-${this.opened}`, created: 1_700_000_000, model: request.model ?? 'tiny', version: null, digest: 'ab'.repeat(32), session: null, memories: [], forgetful: false, ...script.start }
      if (reasoning !== undefined) yield { type: 'reasoning', choice: 0, text: reasoning }
      for (let i = 1; i <= texts; i++) {
        // Gives way to the event loop, as a real engine does.
        await (every > 0 ? sleep(every, undefined, { signal }) : new Promise(resolve => setImmediate(resolve)))
        signal.throwIfAborted()
        if (failAt === i) throw failure
        for (let choice = 0; choice < request.choices; choice++) {
          this.pulled++
          yield { type: 'text', choice, text, ...(logprobs !== undefined && { logprobs }) }
        }
      }
      if (silent) return
      if (call !== undefined) yield { type: 'call', choice: 0, index: 0, id: 'call_1', ...call }
      for (let choice = 0; choice < request.choices; choice++) yield { type: 'end', choice, reason: call === undefined ? 'stop' : 'tool_calls' }
      yield { type: 'done', recorded: null, prompt: '00'.repeat(32), usage: { promptTokens: 7, cachedTokens: 2, completionTokens: texts, reasoningTokens: reasoning === undefined ? 0 : 1 } }
    } finally {
      this.closed++
      this.closedAt = performance.now()
    }
  }
}
