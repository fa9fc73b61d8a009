import type { ReportFile } from '../training.ts'
import { cardOf } from './card.ts'
import type { Facts } from './facts.ts'
import { pageOf } from './page.ts'
import { arenaPlot } from './plots/arena.ts'
import { curvePlot } from './plots/curve.ts'
import { gainPlot } from './plots/gain.ts'
import { lossPlot } from './plots/loss.ts'
import { slicesPlot } from './plots/slices.ts'

/**
 * A run as it is told: for people, for programs, for the Hub, and as pictures.
 * A picture without anything to show is left out. No text of any person is in
 * it: rows are named by their ids.
 */
export function reportOf (facts: Facts): ReadonlyMap<ReportFile, string> {
  const { run, measured, verdict, losses, dataset, base, versions } = facts
  const drawn: [ReportFile, string | null][] = [
    ['loss.svg', lossPlot(losses)],
    ['gain.svg', gainPlot(measured)],
    ['slices.svg', slicesPlot(measured)],
    ['arena.svg', arenaPlot(measured)],
    ['curve.svg', curvePlot(measured)]
  ]
  const plots = new Map(drawn.flatMap(([file, picture]) => picture === null ? [] : [[file, picture] as const]))
  return new Map<ReportFile, string>([
    ['report.md', pageOf(facts, new Set(plots.keys()))],
    ['report.json', JSON.stringify({ run, measured, verdict, losses, dataset, base, versions }, readable, 2) + '\n'],
    ['card.md', cardOf(facts)],
    ...plots
  ])
}

/** JSON has no NaN: one that was measured is to be seen, and not to be taken for what was not measured. */
function readable (_key: string, value: unknown): unknown { return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value }
