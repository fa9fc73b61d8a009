import type { Format } from './format.ts'
import { fewest, files, repeated, twice } from './openai.ts'
import { type Turn, pair, plain, then } from './turns.ts'

interface Line {
  readonly input: { readonly messages: readonly Turn[], readonly tools: readonly never[], readonly parallel_tool_calls: true }
  readonly preferred_output: readonly [Turn]
  readonly non_preferred_output: readonly [Turn]
}

/** OpenAI's format for direct preference optimization (platform.openai.com/docs/guides/direct-preference-optimization), which Together, Fireworks and Azure take too. */
export const openaiDpo: Format<Line> = {
  name: 'openai-dpo',
  convert: row => then(pair(row), ({ better, worse }) => then(plain(row, [better, worse]), messages => ({
    record: {
      input: { messages, tools: [], parallel_tool_calls: true },
      preferred_output: [{ role: 'assistant', content: better.content }],
      non_preferred_output: [{ role: 'assistant', content: worse.content }]
    }
  }))),
  notes: ({ input }) => twice(input.messages.map(({ role }) => role)) ? [repeated] : [],
  refusal: files,
  warnings: ({ rows, noted }, split) => [
    ...fewest(rows, split),
    ...noted[repeated] === undefined ? [] : [`${noted[repeated]} rows have the same role twice running, which OpenAI takes and Together refuses`]
  ]
}
