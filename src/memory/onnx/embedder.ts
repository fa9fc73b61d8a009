import { createHash } from 'node:crypto'
import type { Embedder } from '../embedder.ts'
import { EmbedderError } from './error.ts'
import { RunGate } from './gate.ts'
import { mannerOf, type Manner } from './manner.ts'
import { openSession, type States } from './session.ts'
import { openTokenizer, type Tokens } from './tokenizer.ts'
import { batchesOf, mean, row, signBits, unit } from './vectors.ts'

/** A model's files as the catalogue of models gives them, and how to run it. */
export interface OnnxEmbedderOptions {
  readonly name: string
  /** What it is called where it comes from; without it, `name`. */
  readonly original?: string
  readonly model: FileOnDisk
  readonly tokenizer: FileOnDisk
  /** How it wants to be asked; without it, as its original name says. */
  readonly manner?: Manner
  /** Native threads of one run. */
  readonly threads?: number
  /** Most tokens read of a text, special ones and prefix included. */
  readonly maxTokens?: number
  /** Shut by whoever may end this thread while the model runs. */
  readonly gate?: RunGate
}

export interface FileOnDisk { readonly path: string, readonly sha256: string }

/** Remembered texts are turns or chunks of 900 characters, about 200 tokens; longer ones cost more than they tell. */
const defaultMaxTokens = 256
/** Beyond it late interaction gained nothing and made recall miss its deadline: chunks have many, turns about 15. */
const maxContentTokens = 64

/**
 * A question waits for one run at most, so runs are short. CPU time of 96
 * turns (35 tokens on average, one thread), each: 11.6 ms alone, 10.0 ms in
 * runs of 128 tokens, 9.7 of 256, 10.0 of 512, 11.8 of 1,024.
 */
const tokensPerRun = 128

/**
 * Opens an embedding model of the BERT family from its ONNX file and its
 * `tokenizer.json`. Each run blocks the thread it is called on (up to
 * `maxTokens` tokens: 0.1 s for the default model), so a thread of its own
 * should call it. Between the runs of one call other calls get their turn.
 * Throws `EmbedderError`.
 */
export async function openOnnxEmbedder ({ name, original = name, model, tokenizer: file, manner = mannerOf(original), threads = 1, maxTokens = defaultMaxTokens, gate = new RunGate() }: OnnxEmbedderOptions): Promise<Embedder> {
  const tokenizer = await openTokenizer(file.path, maxTokens)
  const session = await openSession(model.path, threads, gate)
  try {
    // A table of embeddings that is smaller than the vocabulary is another model's; the model says so when it is read beyond its end.
    await session.run([[tokenizer.highestId]])
  } catch (thrown) {
    await session.close()
    throw thrown
  }

  return {
    id: createHash('sha256').update(JSON.stringify([model.sha256, file.sha256, manner.pooling, manner.question, manner.passage, maxTokens])).digest('hex'),
    name,
    dimensions: session.dimensions,
    maxTokens,

    async passages (texts) {
      return await embed(texts, manner.passage, (states, { content }, vector) => ({
        vector,
        tokenBits: signBits(states, content.length > maxContentTokens ? [] : content)
      }))
    },

    async question (text) {
      const [question] = await embed([text], manner.question, (states, { content }, vector) => ({
        vector,
        tokens: content.map(at => unit(row(states, at))).filter(token => token !== null)
      }))
      return question!
    },

    async vectors (texts) {
      const read = await embed(texts, '', (_, { ids }, vector) => ({ vector, tokens: ids.length }))
      return { vectors: read.map(({ vector }) => vector), tokens: read.reduce((sum, { tokens }) => sum + tokens, 0) }
    },

    close: session.close
  }

  async function embed<T> (texts: readonly string[], prefix: string, made: (states: States, tokens: Tokens, vector: Float32Array) => T): Promise<readonly T[]> {
    const tokens = texts.map(text => tokenizer.encode(text, prefix))
    const results: T[] = []
    for (const batch of batchesOf(tokens.map(({ ids }) => ids.length), tokensPerRun)) {
      const states = await session.run(batch.map(at => tokens[at]!.ids))
      for (const [place, at] of batch.entries()) {
        const of = states[place]!
        const vector = unit(manner.pooling === 'mean' ? mean(of) : row(of, 0))
        if (vector === null) throw new EmbedderError(`${model.path} gave a vector of zeros or of what is no number. Fetch it again, or choose another file of the model.`)
        results[at] = made(of, tokens[at]!, vector)
      }
    }
    return results
  }
}
