import { getLlama, getModuleVersion, LlamaLogLevel, type LlamaContext, type LlamaModel, type Token } from 'node-llama-cpp'
import type { Sampling } from '../engine.ts'

/**
 * The only file that touches node-llama-cpp.
 *
 * We drive the native context ourselves instead of its public evaluator, which
 * runs N decoding sequences in two batches, cannot stop within a prompt, and
 * shifts a full context without a word. The price is that these internals may
 * change in any release: the version is pinned exactly, and `open` asserts
 * every method and runs a two-token decode before it lets anyone in.
 */
const pinned = '3.22.1'

export interface NativeOptions {
  readonly path: string
  readonly gpu: 'auto' | 'cuda' | 'vulkan' | 'metal' | 'off'
  /** `auto`, `max` or a number of layers. */
  readonly gpuLayers: string
  readonly slots: number
  /** Tokens of context per slot; capped by what the model was trained for. */
  readonly context: number
  /** Tokens per batch; 0: 128 on a CPU, where larger ones only add memory, and 512 on a GPU. */
  readonly batch: number
  readonly threads: number
  readonly kvType: 'f16' | 'f32' | 'q8_0' | 'q4_0'
  readonly flashAttention: 'auto' | 'on' | 'off'
}

/** One stretch of tokens of one slot in a batch. */
export interface Stretch {
  readonly slot: number
  /** Position of the first token in the slot. */
  readonly position: number
  readonly tokens: Uint32Array
  /** Whether the last token's logits are wanted. */
  readonly logits: boolean
}

/** A special token of the vocabulary. `control` ones are never made from plain text by the tokenizer. */
export interface Special { readonly id: number, readonly text: string, readonly control: boolean, readonly stripsRight: boolean }

/** A LoRA adapter in memory. */
export interface Adapter { readonly lora: NativeLora }
interface NativeLora { dispose (): Promise<void> }

export interface Sampler { readonly handle: NativeSampler }
interface NativeSampler { applyConfig (config: Record<string, unknown>): void, dispose (): void }

interface NativeContext {
  initBatch (size: number): void
  addToBatch (slot: number, position: number, tokens: Uint32Array, logitIndexes: Uint32Array): Uint32Array
  decodeBatch (): Promise<void>
  sampleToken (index: number, sampler: NativeSampler): Promise<number>
  sampleToken (index: number, sampler: NativeSampler, probabilities: boolean, confidence: boolean, logits: true): Promise<readonly [token: number, probabilities: undefined, confidence: undefined, logits: readonly number[]]>
  disposeSequence (slot: number): void
  removeTokenCellsFromSequence (slot: number, start: number, end: number): boolean
  copySequenceStateFromOtherSequence (target: number, source: number): Promise<number>
  setThreads (threads: number): void
  setLoras (loras: readonly unknown[], scales: readonly number[]): void
}

interface NativeModel {
  loadLora (lora: NativeLora): Promise<void>
  tokenize (text: string, special: boolean): Uint32Array
  detokenize (tokens: Uint32Array, special: boolean): string
  getTokenString (token: number): string | undefined
  getTokenAttributes (token: number): number
  shouldPrependBosToken (): boolean
}

const contextMethods = ['initBatch', 'addToBatch', 'decodeBatch', 'sampleToken', 'disposeSequence', 'removeTokenCellsFromSequence', 'copySequenceStateFromOtherSequence', 'setThreads', 'setLoras'] as const satisfies readonly (keyof NativeContext)[]
const modelMethods = ['loadLora', 'tokenize', 'detokenize', 'getTokenString', 'getTokenAttributes', 'shouldPrependBosToken'] as const satisfies readonly (keyof NativeModel)[]

/** Bits of llama.cpp's `llama_token_attr`. */
const attribute = { unknown: 1, control: 8, userDefined: 16, stripsRight: 256 } as const

/** A loaded model with one context of N slots. Nothing but tokenizing may be called while a `decode` or a `copy` is under way. */
export class Native {
  readonly contextSize: number
  readonly batchSize: number
  readonly gpu: string
  readonly chatTemplate: string | null
  readonly specials: readonly Special[]
  /** Beginning-of-text token, where the tokenizer wants one in front. */
  readonly bos: { readonly id: number, readonly text: string, readonly prepend: boolean }
  readonly eosText: string
  readonly #context: NativeContext
  readonly #model: NativeModel
  readonly #public: LlamaModel
  readonly #dispose: () => Promise<void>
  readonly #newSampler: () => NativeSampler
  readonly #newLora: (path: string) => NativeLora
  /** The last lines llama.cpp logged: it says there why something failed. */
  readonly #lines: string[]

  private constructor (model: LlamaModel, context: LlamaContext, gpu: string, lines: string[], dispose: () => Promise<void>) {
    const inner = internals(model, context)
    this.#context = inner.context
    this.#model = inner.model
    this.#newSampler = inner.newSampler
    this.#newLora = inner.newLora
    this.#lines = lines
    this.#public = model
    this.#dispose = dispose
    this.gpu = gpu
    this.contextSize = context.contextSize
    this.batchSize = context.batchSize
    const metadata: { chat_template?: unknown, ggml?: { tokens?: { length: number } } } | undefined = model.fileInfo.metadata.tokenizer
    this.chatTemplate = typeof metadata?.chat_template === 'string' ? metadata.chat_template : null
    this.specials = specialsOf(this.#model, metadata?.ggml?.tokens?.length ?? 0)
    const bos = model.tokens.bos
    this.bos = { id: bos ?? -1, text: model.tokens.bosString ?? '', prepend: bos !== null && this.#model.shouldPrependBosToken() }
    this.eosText = model.tokens.eosString ?? ''
  }

  /** Loads the model. Throws with the last lines llama.cpp logged, or with the version found when it is not the pinned one. */
  static async open (options: NativeOptions): Promise<Native> {
    const found = await getModuleVersion()
    if (found !== pinned) throw new Error(`This build drives node-llama-cpp ${pinned}, but ${found} is installed: run 'npm ci'.`)
    const lines: string[] = []
    try {
      const llama = await getLlama({
        gpu: options.gpu === 'off' ? false : options.gpu,
        // Nothing is compiled or downloaded behind an operator's back.
        build: 'never',
        skipDownload: true,
        progressLogs: false,
        logLevel: LlamaLogLevel.warn,
        logger: (_, message) => { lines.push(message.trim()); if (lines.length > 5) lines.shift() }
      })
      const model = await llama.loadModel({ modelPath: options.path, gpuLayers: options.gpuLayers === 'auto' || options.gpuLayers === 'max' ? options.gpuLayers : Number(options.gpuLayers) })
      const kv = options.kvType.toUpperCase() as 'F16' | 'F32' | 'Q8_0' | 'Q4_0'
      const context = await model.createContext({
        sequences: options.slots,
        contextSize: Math.min(options.context, model.trainContextSize),
        batchSize: options.batch === 0 ? (llama.gpu === false ? 128 : 512) : options.batch,
        threads: options.threads,
        flashAttention: options.flashAttention === 'auto' ? 'auto' : options.flashAttention === 'on',
        experimentalKvCacheKeyType: kv,
        experimentalKvCacheValueType: kv,
        // A sliding-window model could otherwise not cut a slot back to a shared prefix.
        swaFullCache: true,
        failedCreationRemedy: false
      })
      const native = new Native(model, context, llama.gpu === false ? 'off' : llama.gpu, lines, () => llama.dispose())
      await native.#proveDecoding()
      return native
    } catch (cause) {
      throw new Error([cause instanceof Error ? cause.message : String(cause), ...lines].join(' | '), { cause })
    }
  }

  tokenize (text: string): Uint32Array { return this.#model.tokenize(text, false) }

  /** Control tokens give no text: a model that writes a role marker cannot forge one for a reader. */
  detokenize (tokens: readonly number[]): string { return this.#model.detokenize(Uint32Array.from(tokens), false) }

  /** Whether the token ends an answer. */
  isEnd (token: number): boolean { return this.#public.isEogToken(token as Token) }

  /** A sampler for one answer; it keeps the answer's penalties and random state. Free it with `free`. */
  sampler (sampling: Sampling): Sampler {
    const handle = this.#newSampler()
    const penalties = sampling.presencePenalty !== 0 || sampling.frequencyPenalty !== 0
    handle.applyConfig({
      temperature: sampling.temperature,
      topK: sampling.topK,
      topP: sampling.topP,
      minP: sampling.minP,
      seed: sampling.seed,
      ...(penalties && {
        // Starts empty and is fed by the sampler itself: OpenAI's penalties look at the answer, not at the prompt.
        repeatPenaltyTokens: new Uint32Array(0),
        repeatPenaltyMaxTokens: this.contextSize,
        repeatPenaltyPresencePenalty: sampling.presencePenalty,
        repeatPenaltyFrequencyPenalty: sampling.frequencyPenalty
      }),
      ...(sampling.logitBias.size > 0 && {
        tokenBiasKeys: Uint32Array.from(sampling.logitBias.keys()),
        tokenBiasValues: Float32Array.from(sampling.logitBias.values(), bias => bias <= -100 ? -Infinity : bias)
      })
    })
    return { handle }
  }

  free (sampler: Sampler): void { sampler.handle.dispose() }

  /**
   * Starts one batch; the caller's thread stays free meanwhile. Resolves to the
   * logit index of each stretch that asked for one, null for the others.
   */
  async decode (stretches: readonly Stretch[]): Promise<readonly (number | null)[]> {
    this.#context.initBatch(stretches.reduce((sum, { tokens }) => sum + tokens.length, 0))
    const indexes = stretches.map(({ slot, position, tokens, logits }) =>
      this.#context.addToBatch(slot, position, tokens, logits ? Uint32Array.of(tokens.length - 1) : new Uint32Array(0))[0] ?? null)
    await this.#context.decodeBatch()
    return indexes
  }

  /** The next token by the logits of the last `decode`. Throws when no token has a finite chance (broken weights). */
  async sample (index: number, sampler: Sampler): Promise<number> {
    const token = await this.#context.sampleToken(index, sampler.handle)
    if (token < 0) throw new Error('no token could be sampled: the weights give no finite probabilities')
    return token
  }

  /** Cuts a slot back to its first `keep` tokens. False: the model cannot do that, and the slot is now empty. */
  trim (slot: number, keep: number): boolean {
    if (keep > 0 && this.#context.removeTokenCellsFromSequence(slot, keep, -1)) return true
    this.#context.disposeSequence(slot)
    return keep === 0
  }

  /** Makes `target` hold what `source` holds; about 1 ms for 1,500 tokens of a small model. */
  async copy (source: number, target: number): Promise<void> {
    this.#context.disposeSequence(target)
    await this.#context.copySequenceStateFromOtherSequence(target, source)
  }

  /**
   * Loads a LoRA adapter. Past node-llama-cpp's own cache, which goes by path
   * and frees adapters only with the model. Throws with llama.cpp's own words.
   */
  async loadAdapter (path: string): Promise<Adapter> {
    this.#lines.length = 0
    const lora = this.#newLora(path)
    try {
      await this.#model.loadLora(lora)
      return { lora }
    } catch (cause) {
      // A path says where things lie on this machine; callers see this.
      throw new Error((this.#lines.at(-1) ?? (cause instanceof Error ? cause.message : String(cause))).replaceAll(path, 'the file'), { cause })
    }
  }

  /** Frees an adapter that is not on the context: llama.cpp would read freed memory in the next batch. */
  async freeAdapter ({ lora }: Adapter): Promise<void> { await lora.dispose() }

  /** Puts exactly these adapters on the context. A slot's tokens stay true only for the adapters they were evaluated with. */
  applyAdapters (adapters: readonly { readonly handle: Adapter, readonly scale: number }[]): void {
    this.#context.setLoras(adapters.map(({ handle }) => handle.lora), adapters.map(({ scale }) => scale))
  }

  /** All next-token logits of the last `decode` at an index, by token id. */
  async logits (index: number): Promise<Float32Array> {
    const sampler = this.sampler({ temperature: 1, topP: 1, topK: 0, minP: 0, seed: 0, presencePenalty: 0, frequencyPenalty: 0, logitBias: new Map() })
    try {
      const [, , , pairs] = await this.#context.sampleToken(index, sampler.handle, false, false, true)
      const logits = new Float32Array(pairs.length / 2).fill(NaN)
      for (let i = 0; i < pairs.length; i += 2) logits[pairs[i] ?? 0] = pairs[i + 1] ?? NaN
      return logits
    } finally {
      this.free(sampler)
    }
  }

  setThreads (threads: number): void { this.#context.setThreads(threads) }

  async close (): Promise<void> { await this.#dispose() }

  async #proveDecoding (): Promise<void> {
    const [token] = this.#model.tokenize('a', false)
    const sampler = this.sampler({ temperature: 0, topP: 1, topK: 0, minP: 0, seed: 0, presencePenalty: 0, frequencyPenalty: 0, logitBias: new Map() })
    try {
      for (let position = 0; position < 2; position++) {
        const [index] = await this.decode([{ slot: 0, position, tokens: Uint32Array.of(token ?? 0), logits: true }])
        await this.sample(index ?? -1, sampler)
      }
      this.trim(0, 0)
    } finally {
      this.free(sampler)
    }
  }
}

/** Reaches behind the public classes, once, and makes sure that all we use is there. */
function internals (model: LlamaModel, context: LlamaContext): { context: NativeContext, model: NativeModel, newSampler: () => NativeSampler, newLora: (path: string) => NativeLora } {
  const outer = context as unknown as { _ctx?: NativeContext }
  const inner = model as unknown as { _model?: NativeModel, _llama?: { _bindings?: { AddonSampler?: new (model: NativeModel) => NativeSampler, AddonModelLora?: new (model: NativeModel, path: string) => NativeLora } } }
  const { AddonSampler: Sampler, AddonModelLora: Lora } = inner._llama?._bindings ?? {}
  const missing = [
    ...contextMethods.filter(name => typeof outer._ctx?.[name] !== 'function'),
    ...modelMethods.filter(name => typeof inner._model?.[name] !== 'function'),
    ...(Sampler === undefined ? ['AddonSampler'] : []),
    ...(Lora === undefined ? ['AddonModelLora'] : [])
  ]
  if (outer._ctx === undefined || inner._model === undefined || Sampler === undefined || Lora === undefined || missing.length > 0) {
    throw new Error(`node-llama-cpp ${pinned} lacks ${missing.join(', ')}: its package was changed; run 'npm ci'.`)
  }
  const native = inner._model
  return { context: outer._ctx, model: native, newSampler: () => new Sampler(native), newLora: path => new Lora(native, path) }
}

function specialsOf (model: NativeModel, size: number): Special[] {
  const specials: Special[] = []
  for (let id = 0; id < size; id++) {
    const bits = model.getTokenAttributes(id)
    if ((bits & (attribute.control | attribute.unknown | attribute.userDefined)) === 0) continue
    const text = model.getTokenString(id)
    if (text !== undefined && text !== '') specials.push({ id, text, control: (bits & (attribute.control | attribute.unknown)) !== 0, stripsRight: (bits & attribute.stripsRight) !== 0 })
  }
  return specials
}
