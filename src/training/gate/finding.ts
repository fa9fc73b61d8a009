import type { Measured } from '../measured.ts'
import type { Method } from '../training.ts'
import type { GateStep } from '../verdict.ts'

/** What a step found. */
export type Finding = Omit<GateStep, 'name'>
/** Pure; sees finite numbers only. */
export type Step = (measured: Measured, method: Method) => Finding

/** Something that must be so; `words` give the figure and its limit, and read well whether it is so or not. */
export interface Claim { readonly holds: boolean, readonly words: string }

/** Passed where all claims hold, and tells them all; failed otherwise, and tells those that do not hold. */
export function finding (claims: readonly Claim[], figures: GateStep['figures'], said: { readonly passed: string, readonly failed: string }): Finding {
  const broken = claims.filter(({ holds }) => !holds)
  const passed = broken.length === 0
  return { passed, words: `${passed ? said.passed : said.failed}: ${(passed ? claims : broken).map(({ words }) => words).join('; ')}.`, figures }
}

/** It could not be judged. */
export function open (words: string, figures: GateStep['figures'] = {}): Finding { return { passed: null, words, figures } }
