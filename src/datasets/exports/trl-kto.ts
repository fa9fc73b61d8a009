import type { Format } from './format.ts'
import { type Turn, plain, reasons, then } from './turns.ts'

interface Line { readonly prompt: readonly Turn[], readonly completion: readonly [Turn], readonly label: boolean }

const good = 'good'

/** TRL's conversational unpaired preferences (huggingface.co/docs/trl/dataset_formats). */
export const trlKto: Format<Line> = {
  name: 'trl-kto',
  convert: row => row.kind !== 'verdict'
    ? { skip: reasons.unjudged }
    : then(plain(row, [row.answer]), prompt => ({ record: { prompt, completion: [{ role: 'assistant', content: row.answer.content }], label: row.good } })),
  notes: ({ label }) => label ? [good] : [],
  // KTO compares the two: with one alone its loss has nothing to weigh.
  warnings: ({ rows, noted }) => rows > 0 && [0, rows].includes(noted[good] ?? 0) ? [`all verdicts are ${noted[good] === undefined ? 'bad' : 'good'}, and KTO needs both`] : []
}
