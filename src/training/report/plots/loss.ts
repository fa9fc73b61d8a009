import { scaleLinear } from 'd3-scale'
import { line as path } from 'd3-shape'
import type { LossPoint } from '../../training.ts'
import { bottomAxis, finite, leftAxis, legend, mark, picture, titleHeight, width, type Box } from '../chart.ts'
import { element } from '../svg.ts'

const box: Box = { left: 64, right: width - 24, top: titleHeight + 58, bottom: 340 }

/** The losses of a training, step by step; null: nothing was trained. */
export function lossPlot (losses: readonly LossPoint[]): string | null {
  const train = losses.filter(({ step, loss }) => finite(step, loss))
  const valid = losses.flatMap(({ step, valid }) => valid !== undefined && finite(step, valid) ? [{ step, loss: valid }] : [])
  if (train.length === 0) return null
  const all = [...train, ...valid].map(({ loss }) => loss)
  const x = scaleLinear().domain([0, Math.max(1, ...train.map(({ step }) => step))]).range([box.left, box.right])
  const y = scaleLinear().domain([Math.min(0, ...all), Math.max(...all, 1e-6)]).nice().range([box.bottom, box.top])
  const drawn = path<{ step: number, loss: number }>(({ step }) => x(step), ({ loss }) => y(loss)).digits(1)
  return picture('How the training went', `Loss by step, nat a token${valid.length > 0 ? ', with that of the validation rows, which were not learnt from' : ''}; lower is better.`, 390,
    legend(24, titleHeight + 14, [['first', 'rows that are learnt from'], ...valid.length > 0 ? [['second', 'validation rows'] as const] : []]),
    bottomAxis(x, box, 'step'),
    leftAxis(y, box, 'loss, nat a token'),
    element('path', { d: drawn(train)!, class: 'line first', style: 'fill:none' }),
    valid.length > 1 ? element('path', { d: drawn(valid)!, class: 'line dashed second', style: 'fill:none' }) : null,
    valid.map(({ step, loss }) => mark(x(step), y(loss), 'second')))
}
