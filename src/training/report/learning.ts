import type { Interval, Measured } from '../measured.ts'
import { fixed } from '../wording.ts'
import { gainOf } from './units.ts'

export interface CurvePoint { readonly rows: number, readonly gain: Interval }

/** The curve in the unit that this report tells it in, from few rows to all. */
export function pointsOf ({ curve, gain }: Pick<Measured, 'curve' | 'gain'>): readonly CurvePoint[] {
  return (curve ?? [])
    .flatMap(({ rows, nll, all }) => { const found = gain.all === null ? nll : all; return found === null ? [] : [{ rows, gain: found }] })
    .sort((one, other) => one.rows - other.rows)
}

/** A rise below this is none: 2 points, or the 0.02 nat below which a row counts as a tie. */
const flat = 0.02

/** Whether more rows would help, told from the last doubling; null: there is no curve. */
export function adviceOf (measured: Measured): string | null {
  const [before, last] = pointsOf(measured).slice(-2)
  if (before === undefined || last === undefined) return null
  const { unit, factor } = gainOf(measured)
  const rise = last.gain.mean - before.gain.mean
  const noise = (last.gain.high - last.gain.low) / 2
  const found = `From ${before.rows} to ${last.rows} rows the gain changed by ${fixed(factor * rise, factor === 1 ? 2 : 1)} ${unit}`
  if (rise > noise) return `**More data would help.** ${found}, which is more than chance does.`
  if (rise > flat) return `**More data may help.** ${found}, which chance could do as well; more held-out people would tell.`
  return `**More of the same data would hardly help.** ${found}. Other questions and other wordings may still do.`
}
