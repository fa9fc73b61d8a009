import { automatonOf } from './automaton.ts'
import { chars, intersect, plain, type Ranges } from './charset.ts'
import { covered, formats, freeFormats } from './formats.ts'
import { choice, empty, never, sequence, set, text, type Node } from './gbnf.ts'
import { unsupported, within } from './refusal.ts'
import { parseRegex } from './regex.ts'
import type { Rules } from './rules.ts'
import type { Schema } from './schema.ts'

const hex = set([[0x30, 0x39], [0x41, 0x46], [0x61, 0x66]])

/** One character of any JSON string, as itself or escaped; a pair of surrogate escapes is one, and a lone one is none. */
const anyChar = choice(
  set(plain),
  sequence(text('\\'), choice(
    set(chars('"\\/bfnrt')),
    sequence(text('u'), choice(
      sequence(set(chars('0123456789aAbBcCeEfF')), hex, hex, hex),
      sequence(set(chars('dD')), set(chars('01234567')), hex, hex),
      sequence(set(chars('dD')), set(chars('89aAbB')), hex, hex, text('\\u'), set(chars('dD')), set(chars('cCdDeEfF')), hex, hex)
    ))
  ))
)

/** Characters that JSON has a short escape for. */
const escapes: readonly (readonly [char: string, escaped: string])[] = [['"', '\\"'], ['\\', '\\\\'], ['\n', '\\n'], ['\t', '\\t'], ['\r', '\\r'], ['\b', '\\b'], ['\f', '\\f']]
/** Most controls of one set that are written out, when it has nothing else. */
const mostControls = 65

/** One of the characters as it stands in a JSON string, in one spelling each. */
export function oneOf (wanted: Ranges): Node {
  const options: Node[] = []
  const shown = intersect(wanted, plain)
  if (shown.length > 0) options.push(set(shown))
  for (const [char, escaped] of escapes) if (intersect(wanted, chars(char)).length > 0) options.push(text(escaped))
  if (options.length > 0) return choice(...options)
  const controls = intersect(wanted, [[0, 0x1F], [0x7F, 0x9F]]).flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, index) => from + index))
  return choice(...controls.slice(0, mostControls).map(code => text(`\\u${code.toString(16).padStart(4, '0')}`)))
}

/** A JSON string, quotes included. */
export function stringNode (rules: Rules, schema: Schema, at: string): Node {
  const { minLength: min = 0, maxLength: max = Infinity } = schema
  const patterns = patternsOf(schema, at)
  const quote = text('"')
  if (patterns.length > 0) return sequence(quote, fitting(rules, patterns, min, max, at), quote)
  return sequence(quote, rules.repeat(rules.define('char', anyChar), min, max), quote)
}

interface Pattern { readonly source: string, readonly at: string }

function patternsOf (schema: Schema, at: string): Pattern[] {
  const own = schema.patterns ?? []
  const patterns: Pattern[] = []
  const skipped = new Set<string>()
  for (const format of schema.formats ?? []) {
    const source = formats[format]
    if (source !== undefined) {
      patterns.push({ source, at: within(at, 'format') })
      for (const pattern of covered[format] ?? []) skipped.add(pattern)
    } else if (own.length === 0 && !freeFormats.includes(format)) {
      // Beside a pattern, an unknown format is a remark.
      throw unsupported(within(at, 'format'), `the format '${format.slice(0, 50)}' is not known. Known are ${Object.keys(formats).join(', ')}; a 'pattern' can say the same.`)
    }
  }
  return [...patterns, ...own.filter(source => !skipped.has(source)).map(source => ({ source, at: within(at, 'pattern') }))]
}

/** What stands between the quotes: a rule for each state of the patterns' automaton. */
function fitting (rules: Rules, patterns: readonly Pattern[], min: number, max: number, at: string): Node {
  const key = JSON.stringify([patterns.map(({ source }) => source), min, max])
  return rules.once(key, 'text', () => {
    const automaton = automatonOf(patterns.map(({ source, at }) => parseRegex(source, at)), min, max, at)
    const names = automaton.map(() => rules.reserve('text'))
    for (const [state, { accepts, edges }] of automaton.entries()) {
      const options = edges.map(({ on, to }) => sequence(oneOf(on), { type: 'rule', name: names[to] ?? '' }))
      rules.fill(names[state] ?? '', choice(...options, ...(accepts ? [empty] : [])))
    }
    return names[0] === undefined ? never : { type: 'rule', name: names[0] }
  })
}
