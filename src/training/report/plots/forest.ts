import { scaleLinear } from 'd3-scale'
import { bottomAxis, finite, label, line, mark, shortened, width, type Box, type Series } from '../chart.ts'
import type { Interval } from '../../measured.ts'
import type { Child } from '../svg.ts'

/** One line of a forest plot: what it is about, and its gains with their intervals. */
export interface Line { readonly name: string, readonly note?: string, readonly gains: readonly (readonly [Series, Interval])[] }

/** Room for names on the left and for figures on the right. */
const names = 236
const figures = 176
const rowHeight = 42
/** Ticks and the unit below. */
const axis = 48

export function forestHeight (lines: readonly Line[]): number { return lines.length * rowHeight + axis }

/** Gains below each other on one axis, from `top` down; `unit` names the axis, `written` says one in words. */
export function forest (lines: readonly Line[], top: number, unit: string, written: (gain: Interval) => string, factor = 1): Child[] {
  const box: Box = { left: names, right: width - figures, top, bottom: top + lines.length * rowHeight }
  const shown = lines.map(({ gains, ...rest }) => ({ ...rest, gains: gains.filter(([, { mean, low, high }]) => finite(mean, low, high)) }))
  const ends = shown.flatMap(({ gains }) => gains.flatMap(([, { low, high }]) => [factor * low, factor * high]))
  const scale = scaleLinear().domain([Math.min(0, ...ends), Math.max(...ends, Math.min(0, ...ends) + 1e-6)]).nice().range([box.left, box.right])
  return [
    ...bottomAxis(scale, box, unit),
    ...shown.flatMap(({ name, note, gains }, row) => {
      const middle = top + (row + 0.5) * rowHeight
      return [
        row === 0 ? null : line(16, middle - rowHeight / 2, width - 16, middle - rowHeight / 2, 'between'),
        label(16, middle + (note === undefined ? 4 : -2), shortened(name, 30)),
        ...note === undefined ? [] : [label(16, middle + 13, note, 'quiet')],
        ...gains.flatMap(([series, gain], index) => {
          const y = middle + (index - (gains.length - 1) / 2) * 15
          return [line(scale(factor * gain.low), y, scale(factor * gain.high), y, `bar ${series}`), mark(scale(factor * gain.mean), y, series), label(box.right + 12, y + 4, written(gain))]
        })
      ]
    })
  ]
}
