/** A piece of SVG. What is not made by `element` is text, and is escaped. */
export interface Markup { readonly xml: string }

export type Attributes = Readonly<Record<string, string | number>>
export type Child = Markup | string | null | readonly Child[]

/** An element; numbers are pixels, kept to a hundredth. Throws for one that is not finite: it would be drawn nowhere. */
export function element (name: string, attributes: Attributes, ...children: readonly Child[]): Markup {
  const open = [name, ...Object.entries(attributes).map(([key, value]) => `${key}="${typeof value === 'number' ? pixels(value) : escaped(value)}"`)].join(' ')
  const inside = children.map(xml).join('')
  return { xml: inside === '' ? `<${open}/>` : `<${open}>${inside}</${name}>` }
}

function xml (child: Child): string {
  if (child === null) return ''
  if (typeof child === 'string') return escaped(child)
  return 'xml' in child ? child.xml : child.map(xml).join('')
}

function pixels (number: number): string {
  if (!Number.isFinite(number)) throw new TypeError('A coordinate is not finite.')
  return String(Math.round(100 * number) / 100)
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\'': '&#39;' }
/** Characters that XML 1.0 cannot hold, not even escaped. */
// eslint-disable-next-line no-control-regex
const forbidden = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g

function escaped (text: string): string {
  return text.toWellFormed().replace(forbidden, '\uFFFD').replace(/[&<>"']/g, character => entities[character]!)
}
