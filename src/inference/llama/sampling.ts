import type { Sampling } from '../engine.ts'

/** What is left of node-llama-cpp's sampler classes once `native.ts` has found them. */
export interface SamplerBindings {
  sampler (): NativeSampler
  /** Throws when llama.cpp cannot parse the grammar. */
  grammar (gbnf: string): NativeGrammar
  /** Takes a token as said; throws when the grammar does not allow it. */
  accept (grammar: NativeGrammar, token: number): void
  allows (grammar: NativeGrammar, token: number): boolean
}

export interface NativeSampler { applyConfig (config: Record<string, unknown>): void, dispose (): void }
export type NativeGrammar = object

/** Where logits of the last batch are turned into tokens. */
export interface SamplingContext {
  sampleToken (index: number, sampler: NativeSampler): Promise<number>
  sampleToken (index: number, sampler: NativeSampler, probabilities: false, confidence: false, logits: true | readonly [tokens: readonly number[], includeMax: false, includeMin: false, includeSelected: false, includeTop: number], weight: boolean): Promise<readonly [token: number, probabilities: undefined, confidence: undefined, logits: readonly number[], weight: number | undefined]>
}

/** Chooses the tokens of one answer; keeps its penalties, its grammar and its random state. Free it with `free`. */
export interface Sampler {
  readonly handle: NativeSampler
  readonly config: Record<string, unknown>
}

/** A token's probability and those of the likeliest at its place, as natural logarithms. */
export interface Likelihood { readonly logprob: number, readonly top: readonly (readonly [token: number, logprob: number])[] }

/** Samplers that wait to be used again. */
const spares = 16

/** Everything between logits and tokens. Nothing of it may run while a batch does, but for making and freeing samplers. */
export class Samplers {
  readonly #bindings: SamplerBindings
  readonly #context: SamplingContext
  readonly #contextSize: number
  /**
   * Used again, because each holds 12 bytes for every token of the vocabulary
   * (AddonSampler's `tokenCandidates`: 0.6 to 1.8 MB), which `dispose` does not
   * free: only the collection of its JavaScript object does, and that can take
   * hours, since V8 is not told of those bytes.
   */
  readonly #spare: NativeSampler[] = []
  /** Looks at every token; greedy, which is the cheapest to build. */
  readonly #all: NativeSampler
  /** Sorts only the head of the vocabulary; one for each number of likeliest tokens asked for. */
  readonly #heads = new Map<number, NativeSampler>()
  /** These two are everyone's and hold the logits they look at, so one look waits for the other. */
  #looked: Promise<unknown> = Promise.resolve()

  constructor (bindings: SamplerBindings, context: SamplingContext, contextSize: number) {
    this.#bindings = bindings
    this.#context = context
    this.#contextSize = contextSize
    this.#all = this.#open({ temperature: 0 })
  }

  make (sampling: Sampling): Sampler {
    const penalties = sampling.presencePenalty !== 0 || sampling.frequencyPenalty !== 0
    const config = {
      temperature: sampling.temperature,
      topK: sampling.topK,
      topP: sampling.topP,
      minP: sampling.minP,
      seed: sampling.seed,
      ...(penalties && {
        // Starts empty and is fed by the sampler itself: OpenAI's penalties look at the answer, not at the prompt.
        repeatPenaltyTokens: new Uint32Array(0),
        repeatPenaltyMaxTokens: this.#contextSize,
        repeatPenaltyPresencePenalty: sampling.presencePenalty,
        repeatPenaltyFrequencyPenalty: sampling.frequencyPenalty
      }),
      ...(sampling.logitBias.size > 0 && {
        tokenBiasKeys: Uint32Array.from(sampling.logitBias.keys()),
        tokenBiasValues: Float32Array.from(sampling.logitBias.values(), bias => bias <= -100 ? -Infinity : bias)
      })
    }
    return { handle: this.#open(config), config }
  }

  /**
   * From the next token on, the answer fits the grammar, of which `said` is
   * the beginning. False, and nothing changes, when what was said does not fit.
   * `written` are the answer's tokens so far, for its penalties.
   */
  constrain (sampler: Sampler, gbnf: string, said: Uint32Array, written: readonly number[]): boolean {
    const grammar = this.#bindings.grammar(gbnf)
    for (const token of said) {
      if (!this.#bindings.allows(grammar, token)) return false
      this.#bindings.accept(grammar, token)
    }
    sampler.handle.applyConfig({
      ...sampler.config,
      ...('repeatPenaltyTokens' in sampler.config && { repeatPenaltyTokens: Uint32Array.from(written) }),
      grammarEvaluationState: grammar
    })
    return true
  }

  free ({ handle, config }: Sampler): void {
    if (this.#spare.length === spares) return handle.dispose()
    // What is left out is taken off; another seed, since the same one would go on in its sequence.
    handle.applyConfig({ temperature: 0, seed: (Number(config.seed) ^ 1) >>> 0 })
    this.#spare.push(handle)
  }

  /** The next token. Throws when no token has a finite chance (broken weights). */
  async sample (index: number, sampler: Sampler): Promise<number> {
    const token = await this.#context.sampleToken(index, sampler.handle)
    if (token < 0) throw new Error('no token could be sampled: the weights give no finite probabilities')
    return token
  }

  /**
   * How likely `token` is by the logits at `index`, over the whole vocabulary
   * and before any setting: log p = logit - max - ln(sum of exp(logit - max)).
   * About 2 ms for a vocabulary of 49k.
   */
  likelihood (index: number, token: number, count: number): Promise<Likelihood> {
    const looked = this.#looked.then(() => this.#look(index, token, count))
    this.#looked = looked.catch(() => {})
    return looked
  }

  async #look (index: number, token: number, count: number): Promise<Likelihood> {
    const head = this.#head(Math.max(1, count))
    const [, , , likeliest] = await this.#context.sampleToken(index, head, false, false, [[], false, false, false, Math.max(1, count)], false)
    const [, , , own, weight] = await this.#context.sampleToken(index, this.#all, false, false, [[token], false, false, false, 0], true)
    const most = likeliest[1] ?? NaN
    const of = (logit: number): number => Math.min(0, logit - most - Math.log(weight ?? NaN))
    const top: [number, number][] = []
    for (let i = 0; i < count; i++) top.push([likeliest[2 * i] ?? 0, of(likeliest[2 * i + 1] ?? -Infinity)])
    return { logprob: of(own[1] ?? -Infinity), top }
  }

  /** All next-token logits, by token id. */
  async logits (index: number): Promise<Float32Array> {
    const [, , , pairs] = await this.#context.sampleToken(index, this.#all, false, false, true, false)
    const logits = new Float32Array(pairs.length / 2).fill(NaN)
    for (let i = 0; i < pairs.length; i += 2) logits[pairs[i] ?? 0] = pairs[i + 1] ?? NaN
    return logits
  }

  #head (count: number): NativeSampler {
    const known = this.#heads.get(count)
    if (known !== undefined) return known
    const head = this.#open({ temperature: 1, topK: count, topP: 1, minP: 0, seed: 0 })
    this.#heads.set(count, head)
    return head
  }

  #open (config: Record<string, unknown>): NativeSampler {
    const handle = this.#spare.pop() ?? this.#bindings.sampler()
    handle.applyConfig(config)
    return handle
  }
}
