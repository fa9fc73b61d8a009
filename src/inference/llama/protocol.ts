import type { ErrorCode } from '../../errors.ts'
import type { AppliedAdapter, Generation, Input, Piece, Probe, ResidentAdapters, Usage } from '../engine.ts'
import type { NativeOptions } from './native.ts'

/** What the parent tells the child. `id` is the parent's number for one answer or question. */
export type Order =
  | { readonly type: 'load', readonly options: NativeOptions, readonly residents: number }
  | { readonly type: 'generate', readonly id: number, readonly request: Generation }
  | { readonly type: 'cancel', readonly id: number }
  /** The reader has taken `count` more parts of an answer. */
  | { readonly type: 'taken', readonly id: number, readonly count: number }
  | { readonly type: 'render', readonly id: number, readonly input: Input }
  | { readonly type: 'embed', readonly id: number, readonly texts: readonly (string | readonly number[])[] }
  /** Make these adapters resident ahead of use. */
  | { readonly type: 'adopt', readonly id: number, readonly adapters: readonly AppliedAdapter[] }
  | { readonly type: 'pin', readonly digests: readonly string[] }
  /** Reuse no prompt that was read for this tenant. */
  | { readonly type: 'forget', readonly tenant: string }
  /** For a disposable child that answers nothing else. */
  | { readonly type: 'probe', readonly id: number, readonly path: string }
  /** How many native threads may run; 0: pause between batches. */
  | { readonly type: 'threads', readonly count: number }
  | { readonly type: 'ping' }

/** What the child tells the parent. */
export type Word =
  | { readonly type: 'ready', readonly contextSize: number, readonly batchSize: number, readonly gpu: string, /** Tokens that end an answer. */ readonly ends: readonly number[] }
  | { readonly type: 'unready', readonly message: string }
  /** Everything one batch produced, over all answers. */
  | { readonly type: 'parts', readonly parts: readonly PartOf[] }
  | { readonly type: 'rendered', readonly id: number, readonly tokens: Uint32Array }
  | { readonly type: 'embedded', readonly id: number, readonly vectors: readonly Float32Array[], readonly promptTokens: number }
  | { readonly type: 'adopted', readonly id: number }
  | { readonly type: 'probed', readonly id: number, readonly probe: Probe }
  | { readonly type: 'residents', readonly state: ResidentAdapters }
  | { readonly type: 'failed', readonly id: number, readonly code: ErrorCode, readonly message: string, readonly param: string | null, /** For the operator's log. */ readonly cause: string | null }
  /** Sent between batches: a child that hangs in native code does not answer. */
  | { readonly type: 'pong', readonly longestBatchMs: number, readonly rss: number }

/** `decoded`: tokens the request has had decoded so far, over all its answers. */
export type PartOf = { readonly id: number } & (
  | (Piece & { readonly decoded: number })
  | { readonly type: 'done', readonly usage: Usage, readonly prompt: string }
  /** The answer to `cancel`. */
  | { readonly type: 'cancelled', readonly decoded: number }
)

/** Parts a reader may leave untaken before its answer pauses: about the tokens of a few seconds, and 50 KiB of messages. */
export const window = 256
