/** How a model was trained to be asked: what stands before a text, and which states of the answer count. */
export interface Manner {
  /** `mean` of all tokens' states, or the state of the first token. */
  readonly pooling: 'mean' | 'first'
  /** Stands before a question. */
  readonly question: string
  /** Stands before what is remembered. */
  readonly passage: string
}

const plain: Manner = { pooling: 'mean', question: '', passage: '' }

/**
 * The manner of a family, told by the model's name; the mean without prefixes
 * for all others, which is right for sentence-transformers' own. Sources: the
 * model cards of intfloat/e5-small-v2 and multilingual-e5-small, and of
 * BAAI/bge-small-en-v1.5 and bge-m3 (whose instruction is for English models
 * and questions only).
 */
export function mannerOf (name: string): Manner {
  const words = name.toLowerCase().split(/[^a-z0-9]+/)
  if (words.includes('e5')) return { pooling: 'mean', question: 'query: ', passage: 'passage: ' }
  if (!words.includes('bge')) return plain
  return { pooling: 'first', question: words.includes('en') ? 'Represent this sentence for searching relevant passages: ' : '', passage: '' }
}
