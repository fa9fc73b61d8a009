import type { Format } from './format.ts'
import { type Turn, plain, taught, then } from './turns.ts'

interface Line { readonly prompt: readonly Turn[], readonly completion: readonly [Turn] }

/** TRL's conversational prompt and completion (huggingface.co/docs/trl/dataset_formats): its loss is on the completion alone. */
export const trlSft: Format<Line> = {
  name: 'trl-sft',
  convert: row => then(taught(row), answer => then(plain(row, [answer]), prompt => ({
    record: { prompt, completion: [{ role: 'assistant', content: answer.content }] }
  })))
}
