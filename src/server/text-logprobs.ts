import type { TokenLogprob } from '../inference/engine.ts'
import { finite } from './completion.ts'
import type { TextLogprobsWire } from './schemas/completions.ts'

/** The probabilities of one text's tokens in OpenAI's older form, piece by piece: each token has a place in the text so far. */
export class TextLogprobs {
  // A token may hold a part of a character, which has its place when it is whole.
  readonly #decoder = new TextDecoder()
  #offset = 0

  wire (logprobs: readonly TokenLogprob[]): TextLogprobsWire {
    return {
      tokens: logprobs.map(nameOf),
      token_logprobs: logprobs.map(({ logprob }) => logprob === null ? null : finite(logprob)),
      // Without alternatives there is nothing to list; a first token has none, since nothing comes before it.
      top_logprobs: logprobs.every(({ top }) => top.length === 0) ? null : logprobs.map(topOf),
      text_offset: logprobs.map(({ bytes }) => {
        const place = this.#offset
        this.#offset += [...this.#decoder.decode(Uint8Array.from(bytes), { stream: true })].length
        return place
      })
    }
  }
}

/** The likeliest tokens, and the one that was chosen if it is none of them. */
function topOf (chosen: TokenLogprob): Record<string, number> | null {
  if (chosen.logprob === null) return null
  return Object.fromEntries([...chosen.top, chosen].map(one => [nameOf(one), finite(one.logprob)]))
}

/** A token's text; a part of a character has none, so its bytes are written out, as OpenAI does. */
function nameOf ({ token, bytes }: Pick<TokenLogprob, 'token' | 'bytes'>): string {
  if (!token.includes('\uFFFD') || Buffer.from(bytes).equals(Buffer.from(token))) return token
  return `bytes:${bytes.map(byte => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`
}
