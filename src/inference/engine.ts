/** One turn of a conversation, as the chat template sees it. */
export interface Message {
  readonly role: 'system' | 'user' | 'assistant' | 'tool'
  readonly content: string
  readonly name?: string
  /** What the assistant thought before it answered; templates that know reasoning decide whether to show it again. */
  readonly reasoning?: string
}

/** An adapter as it is put on a base. Its identity is the digest: names are pointers that move. */
export interface AppliedAdapter {
  /** sha256 of its file. */
  readonly digest: string
  readonly path: string
  /** 1 as it was trained, 0 not at all. */
  readonly scale: number
}

/** Which weights answer: a base, and the adapters on it. */
export interface Target {
  /** The public name of what answers, version included; the reply's `model`. */
  readonly model: string
  /** sha256 over the weights that answer, adapters and scales included; prefix reuse never crosses it. */
  readonly digest: string
  readonly adapters: readonly AppliedAdapter[]
}

export interface Sampling {
  /** 0 takes the likeliest token. */
  readonly temperature: number
  readonly topP: number
  /** 0 looks at the whole vocabulary. */
  readonly topK: number
  readonly minP: number
  readonly seed: number
  readonly presencePenalty: number
  readonly frequencyPenalty: number
  /** Token id → added to its logit; -100 bans the token. */
  readonly logitBias: ReadonlyMap<number, number>
}

export interface Generation {
  readonly target: Target
  /** Whose prompt this is: a prefix is reused only within one tenant. */
  readonly tenant: string
  readonly messages: readonly Message[]
  /** At most this many new tokens; null: until the context is full. */
  readonly maxTokens: number | null
  readonly stop: readonly string[]
  readonly sampling: Sampling
}

/** Token counts of one answer. */
export interface Usage {
  readonly promptTokens: number
  /** How many of the prompt's tokens were still in the slot from an earlier request. */
  readonly cachedTokens: number
  readonly completionTokens: number
  /** Of the completion's tokens, those spent on reasoning. */
  readonly reasoningTokens: number
}

export type FinishReason = 'stop' | 'length'

export type Part =
  | { readonly type: 'text' | 'reasoning', readonly text: string }
  | { readonly type: 'done', readonly reason: FinishReason, readonly usage: Usage }

/** What a prompt becomes: its token ids, and how many fit. */
export interface Rendered {
  readonly tokens: Uint32Array
  readonly contextSize: number
}

/**
 * What the server needs from anything that can write text.
 *
 * `generate`: the iterable pauses when the reader pauses, stops within one
 * token when the signal fires, and ends with exactly one `done`. An end
 * without `done` is an error, never a short answer. Throws
 * `context_length_exceeded` before anything is evaluated, `engine_died` when
 * the engine stops under way.
 */
export interface Engine {
  generate (request: Generation, signal: AbortSignal): AsyncIterable<Part>
  /** The token ids a generation would start from (a conversation), or those of a plain text. */
  render (input: readonly Message[] | string): Promise<Rendered>
  /** Resolves when the weights, and the adapters if any are given, are in memory. Idempotent. Throws `adapter_load_failed`. */
  load (adapters?: readonly AppliedAdapter[]): Promise<void>
  /** From now on exactly these adapters, by digest, stay in memory once they are there. */
  pin (digests: readonly string[]): void
  /** Frees the weights; a later `load` or `generate` brings them back. Running answers end in `engine_died`. */
  unload (): Promise<void>
  state (): EngineState
  /** Ends for good. */
  close (): Promise<void>
}

export interface EngineState {
  readonly status: 'unloaded' | 'loading' | 'ready' | 'failed' | 'closed'
  /** Why it is not ready, in words for an operator. */
  readonly detail: string | null
  readonly running: number
  /** Resident bytes of the child process; 0 when unloaded. */
  readonly rss: number
  readonly counters: EngineCounters
  readonly adapters: ResidentAdapters
}

/** The adapters in the engine's memory. */
export interface ResidentAdapters {
  /** Digests of those in memory. */
  readonly resident: readonly string[]
  /** Of these, how many an answer under way uses. */
  readonly busy: number
  /** Monotonic: loads, their milliseconds in all, evictions, and switches of what the context applies. */
  readonly loads: number
  readonly loadMs: number
  readonly evictions: number
  readonly switches: number
}

/** What a trial load in a process of its own found. */
export interface Probe {
  /** All next-token logits of a fixed text are finite with the adapter on. */
  readonly finite: boolean
  /** Largest absolute change of a logit by the adapter at scale 1. */
  readonly change: number
  /** At scale 0, and after the adapter is taken off again, every logit is exactly the base's. */
  readonly reversible: boolean
}

/** Tries an adapter on a base, by the base's public name. Throws `adapter_load_failed` with llama.cpp's own words. */
export type ProbeAdapter = (base: string, path: string) => Promise<Probe>

/** Monotonic since the server started; read by /metrics. */
export interface EngineCounters {
  readonly promptTokens: number
  readonly cachedTokens: number
  readonly decodedTokens: number
  /** Tokens decoded for an answer after its caller had left; at most one an answer. */
  readonly decodedAfterCancel: number
  readonly cancelled: number
  readonly restarts: number
}
