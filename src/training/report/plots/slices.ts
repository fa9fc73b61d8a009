import type { Measured } from '../../measured.ts'
import { counted } from '../../wording.ts'
import { picture, titleHeight } from '../chart.ts'
import { gainOf } from '../units.ts'
import { forest, forestHeight } from './forest.ts'

/** Slices that are drawn and listed, those with the most rows first: more fit no page. */
export const slicesShown = 20

/** What the slices of the held-out rows gained; null: there are none. */
export function slicesPlot (measured: Measured): string | null {
  const { slices } = measured
  if (slices.length === 0) return null
  const lines = largest(slices).map(({ slice, value, rows, people, gain }) => ({ name: `${slice}: ${value}`, note: `${counted(rows, 'row')}, ${counted(people, 'person', 'people')}`, gains: [['first', gain]] as const }))
  const { unit, about, factor, short } = gainOf(measured)
  return picture('What each slice gained', `Each line is what the adapter gained over the base on a part of the held-out rows, with its 95 % interval: ${about}.`, titleHeight + forestHeight(lines) + 12,
    forest(lines, titleHeight + 4, `${about}, ${unit}`, short, factor))
}

export function largest (slices: Measured['slices']): Measured['slices'] { return [...slices].sort((one, other) => other.rows - one.rows).slice(0, slicesShown) }
