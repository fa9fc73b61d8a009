import type { Caller } from '../access/caller.ts'
import { publicError } from '../errors.ts'
import type { Message, Tools, Usage } from '../inference/engine.ts'
import type { Choice, Interactions } from '../interactions/interactions.ts'
import { grow, type Growing } from './growing.ts'
import type { ChatEvent, ChatRequest } from './request.ts'
import type { Context } from './context.ts'
import type { Keeping } from './keeping.ts'

/** What answers. `created`: milliseconds since 1970. */
export interface Answering { readonly id: string, readonly created: number, readonly model: string, readonly version: number | null, readonly digest: string }

/** All that is known before the first token. */
export interface Begun {
  readonly request: ChatRequest
  readonly messages: readonly Message[]
  readonly caller: Caller
  readonly keeping: Keeping
  readonly context: Context
  /** The canary whose draw chose the version; null: none did. */
  readonly canary: string | null
  /** Fires when all that is kept of the user is erased. */
  readonly erased: AbortSignal
  readonly timings: Readonly<Record<string, number>>
}

export interface DraftParts {
  readonly interactions: Pick<Interactions, 'record'>
  /** For what an operator must know: constant message and fields, never text of a request. */
  readonly log: (message: string, fields: Readonly<Record<string, unknown>>) => void
}

/** How it ended. */
export interface Ended { readonly usage: Usage | null, readonly prompt: string | null, readonly error: string | null }

/** An answer as it grows, until it is on record. */
export class Draft {
  readonly #answering: Answering
  readonly #begun: Begun
  readonly #choices: Growing[] = []
  readonly #since = performance.now()
  #written = false

  constructor (answering: Answering, begun: Begun) {
    this.#answering = answering
    this.#begun = begun
  }

  add (event: Exclude<ChatEvent, { type: 'start' | 'done' }>): void {
    if (!this.#begun.keeping.store) return
    grow(this.#choices, event)
  }

  /**
   * Writes it down, the first time it is called. Resolves to whether it would
   * survive a power cut; null: it is not to be kept. Never rejects: an answer
   * that cannot be recorded still ends, and says so.
   */
  async write ({ interactions, log }: DraftParts, { usage, prompt, error }: Ended): Promise<boolean | null> {
    if (this.#written || !this.#begun.keeping.store || this.#begun.erased.aborted) return null
    this.#written = true
    const { request, messages, caller, keeping, context, canary, timings } = this.#begun
    try {
      await interactions.record({
        ...this.#answering,
        owner: { tenant: caller.tenant, user: caller.user ?? '' },
        session: context.session ?? '',
        messages,
        block: context.block,
        profile: context.profile,
        memories: context.memories,
        prompt,
        choices: Array.from(this.#choices, choiceOf),
        usage,
        timings: { ...timings, answer: performance.now() - this.#since },
        params: paramsOf(request),
        metadata: request.metadata,
        keyId: caller.keyId,
        error,
        remember: keeping.write,
        training: keeping.training,
        ...canary !== null && { canary }
      })
      return true
    } catch (error) {
      log('answer could not be recorded', { error: publicError(error).code })
      return false
    }
  }
}

/** A choice that had not begun when the answer ended is there too, empty. */
function choiceOf (choice: Growing | undefined): Choice {
  const { content, reasoning, calls, reason } = choice ?? { content: '', reasoning: '', calls: [], reason: null }
  return { content, reasoning, calls, reason }
}

/** The request's settings under OpenAI's names. */
function paramsOf ({ input, sampling, maxTokens, stop, choices, logprobs, adapters }: ChatRequest): Record<string, unknown> {
  const tools = input.type === 'chat' ? input.tools : null
  return {
    temperature: sampling.temperature,
    top_p: sampling.topP,
    top_k: sampling.topK,
    min_p: sampling.minP,
    seed: sampling.seed,
    presence_penalty: sampling.presencePenalty,
    frequency_penalty: sampling.frequencyPenalty,
    n: choices,
    max_completion_tokens: maxTokens,
    ...(stop.length > 0 && { stop }),
    ...(logprobs !== null && { logprobs: true, top_logprobs: logprobs }),
    ...(adapters.length > 0 && { adapters }),
    ...(tools !== null && toolParams(tools))
  }
}

function toolParams ({ list, choice, parallel }: Tools): Record<string, unknown> {
  return {
    tools: list.map(tool => ({ type: 'function', function: { ...tool } })),
    tool_choice: typeof choice === 'string' ? choice : { type: 'function', function: choice },
    parallel_tool_calls: parallel
  }
}
