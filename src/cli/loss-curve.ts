import { plot } from 'asciichart'

/** Fits a terminal of 80 columns with the axis before it. */
const width = 64
const height = 10

/** Losses as a curve of characters, one line each; more than fit are averaged. */
export function lossCurve (losses: readonly number[]): string[] {
  const columns = Math.min(width, losses.length)
  const means = Array.from({ length: columns }, (_, column) => {
    const part = losses.slice(Math.floor(column * losses.length / columns), Math.floor((column + 1) * losses.length / columns))
    return part.reduce((sum, loss) => sum + loss, 0) / part.length
  })
  return plot(means, { height, format: value => value.toFixed(3).padStart(8) }).split('\n').map(line => line.trimEnd())
}
