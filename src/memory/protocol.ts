import type { Query } from '../database/database.ts'
import type { OnnxEmbedderOptions } from './onnx/embedder.ts'

/** What the thread of memories is given. */
export interface ThreadOptions {
  /** The database's file, which is read here beside the database's worker. */
  readonly path: string
  /** Null: memories are found by their words only. */
  readonly embedder: OnnxEmbedderOptions | null
  /** Of a `RunGate`: the thread must not be ended in the middle of a run. */
  readonly running: SharedArrayBuffer
}

/** What the thread may ask of its parent. */
export type Parent = {
  commit (queries: readonly Query[]): Promise<number[]>
  /** Resolves when the machine has a thread to spare for embedding. */
  gate (_: undefined): Promise<void>
  log (entry: { readonly message: string, readonly error: string }): void
}
