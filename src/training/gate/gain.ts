/** Whether it helps people who were not learnt from, more than examples would, and by answering what was asked. */
import type { Interval, Measured } from '../measured.ts'
import type { Method } from '../training.ts'
import { counted, fixed, nats, percent, points, share } from '../wording.ts'
import { finding, open, type Claim, type Step } from './finding.ts'
import * as limits from './limits.ts'

type Gain = Pick<Measured['gain'], 'nll' | 'checks' | 'all'>

export const gain: Step = ({ gain, withMemory, judge, bestEpoch, people }, method) => {
  const { wins, all, margin, nll } = gain
  const figures = flat({ ...method === 'kto' ? { margin } : { wins, nll }, all, ...named(gain.checks) })
  const likelier = wins !== null && wins.low > limits.chance
  const needed: Claim[] = [
    ...method !== 'kto' && wins !== null ? [{ holds: likelier, words: `the approved answer became likelier on ${share(wins)} of the rows (the lower bound must be above ${100 * limits.chance} %)` }] : [],
    ...method === 'kto' && margin !== null ? [{ holds: margin.low > 0, words: `approved answers gained ${nats(margin)} on disapproved ones (the lower bound must be above 0)` }] : [],
    ...all === null ? [] : [{ holds: all.low > 0, words: `answers that keep to all checks changed by ${points(all)} (the lower bound must be above 0${all.low <= 0 && likelier ? ': the approved wording became likelier and the answers no better, so it was memorised' : ''})` }]
  ]
  if (needed.length === 0) return open('What it gained is not known: no held-out row shows an approved answer, and there are no checks.', figures)
  return finding([
    ...bestEpoch === null ? [] : [{ holds: bestEpoch > 0, words: bestEpoch > 0 ? `epoch ${bestEpoch} was the best on the validation rows` : 'no epoch was better than the base on the validation rows' }],
    ...needed,
    ...harms(gain, method, 'with prompts as recorded'),
    ...withMemory === null ? [] : harms(withMemory, method, 'with memories in the prompt'),
    ...judge === null || judge.wins.high >= limits.chance ? [] : [{ holds: false, words: `the judge prefers it in ${share(judge.wins)} of the pairs (the upper bound must reach ${100 * limits.chance} %)` }]
  ], figures, {
    passed: `It helps people who were not learnt from (${counted(people, 'person', 'people')})`,
    failed: `It was not shown to help people who were not learnt from (${counted(people, 'person', 'people')})`
  })
}

/** What people see counts where it was measured, and likelihood only where it was not: any adapter that knows the form makes approved answers likely. */
export const examples: Step = ({ overExamples }) => {
  const measured = overExamples?.all ?? overExamples?.nll ?? null
  if (overExamples === null || measured === null) return open('Whether examples in the prompt would do as well is not known: they did not compete.')
  const words = overExamples.all === null ? `the approved answer's log-likelihood differs by ${nats(measured)}` : `answers that keep to all checks differ by ${points(measured)}`
  return finding([{ holds: measured.low > 0, words: `against them ${words} (the lower bound must be above 0)` }], flat({ all: overExamples.all, nll: overExamples.nll, ...named(overExamples.checks) }), {
    passed: 'It is better than examples in the prompt of the base',
    failed: 'Do not fine-tune, examples in the prompt do as well'
  })
}

/**
 * An adapter that was trained on shuffled answers learns the form, which wins
 * nearly every row, and unlearns that the prompt matters: an approved answer is
 * less likely to follow from its own prompt than with the base. It need not
 * gain in that, since a change of mere style leaves it as it was; but it must
 * not certainly lose, unless what it loses is small.
 */
export const relevance: Step = ({ relevance }) => {
  if (relevance === null) return open('Whether its answers depend on what was asked is not known: there were not two approved answers to exchange.')
  const { base, adapter, gain } = relevance
  const least = limits.relevanceKept * base.mean
  return finding([
    { holds: adapter.low > 0, words: `an approved answer is likelier after its own prompt than after another's by ${nats(adapter)} (the lower bound must be above 0)` },
    { holds: adapter.mean >= least || gain.high >= 0, words: `with the base by ${nats(base)}: changed by ${nats(gain)} (at least ${percent(limits.relevanceKept)} are to be left, ${fixed(least, 3)}, or the upper bound of the change must reach 0)` }
  ], flat({ base, adapter, gain }), {
    passed: 'What it answers depends on what was asked',
    failed: 'What it answers depends less on what was asked, as when it learnt from answers to other questions'
  })
}

/** What certainly became worse. Likelihood is no measure of thumbs: approved answers are often the base's own, and any change makes those less likely. */
function harms ({ nll, checks, all }: Gain, method: Method, where: string): Claim[] {
  const shares = Object.entries({ ...named(checks), ...all === null ? {} : { 'all checks': all } })
  return [
    ...method === 'kto' || nll === null || nll.high >= 0 ? [] : [{ holds: false, words: `the approved answer became less likely ${where}: ${nats(nll)}` }],
    ...shares.flatMap(([name, gain]) => gain.high >= 0 ? [] : [{ holds: false, words: `${name} became worse ${where}: ${points(gain)}` }])
  ]
}

function named (checks: Gain['checks']): Record<string, Interval> {
  return Object.fromEntries(Object.entries(checks).map(([name, gain]) => [`check “${name}”`, gain]))
}

function flat (intervals: Readonly<Record<string, Interval | null>>): Record<string, number> {
  return Object.fromEntries(Object.entries(intervals).flatMap(([name, interval]) => interval === null ? [] : Object.entries(interval).map(([bound, number]) => [`${name} ${bound}`, number])))
}
