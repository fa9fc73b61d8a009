/** One turn of a conversation, as the chat template sees it. */
export interface Message {
  readonly role: 'system' | 'user' | 'assistant' | 'tool'
  readonly content: string
  readonly name?: string
  /** What the assistant thought before it answered; templates that know reasoning decide whether to show it again. */
  readonly reasoning?: string
  /** Tools the assistant called in this turn. */
  readonly calls?: readonly ToolCall[]
  /** In a tool's turn: the id of the call that it answers. */
  readonly callId?: string
}

export interface ToolCall {
  readonly id: string
  readonly name: string
  /** JSON text of an object. */
  readonly arguments: string
}

/** A function that the model may ask the caller to run. */
export interface Tool {
  readonly name: string
  readonly description: string | null
  /** JSON Schema of its arguments: an object, one that `schemaGrammar` has accepted. */
  readonly parameters: JsonObject
}

export interface Tools {
  readonly list: readonly [Tool, ...Tool[]]
  /** `auto`: the model decides; `required`: at least one call and nothing else; a name: a call of that one. */
  readonly choice: 'auto' | 'required' | { readonly name: string }
  /** Whether one answer may hold several calls. */
  readonly parallel: boolean
}

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject
export interface JsonObject { readonly [key: string]: JsonValue }

/** How long a reasoning model may think, as OpenAI names it. */
export type Effort = 'none' | 'minimal' | 'low' | 'medium' | 'high'

/** What an answer continues. */
export type Input =
  | { readonly type: 'chat', readonly messages: readonly Message[], readonly tools: Tools | null, /** null: as the model's template has it. */ readonly effort: Effort | null }
  /** A plain text, of which nothing becomes a special token. */
  | { readonly type: 'text', readonly text: string }
  /** Token ids as they are, special ones included. */
  | { readonly type: 'tokens', readonly tokens: readonly number[] }

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
  readonly input: Input
  /** GBNF that the answer must fit, thoughts and tool calls apart; null: free text. */
  readonly grammar: string | null
  /** Answers to the same prompt, which is read once. The seed of each is the request's plus its number. */
  readonly choices: number
  /** How many of the likeliest tokens to name beside each chosen one; null: no probabilities at all. */
  readonly logprobs: number | null
  /** Whether the prompt itself is part of the answer's text (`echo`), with its probabilities if they are asked for. */
  readonly echo: boolean
  /** At most this many new tokens each; null: until the context is full. */
  readonly maxTokens: number | null
  readonly stop: readonly string[]
  readonly sampling: Sampling
}

/** A token and how likely it was, before any sampling setting: natural logarithm, at most 0. */
export interface TokenLogprob {
  /** Its text; U+FFFD where it holds a part of a character. */
  readonly token: string
  /** Its exact bytes. */
  readonly bytes: readonly number[]
  /** null: the first token of a prompt, which nothing comes before. */
  readonly logprob: number | null
  /** The likeliest tokens at its place, the first the likeliest; at most as many as were asked for. */
  readonly top: readonly Omit<TokenLogprob, 'top'>[]
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

export type FinishReason = 'stop' | 'length' | 'tool_calls'

/** A piece of one of the answers, numbered from 0. */
export type Piece =
  | { readonly type: 'text' | 'reasoning', readonly choice: number, readonly text: string, /** Of the tokens since the piece before, where they were asked for. */ readonly logprobs?: readonly TokenLogprob[] }
  /** A tool call's beginning (with its name), or more of its arguments' JSON text. `index` numbers the calls of the answer. */
  | { readonly type: 'call', readonly choice: number, readonly index: number, readonly name?: string, readonly arguments: string }
  | { readonly type: 'end', readonly choice: number, readonly reason: FinishReason, readonly logprobs?: readonly TokenLogprob[] }

export type Part =
  | Piece
  /** After every choice has ended. `prompt` is the sha256 (hex) of the prompt's token ids as little-endian 32-bit numbers. */
  | { readonly type: 'done', readonly usage: Usage, readonly prompt: string }

/** The vectors of some texts. */
export interface Embedded {
  /** One for each text, of length 1. */
  readonly vectors: readonly Float32Array[]
  readonly promptTokens: number
}

/** What a prompt becomes: its token ids, and how many fit. */
export interface Rendered {
  readonly tokens: Uint32Array
  readonly contextSize: number
  /** The tokens that end an answer of this model, each by itself. */
  readonly endOfTurn: readonly number[]
}

/**
 * What the server needs from anything that can write text.
 *
 * `generate`: the iterable pauses when the reader pauses, stops within one
 * token when the signal fires, gives each choice one `end`, and ends with
 * exactly one `done`. An end
 * without `done` is an error, never a short answer. Throws
 * `context_length_exceeded`, `tools_unsupported` (a model whose call syntax is
 * not known cannot choose by itself) and `effort_unsupported` before anything
 * is evaluated, `engine_died` when the engine stops under way.
 */
export interface Engine {
  generate (request: Generation, signal: AbortSignal): AsyncIterable<Part>
  /** The token ids a generation would start from. */
  render (input: Input): Promise<Rendered>
  /** The mean of the last layer's states over each text (or list of token ids). Throws `context_length_exceeded`. */
  embed (texts: readonly (string | readonly number[])[]): Promise<Embedded>
  /** Resolves when the weights, and the adapters if any are given, are in memory. Idempotent. Throws `adapter_load_failed`. */
  load (adapters?: readonly AppliedAdapter[]): Promise<void>
  /** From now on exactly these adapters, by digest, stay in memory once they are there. */
  pin (digests: readonly string[]): void
  /** No prompt that was read for this tenant is reused from now on, so that nothing of it can be told from how fast another one is answered. */
  forget (tenant: string): void
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
  /** Prompt tokens read a second, of late; null until one of some length was read. */
  readonly prefillRate: number | null
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
