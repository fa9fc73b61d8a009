import type { Interval, Measured } from '../../measured.ts'
import { fixed } from '../../wording.ts'
import { legend, picture, titleHeight, type Series } from '../chart.ts'
import { forest, forestHeight, type Line } from './forest.ts'

/** What it gained, in points by check and in likelihood below; null: nothing was measured. */
export function gainPlot ({ gain, overExamples, withMemory }: Measured): string | null {
  const shares: Line[] = [
    ...Object.keys(gain.checks).length === 1 ? [] : row('all checks', gain.all, overExamples?.all),
    ...Object.entries(gain.checks).flatMap(([name, interval]) => row(name, interval, overExamples?.checks[name])),
    ...row('all checks, both with memory', withMemory?.all ?? null)
  ]
  const likelihoods: Line[] = [
    ...row('likelihood of approved answers', gain.nll, overExamples?.nll),
    ...row('approved over disapproved ones', gain.margin),
    ...row('the same, both with memory', withMemory?.nll ?? null)
  ]
  const panels = [
    { lines: shares, unit: 'percentage points', factor: 100, digits: 1 },
    { lines: likelihoods, unit: 'nat a token', factor: 1, digits: 2 }
  ].filter(({ lines }) => lines.length > 0)
  if (panels.length === 0) return null
  let top = titleHeight + 32
  const drawn = panels.flatMap(({ lines, unit, factor, digits }) => {
    const from = top
    top += forestHeight(lines) + 12
    return forest(lines, from, unit, ({ mean, low, high }) => `${fixed(factor * mean, digits)} (${fixed(factor * low, digits)} to ${fixed(factor * high, digits)})`, factor)
  })
  return picture('What the adapter gained', 'Each line is a gain of the adapter with its 95 % interval; right of 0 is better.', top,
    legend(24, titleHeight + 14, [['first', 'over the base'], ...overExamples === null ? [] : [['second', 'over the base with examples'] as const]]), drawn)
}

function row (name: string, overBase: Interval | null, overExamples: Interval | null = null): Line[] {
  const gains: [Series, Interval][] = [...overBase === null ? [] : [['first', overBase] as [Series, Interval]], ...overExamples === null ? [] : [['second', overExamples] as [Series, Interval]]]
  return gains.length === 0 ? [] : [{ name, gains }]
}
