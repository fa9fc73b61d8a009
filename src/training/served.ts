import type { AppliedAdapter, Input } from '../inference/engine.ts'
import type { TokenRow } from './trainer.ts'

/** A prompt as the engine would begin from it. */
export interface RenderedPrompt {
  readonly tokens: readonly number[]
  /** Tokens that end a turn: every completion that is trained ends in one. */
  readonly endOfTurn: readonly number[]
}

/** A greedy answer. */
export interface Answered {
  readonly text: string
  readonly tokens: number
  readonly promptTokens: number
  /** From the engine's start on it, in ms. */
  readonly firstToken: number
  /** It ended by itself, not at the limit. */
  readonly ended: boolean
}

/**
 * The base as it is served, for work in the background: each call waits for a
 * slot behind everybody who chats, and holds one at a time. Throws what the
 * engine throws, and the signal's reason.
 */
export interface Served {
  readonly name: string
  /** sha256 of its file. */
  readonly digest: string
  readonly path: string
  /** Tokens a row may have at most, prompt and completion together. */
  readonly contextSize: number
  render (input: Input): Promise<RenderedPrompt>
  /** Log-probability (nat) of each token of each row's completion. */
  score (rows: readonly TokenRow[], adapter: AppliedAdapter | null, signal: AbortSignal, scored?: (rows: number) => void): Promise<readonly (readonly number[])[]>
  /** What it answers at temperature 0. `grammar`: GBNF that the answer must fit; null, or left out: none. */
  answer (input: Input, adapter: AppliedAdapter | null, maxTokens: number, signal: AbortSignal, grammar?: string | null): Promise<Answered>
}
