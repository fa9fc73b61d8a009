import { scaleLinear } from 'd3-scale'
import type { Arm, Interval, Measured } from '../../measured.ts'
import { bottomAxis, finite, label, leftAxis, line, mark, picture, titleHeight, width, type Box } from '../chart.ts'

/** Names are written in a column of their own, so that none covers another. */
const box: Box = { left: 64, right: width - 236, top: titleHeight + 34, bottom: 340 }
const lineHeight = 36

/** Quality against the time to the first token of all that competed; null: nothing can be compared. */
export function arenaPlot ({ arms, gain }: Measured): string | null {
  const factor = gain.all === null ? -1 : 100
  const shown = arms.flatMap(({ all, nll, ...arm }) => {
    const quality = scaled(gain.all === null ? nll : all, factor)
    return quality === null || !finite(arm.firstToken, arm.promptTokens) ? [] : [{ ...arm, quality }]
  })
  if (shown.length === 0) return null
  const x = scaleLinear().domain([0, 1.08 * Math.max(1, ...shown.map(({ firstToken }) => firstToken))]).range([box.left, box.right])
  const y = scaleLinear().domain(factor === 100 ? [0, 100] : [Math.min(...shown.map(({ quality }) => quality.low)), 0]).nice().range([box.bottom, box.top])
  const what = factor === 100 ? 'answers that keep to all checks, %' : 'log-likelihood of the approved answer, nat a token'
  const column = apart(shown.map(({ quality }) => y(quality.mean)))
  return picture('Who answers how well, and how soon', `Quality of each way to answer, with its 95 % interval, against the median time to the first token: ${what}. Up and left is better.`, 390,
    bottomAxis(x, box, 'time to the first token, ms (median)', 5),
    leftAxis(y, box, what),
    shown.map(({ name, firstToken, promptTokens, quality }, index) => {
      const series = name.startsWith('adapter') ? 'first' : 'second'
      const [left, top] = [x(firstToken), y(quality.mean)]
      return [
        line(left + 8, top, box.right + 12, column[index]!, 'leader'),
        line(left, y(quality.low), left, y(quality.high), `bar ${series}`),
        mark(left, top, series),
        label(box.right + 18, column[index]!, name),
        label(box.right + 18, column[index]! + 15, detail(firstToken, promptTokens), 'quiet')
      ]
    }))
}

function detail (firstToken: number, promptTokens: number): string { return `${Math.round(firstToken)} ms, prompt of ${Math.round(promptTokens)} tokens` }

function scaled (interval: Arm['all'], factor: number): Interval | null {
  if (interval === null || !finite(interval.mean, interval.low, interval.high)) return null
  const [one, other] = [factor * interval.low, factor * interval.high]
  return { mean: factor * interval.mean, low: Math.min(one, other), high: Math.max(one, other) }
}

/** Moves heights apart until a line of text fits between them, in their order and within the box. */
function apart (heights: readonly number[]): number[] {
  const order = heights.map((height, index) => ({ height, index })).sort((one, other) => one.height - other.height)
  const placed: number[] = []
  let least = box.top
  order.forEach(({ height, index }, rank) => {
    const most = box.bottom - lineHeight * (order.length - rank - 1)
    placed[index] = Math.min(Math.max(height, least), most)
    least = placed[index] + lineHeight
  })
  return placed
}
