/** A passage's vectors, as they are stored. */
export interface Passage {
  /** Mean of its tokens' states, of length 1. */
  readonly vector: Float32Array
  /** Sign bits of its content tokens' states, `dimensions / 8` bytes each, one after the other; empty for a long passage. */
  readonly tokenBits: Uint8Array
}

/** A question's vectors. */
export interface Question {
  readonly vector: Float32Array
  /** State of each content token, of length 1. */
  readonly tokens: readonly Float32Array[]
}

/**
 * Turns text into vectors. Vectors of two embedders are never compared: `id`
 * is stored beside each.
 */
export interface Embedder {
  /** Changes whenever the vectors would: hash of the model's file, pooling, prefixes and token limit. */
  readonly id: string
  /** Its public name. */
  readonly name: string
  readonly dimensions: number
  /** Most tokens it reads of a text; the rest is left out. */
  readonly maxTokens: number
  passages (texts: readonly string[]): Promise<readonly Passage[]>
  question (text: string): Promise<Question>
  /** Plain vectors of length 1, for /v1/embeddings, and how many tokens were read. */
  vectors (texts: readonly string[]): Promise<{ readonly vectors: readonly Float32Array[], readonly tokens: number }>
  close (): Promise<void>
}
