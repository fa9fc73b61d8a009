import { estimatedTokens } from '../../memory/block.ts'
import type { Filter } from '../row.ts'
import { answerText } from './texts.ts'

export interface LengthSettings {
  /** Letters and figures of an answer without a call: below it teaches nothing but to end. */
  readonly leastAnswer: number
  /** Tokens of prompt and answer, about. */
  readonly mostTokens: number
}

/** 4,096 is the context that the server gives a chat unless it is told otherwise: what does not fit it is never seen whole. */
export const lengthDefaults: LengthSettings = { leastAnswer: 1, mostTokens: 4096 }
/** A turn's role and marks in most chat templates. */
const turnTokens = 5

/** Drops answers that say nothing, and rows that are longer than a context. */
export function length (settings: Partial<LengthSettings> = {}): Filter {
  const { leastAnswer, mostTokens } = { ...lengthDefaults, ...settings }
  /** Rows by the power of two of their tokens. */
  const sizes = new Map<number, number>()

  return {
    name: 'length',
    about: `Drops answers of fewer than ${leastAnswer} letters, and rows of more than about ${mostTokens} tokens.`,
    settings: { leastAnswer, mostTokens },
    judge (row) {
      const { prompt, answer } = row
      const answers = 'rejected' in row && row.rejected !== null ? [answer, row.rejected] : [answer]
      if (answers.some(({ content, calls = [] }) => calls.length === 0 && (content.match(/[\p{L}\p{N}]/gu)?.length ?? 0) < leastAnswer)) return { drop: 'the answer is too short' }
      const context = prompt.reduce((sum, message) => sum + estimatedTokens(answerText(message)) + turnTokens, 0)
      const tokens = context + Math.max(...answers.map(given => estimatedTokens(answerText(given)))) + turnTokens
      if (tokens > mostTokens) return { drop: context > mostTokens ? 'the prompt is longer than the context' : 'prompt and answer are longer than the context' }
      const size = 2 ** Math.ceil(Math.log2(tokens))
      sizes.set(size, (sizes.get(size) ?? 0) + 1)
      return { keep: row }
    },
    report: () => ({ tokens: Object.fromEntries([...sizes].sort(([a], [b]) => a - b).map(([size, rows]) => [`up to ${size}`, rows])) })
  }
}
