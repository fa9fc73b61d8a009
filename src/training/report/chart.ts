import type { ScaleLinear } from 'd3-scale'
import { element, type Child, type Markup } from './svg.ts'

export interface Box { readonly left: number, readonly right: number, readonly top: number, readonly bottom: number }

/** Whose figures: they differ by shape as well as by colour. */
export type Series = 'first' | 'second'

export const width = 760
/** Text is 13 px high; a title takes this much above the plot. */
export const titleHeight = 44

/** Contrast of text and marks with the ground is above 4.5 in both schemes; blue and orange stay apart for the colour-blind (Okabe and Ito). */
const style = `
:root{--ground:#fff;--ink:#1f2328;--quiet:#59636e;--line:#d1d9e0;--first:#0a5cb5;--second:#a84300}
@media (prefers-color-scheme:dark){:root{--ground:#0d1117;--ink:#e6edf3;--quiet:#9198a1;--line:#30363d;--first:#6cb0ff;--second:#ffa657}}
.ground{fill:var(--ground)}text{fill:var(--ink);font:13px system-ui,-apple-system,"Segoe UI",sans-serif}
.title{font-size:16px;font-weight:600}.quiet{fill:var(--quiet)}.grid{stroke:var(--line)}.zero{stroke:var(--quiet);stroke-width:1.5}
.end{text-anchor:end}.middle{text-anchor:middle}
.first{fill:var(--first);stroke:var(--first)}.second{fill:var(--second);stroke:var(--second)}
.bar{stroke-width:2.5}.line{fill:none;stroke-width:1.5}.dashed{stroke-dasharray:5 4}.leader{stroke:var(--quiet);stroke-dasharray:1 4}.between{stroke:var(--line);stroke-dasharray:2 4}`

/** A picture of its own, readable by light and by dark, and told to those who do not see it. */
export function picture (title: string, description: string, height: number, ...children: readonly Child[]): string {
  return element('svg', { xmlns: 'http://www.w3.org/2000/svg', viewBox: `0 0 ${width} ${Math.ceil(height)}`, width, height: Math.ceil(height), role: 'img', 'aria-labelledby': 'title description' },
    element('title', { id: 'title' }, title),
    element('desc', { id: 'description' }, description),
    element('style', {}, style),
    element('rect', { class: 'ground', width, height: Math.ceil(height) }),
    label(16, 26, title, 'title'),
    children
  ).xml + '\n'
}

/** Text with its baseline at `y`. */
export function label (x: number, y: number, text: string, kind = ''): Markup { return element('text', { x, y, ...kind === '' ? {} : { class: kind } }, text) }

export function line (x1: number, y1: number, x2: number, y2: number, kind: string): Markup { return element('line', { x1, y1, x2, y2, class: kind }) }

/** A point: a disc, or a square of about its area. */
export function mark (x: number, y: number, series: Series): Markup {
  return series === 'first' ? element('circle', { cx: x, cy: y, r: 5, class: series }) : element('rect', { x: x - 4.5, y: y - 4.5, width: 9, height: 9, class: series })
}

export type Scale = ScaleLinear<number, number>

/** Ticks below the box with their lines through it; a line at 0 stands out. */
export function bottomAxis (scale: Scale, box: Box, unit: string, ticks = 6): Markup[] {
  const format = scale.tickFormat(ticks)
  return [
    ...scale.ticks(ticks).flatMap(tick => [line(scale(tick), box.top, scale(tick), box.bottom, tick === 0 ? 'zero' : 'grid'), label(scale(tick), box.bottom + 18, format(tick), 'middle quiet')]),
    label((box.left + box.right) / 2, box.bottom + 38, unit, 'middle')
  ]
}

/** Ticks left of the box; the unit is written over them. */
export function leftAxis (scale: Scale, box: Box, unit: string, ticks = 5): Markup[] {
  const format = scale.tickFormat(ticks)
  return [
    ...scale.ticks(ticks).flatMap(tick => [line(box.left, scale(tick), box.right, scale(tick), tick === 0 ? 'zero' : 'grid'), label(box.left - 8, scale(tick) + 4, format(tick), 'end quiet')]),
    label(16, box.top - 12, unit)
  ]
}

/** What the marks stand for, beside each other. */
export function legend (x: number, y: number, entries: readonly (readonly [Series, string])[]): Markup[] {
  let at = x
  return entries.flatMap(([series, text]) => {
    const here = at
    at += 34 + textWidth(text)
    return [mark(here, y - 4, series), label(here + 12, y, text)]
  })
}

/** Pixels that a text takes at most, roughly: SVG cannot measure, and 7 is wide for letters of 13 px. */
export function textWidth (text: string): number { return 7 * text.length }

/** At most so many characters, with an ellipsis where it was longer. */
export function shortened (text: string, length: number): string {
  const characters = [...text]
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`
}

/** A picture shows only what is a number; the gate says what is not. */
export function finite (...numbers: readonly number[]): boolean { return numbers.every(Number.isFinite) }
