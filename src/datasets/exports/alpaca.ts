import type { Converted, Format } from './format.ts'
import { alternating, taught, then } from './turns.ts'

interface Line {
  readonly instruction: string
  readonly input: ''
  readonly output: string
  readonly system: string
  readonly history: readonly never[]
}

/**
 * Alpaca's instructions as LLaMA-Factory reads them (its data/README.md). It
 * trains on the answers in `history`, which nobody approved: rows with earlier
 * turns are left to other formats.
 */
export const alpaca: Format<Line> = {
  name: 'alpaca',
  convert: row => then(taught(row), answer => then(alternating(row, [answer]), ({ system, turns }): Converted<Line> => turns.length > 1
    ? { skip: 'it has earlier turns, whose answers would be learnt too: sharegpt and trl-sft hold those' }
    : { record: { instruction: turns[0]!.content, input: '', output: answer.content, system, history: [] } }))
}
