import { createHash } from 'node:crypto'
import type { AppliedAdapter } from './engine.ts'

/** sha256 (hex) over the weights that answer: the base's own where nothing is put on it. Adapters at scale 0 count, since they are put on. */
export function weightsDigest (base: string, adapters: readonly AppliedAdapter[]): string {
  if (adapters.length === 0) return base
  return createHash('sha256').update([base, ...adapters.map(({ digest, scale }) => `${digest} ${scale}`)].join('\n')).digest('hex')
}
