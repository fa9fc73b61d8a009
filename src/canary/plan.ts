import type { Plan } from './canaries.ts'
import { designOf, type Person } from './interval.ts'

/** Standard errors: two-sided 5 % of differences seen where there is none. */
export const seen = 1.96
/** Standard errors: 80 % of the smallest difference is seen where it is there. */
const power = 0.8416
/** Fewer judged answers say too little of a rate. */
const fewest = 20

/**
 * How many judged answers of each arm it takes to see a difference: Fleiss,
 * Levin and Paik, Statistical Methods for Rates and Proportions (3rd edition,
 * 2003), §4.3 for arms of unequal size, without the correction for continuity,
 * times the design effect of people who judge several answers. For the better
 * and the worse of the two rates that are the smallest difference away, the
 * larger number.
 */
export function planOf (percent: number, smallest: number, before: readonly Person[]): Plan {
  const judged = before.reduce((sum, { answers }) => sum + answers, 0)
  const rate = judged < fewest ? 0.5 : before.reduce((sum, person) => sum + person.sum, 0) / judged
  const design = designOf(before)
  /** Answers of the live arm for each of the candidate's. */
  const ratio = (100 - percent) / percent
  const sizes = [rate - smallest, rate + smallest].filter(other => other >= 0 && other <= 1).map(other => {
    const pooled = (other + ratio * rate) / (1 + ratio)
    const size = (seen * Math.sqrt((ratio + 1) * pooled * (1 - pooled)) + power * Math.sqrt(ratio * other * (1 - other) + rate * (1 - rate))) ** 2 / (ratio * smallest ** 2)
    return size * design
  })
  const candidate = Math.ceil(Math.max(...sizes))
  return { smallest, rate, judged, design, needed: { candidate, live: Math.ceil(candidate * ratio) } }
}
