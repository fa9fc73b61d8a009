import { refuses } from './curation/refusal.ts'
import { answerText } from './curation/texts.ts'
import type { Slices } from './datasets.ts'
import type { Row } from './row.ts'
import { topicOf } from './topics.ts'

/**
 * Where a row belongs in each way to slice, but for languages, which take 90 MB
 * to tell apart.
 *
 * @param firsts when each owner's first row was answered, in ms
 */
export function bucketsOf (row: Row, topics: readonly string[], firsts: ReadonlyMap<number, number>): Readonly<Record<Exclude<keyof Slices, 'language'>, string>> {
  const answer = answerText(row.answer)
  const bits = Math.floor(Math.log2(Math.max(1, answer.length)))
  return {
    length: `${2 ** bits} to ${2 ** (bits + 1) - 1} characters`,
    topic: topicOf(row, topics),
    cohort: new Date(firsts.get(row.owner) ?? row.at).toISOString().slice(0, 7),
    refusal: refuses(answer) ? 'declines' : 'answers'
  }
}
