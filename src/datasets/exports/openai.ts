import type { Split } from '../datasets.ts'
import type { Tally } from './format.ts'

/** Least rows of a file to train on, and bytes of a file (platform.openai.com/docs/guides/supervised-fine-tuning). */
const leastRows = 10
const mostBytes = 512 * 1024 * 1024
/** "We usually see improvements from 50 to 100 examples." */
const usefulRows = 50

/** What a record with one role in two messages running counts as. */
export const repeated = 'repeated roles'

export function twice (roles: readonly unknown[]): boolean {
  return roles.some((role, i) => i > 0 && role === roles[i - 1] && role !== 'tool')
}

/** OpenAI's rules for files. */
export function files ({ rows, bytes }: Tally, split: Split): string | null {
  if (split === 'train' && rows < leastRows) return `OpenAI takes no fewer than ${leastRows} rows to train on, and there are ${rows}`
  if (bytes > mostBytes) return `OpenAI takes at most ${mostBytes} bytes a file, and there are ${bytes}`
  return null
}

export function fewest (rows: number, split: Split): string[] {
  return split === 'train' && rows < usefulRows ? [`gains are usually seen from ${usefulRows} to 100 rows, and there are ${rows}`] : []
}
