import type { Measured } from '../measured.ts'
import type { TorchScore } from '../trainer.ts'
import type { Logps } from './parity.ts'

/**
 * What an adapter did to general answers of the base: the divergence and the
 * likeliest tokens as PyTorch sees them, the likelihood as the engine does.
 * All over the same rows in the same order, and every token counts alike.
 */
export function forgettingOf (torch: readonly TorchScore[], base: Logps, adapter: Logps): NonNullable<Measured['forgetting']> {
  if (torch.length !== base.length || torch.length !== adapter.length) throw new Error('what was forgotten was measured on different rows')
  const tokens = torch.reduce((sum, { logp }) => sum + logp.length, 0)
  const overTokens = (value: (score: TorchScore) => number | null): number => torch.reduce((sum, score) => sum + (value(score) ?? NaN) * score.logp.length, 0) / tokens
  return { rows: torch.length, kl: overTokens(({ kl }) => kl), agreement: overTokens(({ agree }) => agree), worse: (total(base) - total(adapter)) / tokens }
}

function total (logps: Logps): number { return logps.flat().reduce((sum, value) => sum + value, 0) }
