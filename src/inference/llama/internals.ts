import type { NativeGrammar, NativeSampler, SamplerBindings, SamplingContext } from './sampling.ts'

/** What node-llama-cpp keeps to itself, as far as this engine drives it. */
export interface NativeLora { dispose (): Promise<void> }

export interface NativeContext extends SamplingContext {
  initBatch (size: number): void
  addToBatch (slot: number, position: number, tokens: Uint32Array, logitIndexes: Uint32Array): Uint32Array
  decodeBatch (): Promise<void>
  disposeSequence (slot: number): void
  removeTokenCellsFromSequence (slot: number, start: number, end: number): boolean
  copySequenceStateFromOtherSequence (target: number, source: number): Promise<number>
  setThreads (threads: number): void
  setLoras (loras: readonly unknown[], scales: readonly number[]): void
}

export interface NativeModel {
  loadLora (lora: NativeLora): Promise<void>
  tokenize (text: string, special: boolean): Uint32Array
  detokenize (tokens: Uint32Array, special: boolean): string
  getTokenString (token: number): string | undefined
  getTokenAttributes (token: number): number
  getVocabularyType (): number
  shouldPrependBosToken (): boolean
}

const contextMethods = ['initBatch', 'addToBatch', 'decodeBatch', 'sampleToken', 'disposeSequence', 'removeTokenCellsFromSequence', 'copySequenceStateFromOtherSequence', 'setThreads', 'setLoras'] as const satisfies readonly (keyof NativeContext)[]
const modelMethods = ['loadLora', 'tokenize', 'detokenize', 'getTokenString', 'getTokenAttributes', 'getVocabularyType', 'shouldPrependBosToken'] as const satisfies readonly (keyof NativeModel)[]

/** The native classes that node-llama-cpp keeps to itself. */
interface Bindings {
  readonly AddonSampler: {
    new (model: NativeModel): NativeSampler
    acceptGrammarEvaluationStateToken (grammar: NativeGrammar, token: number): void
    canBeNextTokenForGrammarEvaluationState (grammar: NativeGrammar, token: number): boolean
  }
  readonly AddonGrammar: new (gbnf: string, options: { addonExports: Bindings, rootRuleName: string }) => object
  readonly AddonGrammarEvaluationState: new (model: NativeModel, grammar: object) => NativeGrammar
  readonly AddonModelLora: new (model: NativeModel, path: string) => NativeLora
}
const bindingNames = ['AddonSampler', 'AddonGrammar', 'AddonGrammarEvaluationState', 'AddonModelLora'] as const satisfies readonly (keyof Bindings)[]

/** Reaches behind the public classes, once. Throws when not all that we use is there. */
export function internals (model: object, context: object, version: string): { context: NativeContext, model: NativeModel, sampling: SamplerBindings, newLora: (path: string) => NativeLora } {
  const outer = context as { _ctx?: NativeContext }
  const inner = model as { _model?: NativeModel, _llama?: { _bindings?: Bindings } }
  const bindings = inner._llama?._bindings
  const missing = [
    ...contextMethods.filter(name => typeof outer._ctx?.[name] !== 'function'),
    ...modelMethods.filter(name => typeof inner._model?.[name] !== 'function'),
    ...bindingNames.filter(name => typeof bindings?.[name] !== 'function')
  ]
  if (outer._ctx === undefined || inner._model === undefined || bindings === undefined || missing.length > 0) {
    throw new Error(`node-llama-cpp ${version} lacks ${missing.join(', ')}: its package was changed; run 'npm ci'.`)
  }
  const native = inner._model
  const { AddonSampler: Sampler, AddonGrammar: Grammar, AddonGrammarEvaluationState: State, AddonModelLora: Lora } = bindings
  return {
    context: outer._ctx,
    model: native,
    sampling: {
      sampler: () => new Sampler(native),
      grammar: gbnf => new State(native, new Grammar(gbnf, { addonExports: bindings, rootRuleName: 'root' })),
      accept: (grammar, token) => Sampler.acceptGrammarEvaluationStateToken(grammar, token),
      allows: (grammar, token) => Sampler.canBeNextTokenForGrammarEvaluationState(grammar, token)
    },
    newLora: path => new Lora(native, path)
  }
}
