import type { Interval, Measured } from '../measured.ts'
import { fixed, nats, points } from '../wording.ts'

/** In what slices and learning curves are told. */
export interface Unit {
  readonly unit: 'percentage points' | 'nat a token'
  readonly about: string
  /** From what was measured to the unit. */
  readonly factor: number
  readonly long: (gain: Interval) => string
  readonly short: (gain: Interval) => string
}

const checks: Unit = {
  unit: 'percentage points',
  about: 'answers that keep to all checks',
  factor: 100,
  long: points,
  short: ({ mean, low, high }) => `${fixed(100 * mean, 1)} (${fixed(100 * low, 1)} to ${fixed(100 * high, 1)})`
}

const likelihood: Unit = {
  unit: 'nat a token',
  about: 'likelihood of the approved answer',
  factor: 1,
  long: nats,
  short: ({ mean, low, high }) => `${fixed(mean, 2)} (${fixed(low, 2)} to ${fixed(high, 2)})`
}

/** Checks tell more than likelihood; where there are none, likelihood is all there is. */
export function gainOf ({ gain }: Pick<Measured, 'gain'>): Unit { return gain.all === null ? likelihood : checks }
