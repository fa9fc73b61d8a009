import type { TokenLogprob } from '../engine.ts'
import type { Native } from './native.ts'

/** How likely a token was by the logits at an index, with as many of the likeliest beside it. */
export async function logprobOf (native: Native, index: number, token: number, count: number): Promise<TokenLogprob> {
  const { logprob, top } = await native.samplers.likelihood(index, token, count)
  return { ...written(native, token), logprob, top: top.map(([id, logprob]) => ({ ...written(native, id), logprob })) }
}

/**
 * How likely each token of a stretch of a prompt was: the logits at one token
 * are about the next. `indexes` are those of the tokens from `position` on.
 */
export async function promptLogprobs (native: Native, prompt: Uint32Array, position: number, indexes: readonly number[], top: number): Promise<TokenLogprob[]> {
  const logprobs: TokenLogprob[] = position === 0 ? [{ ...written(native, prompt[0] ?? 0), logprob: null, top: [] }] : []
  for (const [i, index] of indexes.entries()) {
    const next = prompt[position + i + 1]
    if (next !== undefined) logprobs.push(await logprobOf(native, index, next, top))
  }
  return logprobs
}

function written (native: Native, token: number): { token: string, bytes: number[] } {
  const bytes = native.bytes(token)
  return { token: new TextDecoder().decode(bytes), bytes: [...bytes] }
}
