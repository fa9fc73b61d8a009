import type { Format } from './format.ts'
import { type Turn, pair, plain, then } from './turns.ts'

interface Line { readonly prompt: readonly Turn[], readonly chosen: readonly [Turn], readonly rejected: readonly [Turn] }

/** TRL's conversational preferences with their prompt apart (huggingface.co/docs/trl/dataset_formats). */
export const trlDpo: Format<Line> = {
  name: 'trl-dpo',
  convert: row => then(pair(row), ({ better, worse }) => then(plain(row, [better, worse]), prompt => ({
    record: { prompt, chosen: [{ role: 'assistant', content: better.content }], rejected: [{ role: 'assistant', content: worse.content }] }
  })))
}
