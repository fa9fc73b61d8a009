import { getLlama, getModuleVersion, LlamaLogLevel, type LlamaContext, type LlamaEmbeddingContext, type LlamaModel, type Token } from 'node-llama-cpp'
import { tokenBytes } from './bytes.ts'
import { internals, type NativeContext, type NativeLora, type NativeModel } from './internals.ts'
import { Samplers } from './sampling.ts'

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
  /** Of which tokens the logits are wanted: of none, the last, or each. */
  readonly logits: 'none' | 'last' | 'each'
}

/** A special token of the vocabulary. `control` ones are never made from plain text by the tokenizer. */
export interface Special { readonly id: number, readonly text: string, readonly control: boolean, readonly stripsRight: boolean }

/** A LoRA adapter in memory. */
export interface Adapter { readonly lora: NativeLora }
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
  readonly vocabularySize: number
  readonly samplers: Samplers
  readonly #context: NativeContext
  readonly #model: NativeModel
  readonly #public: LlamaModel
  readonly #dispose: () => Promise<void>
  #embedding: LlamaEmbeddingContext | null = null
  readonly #newLora: (path: string) => NativeLora
  /** The last lines llama.cpp logged: it says there why something failed. */
  readonly #lines: string[]

  private constructor (model: LlamaModel, context: LlamaContext, gpu: string, lines: string[], dispose: () => Promise<void>) {
    const inner = internals(model, context, pinned)
    this.#context = inner.context
    this.#model = inner.model
    this.samplers = new Samplers(inner.sampling, inner.context, context.contextSize)
    this.#newLora = inner.newLora
    this.#lines = lines
    this.#public = model
    this.#dispose = dispose
    this.gpu = gpu
    this.contextSize = context.contextSize
    this.batchSize = context.batchSize
    const metadata: { chat_template?: unknown, ggml?: { tokens?: { length: number } } } | undefined = model.fileInfo.metadata.tokenizer
    this.chatTemplate = typeof metadata?.chat_template === 'string' ? metadata.chat_template : null
    this.vocabularySize = metadata?.ggml?.tokens?.length ?? 0
    this.specials = specialsOf(this.#model, this.vocabularySize)
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

  /** The bytes that a token stands for; a part of a character has no text of its own. */
  bytes (token: number): Uint8Array { return tokenBytes(this.#model.getTokenString(token) ?? '', this.#model.getVocabularyType()) }

  /**
   * Starts one batch; the caller's thread stays free meanwhile. Resolves to the
   * logit indexes of each stretch: none, one, or as many as it has tokens.
   *
   * They are added in the order of their slots, whatever order they are given
   * in: llama.cpp computes sequences together only while their numbers follow
   * one another (`llama_batch_allocr::split_equal`), and eight in another order
   * took 1.5 times as long.
   */
  async decode (stretches: readonly Stretch[]): Promise<readonly (readonly number[])[]> {
    this.#context.initBatch(stretches.reduce((sum, { tokens }) => sum + tokens.length, 0))
    const indexes = new Map<Stretch, readonly number[]>()
    for (const stretch of stretches.toSorted((a, b) => a.slot - b.slot)) {
      const { slot, position, tokens, logits } = stretch
      indexes.set(stretch, [...this.#context.addToBatch(slot, position, tokens, wanted(logits, tokens.length))])
    }
    await this.#context.decodeBatch()
    return stretches.map(stretch => indexes.get(stretch) ?? [])
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

  /** Makes `target` hold what `source` holds, and empties that. */
  async move (source: number, target: number): Promise<void> {
    await this.copy(source, target)
    this.#context.disposeSequence(source)
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

  /**
   * What the model makes of a text as a whole, of length 1: pooled as its file
   * says, else the state at the last token. In a context of its own, which the
   * first use makes and the threads of which are those of the first use.
   */
  async embed (tokens: Uint32Array): Promise<Float32Array> {
    this.#embedding ??= await this.#public.createEmbeddingContext({ contextSize: this.contextSize, batchSize: this.contextSize, threads: 1 })
    const { vector } = await this.#embedding.getEmbeddingFor([...tokens] as Token[])
    const length = Math.hypot(...vector)
    if (!(length > 0 && length < Infinity)) throw new Error('the model gives no finite vector for this text')
    return Float32Array.from(vector, value => value / length)
  }

  setThreads (threads: number): void { this.#context.setThreads(threads) }

  async close (): Promise<void> { await this.#dispose() }

  async #proveDecoding (): Promise<void> {
    const [token] = this.#model.tokenize('a', false)
    const sampler = this.samplers.make({ temperature: 0, topP: 1, topK: 0, minP: 0, seed: 0, presencePenalty: 0, frequencyPenalty: 0, logitBias: new Map() })
    try {
      for (let position = 0; position < 2; position++) {
        const [indexes] = await this.decode([{ slot: 0, position, tokens: Uint32Array.of(token ?? 0), logits: 'last' }])
        await this.samplers.sample(indexes?.[0] ?? -1, sampler)
      }
      this.trim(0, 0)
    } finally {
      this.samplers.free(sampler)
    }
  }
}

function wanted (logits: Stretch['logits'], length: number): Uint32Array {
  if (logits === 'none') return new Uint32Array(0)
  return logits === 'last' ? Uint32Array.of(length - 1) : Uint32Array.from({ length }, (_, i) => i)
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
