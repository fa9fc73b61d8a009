import { requireModels, requireNamed, requireScope, type Caller } from '../access/caller.ts'
import { problem, PublicError } from '../errors.ts'
import type { Engine } from '../inference/engine.ts'
import type { Embedder } from '../memory/embedder.ts'
import type { AnswerParts } from './answer.ts'

export interface EmbedRequest {
  /** As the caller wrote it; null: the default model. */
  readonly model: string | null
  /** Texts or their token ids, none empty. */
  readonly texts: readonly (string | readonly number[])[]
  /** How long the vectors must be; null: as the model makes them. */
  readonly dimensions: number | null
}

export interface Embeddings {
  /** The public name of what made them. */
  readonly model: string
  /** One for each text, of length 1. */
  readonly vectors: readonly Float32Array[]
  readonly promptTokens: number
}

export interface EmbedParts extends Pick<AnswerParts, 'models' | 'limits'> {
  /** The model that memories are found with, under its own name; null: it is not here. */
  readonly embedder: () => Pick<Embedder, 'name' | 'vectors'> | null
}

/** Turns texts into vectors. Throws what an answer would throw before its first token, and `invalid_request` where the model cannot. */
export type Embed = (request: EmbedRequest, caller: Caller, signal: AbortSignal) => Promise<Embeddings>

/**
 * Texts between which others get their turn, and who has left is noticed: a
 * text takes an engine from ten milliseconds to seconds.
 */
const batch = 8

/** Vectors are made one request at a time for each base, tenants in turn, as counting is; answers go on beside. */
export function createEmbed ({ models, limits, embedder }: EmbedParts): Embed {
  return async ({ model, texts, dimensions }, caller, signal) => {
    requireScope(caller, 'chat')
    requireNamed(caller, [model])
    await limits.admit(caller)
    const own = embedder()
    if (own !== null && own.name === model) {
      requireModels(caller, [model])
      const { vectors, tokens } = await own.vectors(plain(texts))
      limits.spend(caller, tokens)
      refuseOtherSize(model, dimensions, vectors[0]?.length)
      return { model, vectors, promptTokens: tokens }
    }
    const lease = models.lease(model, [], null)
    let promptTokens = 0
    try {
      requireModels(caller, lease.names)
      if (lease.version !== null) throw problem('unsupported_value', { field: 'model', value: 'an adapter here', remedy: 'embeddings are made by a base model; name one.' }, { param: 'model' })
      const vectors: Float32Array[] = []
      while (vectors.length < texts.length) {
        const leave = await lease.counting.admit(caller.tenant, signal)
        try {
          const made = await embedFrom(lease.engine, texts, vectors.length)
          promptTokens += made.promptTokens
          vectors.push(...made.vectors)
        } finally {
          leave()
        }
        refuseOtherSize(lease.target.model, dimensions, vectors[0]?.length)
      }
      return { model: lease.target.model, vectors, promptTokens }
    } finally {
      lease.release()
      if (promptTokens > 0) limits.spend(caller, promptTokens)
    }
  }
}

/** Token ids belong to a base's vocabulary, not to the embedding model's. */
function plain (texts: EmbedRequest['texts']): string[] {
  return texts.map((text, i) => {
    if (typeof text !== 'string') throw problem('unsupported_value', { field: `input[${i}]`, value: 'a list of token ids with this model', remedy: 'send texts.' }, { param: `input[${i}]` })
    return text
  })
}

function refuseOtherSize (model: string, dimensions: number | null, size: number | undefined): void {
  if (dimensions !== null && size !== undefined && dimensions !== size) throw problem('unsupported_value', { field: 'dimensions', value: dimensions, remedy: `the vectors of '${model}' have ${size}; leave it out.` }, { param: 'dimensions' })
}

/** The vectors of one batch; what is wrong with a text is said of its place among all of them. */
async function embedFrom (engine: Pick<Engine, 'embed'>, texts: EmbedRequest['texts'], first: number): ReturnType<Engine['embed']> {
  try {
    return await engine.embed(texts.slice(first, first + batch))
  } catch (error) {
    const place = error instanceof PublicError ? /^input\[(\d+)\]$/.exec(error.param ?? '')?.[1] : undefined
    if (!(error instanceof PublicError) || place === undefined) throw error
    throw PublicError.revive(error.code, error.message, { param: `input[${first + Number(place)}]`, cause: error.cause })
  }
}
