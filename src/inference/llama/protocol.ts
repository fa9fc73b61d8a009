import type { ErrorCode } from '../../errors.ts'
import type { AppliedAdapter, FinishReason, Generation, Message, Probe, ResidentAdapters, Usage } from '../engine.ts'
import type { NativeOptions } from './native.ts'

/** What the parent tells the child. `id` is the parent's number for one answer or question. */
export type Order =
  | { readonly type: 'load', readonly options: NativeOptions, readonly residents: number }
  | { readonly type: 'generate', readonly id: number, readonly request: Generation }
  | { readonly type: 'cancel', readonly id: number }
  /** The reader has taken `count` more parts of an answer. */
  | { readonly type: 'taken', readonly id: number, readonly count: number }
  | { readonly type: 'render', readonly id: number, readonly input: readonly Message[] | string }
  /** Make these adapters resident ahead of use. */
  | { readonly type: 'adopt', readonly id: number, readonly adapters: readonly AppliedAdapter[] }
  | { readonly type: 'pin', readonly digests: readonly string[] }
  /** For a disposable child that answers nothing else. */
  | { readonly type: 'probe', readonly id: number, readonly path: string }
  /** How many native threads may run; 0: pause between batches. */
  | { readonly type: 'threads', readonly count: number }
  | { readonly type: 'ping' }

/** What the child tells the parent. */
export type Word =
  | { readonly type: 'ready', readonly contextSize: number, readonly batchSize: number, readonly gpu: string }
  | { readonly type: 'unready', readonly message: string }
  /** Everything one batch produced, over all answers. */
  | { readonly type: 'parts', readonly parts: readonly PartOf[] }
  | { readonly type: 'rendered', readonly id: number, readonly tokens: Uint32Array }
  | { readonly type: 'adopted', readonly id: number }
  | { readonly type: 'probed', readonly id: number, readonly probe: Probe }
  | { readonly type: 'residents', readonly state: ResidentAdapters }
  | { readonly type: 'failed', readonly id: number, readonly code: ErrorCode, readonly message: string, readonly param: string | null, /** For the operator's log. */ readonly cause: string | null }
  /** Sent between batches: a child that hangs in native code does not answer. */
  | { readonly type: 'pong', readonly longestBatchMs: number, readonly rss: number }

export type PartOf =
  /** `decoded`: tokens this answer has had decoded so far. */
  | { readonly id: number, readonly type: 'text' | 'reasoning', readonly text: string, readonly decoded: number }
  | { readonly id: number, readonly type: 'done', readonly reason: FinishReason, readonly usage: Usage }
  /** The answer to `cancel`: tokens this answer has had decoded in all. */
  | { readonly id: number, readonly type: 'cancelled', readonly decoded: number }

/** Parts a reader may leave untaken before its answer pauses: about the tokens of a few seconds, and 50 KiB of messages. */
export const window = 256
