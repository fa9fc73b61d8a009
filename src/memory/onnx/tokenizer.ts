import { readFile } from 'node:fs/promises'
import { Tokenizer } from '@huggingface/tokenizers'
import { stopWords } from '../stop-words.ts'
import { EmbedderError } from './error.ts'

/** A text as the model reads it. */
export interface Tokens {
  readonly ids: readonly number[]
  /** Where in `ids` the tokens are that say something: no special token, no prefix, no punctuation, no stop word. */
  readonly content: readonly number[]
}

export interface TextTokenizer {
  /** Ids that no token is above. */
  readonly highestId: number
  /** At most as many tokens as the limit given at opening; the rest of the text is left out. `prefix` is read, and counts, but is no content. */
  encode (text: string, prefix: string): Tokens
}

/**
 * More characters for each token than text has (English 4 to 5, long German
 * words 8), so that a megabyte is not taken apart to read the beginning of it.
 */
const charactersPerToken = 32

const wordCharacter = /[\p{L}\p{N}\p{M}]/u

/** Opens a `tokenizer.json`. Throws `EmbedderError`. */
export async function openTokenizer (path: string, maxTokens: number): Promise<TextTokenizer> {
  const { tokenizer, kind } = await load(path)
  const vocabulary = tokenizer.get_vocab()
  const special = new Set([...tokenizer.get_added_tokens_decoder()].filter(([, token]) => token.special).map(([id]) => id))
  const [first, last] = tokenizer.encode('').ids
  if (first === undefined || last === undefined || !special.has(last)) throw new EmbedderError(`${path} puts no special tokens around a text, as embedding models need. Use the tokenizer.json that came with the model.`)

  return {
    highestId: Math.max(...vocabulary.values()),
    encode (text, prefix) {
      // What is kept as UTF-8 has no lone surrogates, and must come out the same when it is read again.
      const read = prefix + text.slice(0, maxTokens * charactersPerToken).toWellFormed()
      const { ids: all, tokens } = tokenizer.encode(read)
      // The library does not truncate: keep the beginning and the special token that ends every text.
      const ids = all.length > maxTokens ? [...all.slice(0, maxTokens - 1), last] : all
      const begin = 1 + prefixTokens(prefix)
      const content: number[] = []
      for (let at = begin; at < ids.length; at++) {
        if (!special.has(ids[at]!) && saysSomething(tokens[at]!)) content.push(at)
      }
      return { ids, content }
    }
  }

  function prefixTokens (prefix: string): number {
    return prefix === '' ? 0 : tokenizer.encode(prefix.trim(), { add_special_tokens: false }).ids.length
  }

  /** A piece inside a word always does; a word's beginning unless it is a stop word. */
  function saysSomething (token: string): boolean {
    const inside = kind === 'WordPiece' ? token.startsWith('##') : !/^[▁Ġ]/.test(token)
    return wordCharacter.test(token) && (inside || !stopWords.has(token.replace(/^[▁Ġ]/, '').toLowerCase()))
  }
}

async function load (path: string): Promise<{ tokenizer: Tokenizer, kind: unknown }> {
  const unusable = (how: string, cause: unknown) => new EmbedderError(`${path} ${how}. Name the tokenizer.json that came with the model.`, { cause })
  const text = await readFile(path, 'utf8').catch((thrown: NodeJS.ErrnoException) => { throw unusable(`cannot be read (${thrown.code ?? thrown.message})`, thrown) })
  try {
    const json = JSON.parse(text) as { model?: { type?: unknown } }
    return { tokenizer: new Tokenizer(json, {}), kind: json.model?.type }
  } catch (thrown) {
    throw unusable('is not a tokenizer in the form of the tokenizers library', thrown)
  }
}
