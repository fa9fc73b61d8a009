import type { Split } from '../datasets.ts'
import type { Converted, Format } from './format.ts'
import { type Turn, alternating, taught, then } from './turns.ts'

interface Line {
  readonly system?: string
  readonly messages: readonly Turn<'user' | 'assistant'>[]
}

/** Rows a file may have, and tokens a row (docs.aws.amazon.com/bedrock, fine-tuning of Claude 3 Haiku; rules as in aws-samples' data_validation.py). */
const leastRows = 32
const mostRows: Readonly<Record<Split, number>> = { train: 10_000, valid: 1_000, test: Infinity }
const mostTokens = 32_000
/** An English token of Claude's has about as many; its tokenizer is not public. */
const charactersAToken = 4
/** Markers of the older prompt format, which may stand in no text. */
const marker = /\n(?:Human|Assistant):/

const earlier = 'earlier answers'

/** Bedrock's messages for Claude: first the user, last the assistant, in turn. A row without a system prompt has no key for it. */
export const bedrock: Format<Line> = {
  name: 'bedrock',
  convert: row => then(taught(row), answer => then(alternating(row, [answer]), ({ system, turns }): Converted<Line> => {
    const texts = [system, ...turns.map(({ content }) => content), answer.content]
    if (texts.some(text => marker.test(text))) return { skip: 'a text has a line that begins with Human: or Assistant:' }
    if (texts.reduce((sum, text) => sum + text.length, 0) > mostTokens * charactersAToken) return { skip: `it is longer than ${mostTokens} tokens` }
    return { record: { ...system !== '' && { system }, messages: [...turns, { role: 'assistant', content: answer.content }] } }
  })),
  notes: ({ messages }) => messages.length > 2 ? [earlier] : [],
  refusal: ({ rows }, split) => {
    if (split !== 'test' && rows < leastRows) return `Bedrock takes no fewer than ${leastRows} rows, and there are ${rows}`
    return rows > mostRows[split] ? `Bedrock takes at most ${mostRows[split]} rows here, and there are ${rows}` : null
  },
  warnings: ({ noted }) => noted[earlier] === undefined ? [] : [`${noted[earlier]} rows hold earlier answers that nobody approved, and Bedrock may learn those too`]
}
