import { scaleLinear } from 'd3-scale'
import { line as path } from 'd3-shape'
import type { Measured } from '../../measured.ts'
import { bottomAxis, finite, leftAxis, line, mark, picture, titleHeight, width, type Box } from '../chart.ts'
import { pointsOf } from '../learning.ts'
import { element } from '../svg.ts'
import { gainOf } from '../units.ts'

const box: Box = { left: 64, right: width - 40, top: titleHeight + 34, bottom: 320 }

/** The gain by the number of rows that were learnt from; null: it was not asked for. */
export function curvePlot (measured: Measured): string | null {
  const { factor, unit, about } = gainOf(measured)
  const shown = pointsOf(measured).filter(({ rows, gain: { mean, low, high } }) => finite(rows, mean, low, high)).map(({ rows, gain }) => ({ rows, mean: factor * gain.mean, low: factor * gain.low, high: factor * gain.high }))
  if (shown.length === 0) return null
  const x = scaleLinear().domain([0, 1.05 * Math.max(1, ...shown.map(({ rows }) => rows))]).range([box.left, box.right])
  const y = scaleLinear().domain([Math.min(0, ...shown.map(({ low }) => low)), Math.max(1e-6, ...shown.map(({ high }) => high))]).nice().range([box.bottom, box.top])
  return picture('Would more data help?', `What the adapter gained over the base by the number of rows that it learnt from, with 95 % intervals: ${about}.`, 370,
    bottomAxis(x, box, 'rows learnt from'),
    leftAxis(y, box, `${about}: gain over the base, ${unit}`),
    element('path', { d: path<typeof shown[number]>(({ rows }) => x(rows), ({ mean }) => y(mean)).digits(1)(shown)!, class: 'line first', style: 'fill:none' }),
    shown.map(({ rows, low, high, mean }) => [line(x(rows), y(low), x(rows), y(high), 'bar first'), mark(x(rows), y(mean), 'first')]))
}
