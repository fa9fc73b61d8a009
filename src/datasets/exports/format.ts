import type { Split } from '../datasets.ts'
import type { Row } from '../row.ts'

export const formatNames = ['openai-sft', 'openai-dpo', 'trl-sft', 'trl-dpo', 'trl-kto', 'sharegpt', 'alpaca', 'bedrock'] as const
export type FormatName = typeof formatNames[number]

/** A row as one line of a file, or why it cannot be one. */
export type Converted<Line> =
  | { readonly record: Line }
  /** One reason of a few; no text of the row in it. */
  | { readonly skip: string }

/** What a file came to. */
export interface Tally {
  readonly rows: number
  readonly bytes: number
  /** How many rows the format could not hold, by reason. */
  readonly skipped: Readonly<Record<string, number>>
  /** How many records have what is worth a warning, by what `Format.notes` calls it. */
  readonly noted: Readonly<Record<string, number>>
}

/**
 * One format, pure: the same row always becomes the same line. Where readers
 * infer a schema from the first rows (all but OpenAI and Bedrock do), all
 * records have the same keys: they refuse a file whose later rows differ.
 */
export interface Format<Line = unknown> {
  readonly name: FormatName
  convert (row: Row): Converted<Line>
  /** What of a record is counted for `warnings`. */
  notes? (record: Line): readonly string[]
  /** Why whoever reads this format would refuse the file; null: nothing is known against it. */
  refusal? (tally: Tally, split: Split): string | null
  /** What is worth knowing before it is used. */
  warnings? (tally: Tally, split: Split): readonly string[]
}
