import { addresses } from './addresses.ts'
import { contacts } from './contacts.ts'
import type { Personal } from './found.ts'
import { names } from './names.ts'
import { isPseudonym, touchesPseudonym } from './pseudonyms.ts'
import { records } from './records.ts'

/**
 * Personal data in the texts of one row, per text in order and apart from each
 * other. What is a pseudonym already is none. Linear in the length of the texts.
 */
export function personalIn (texts: readonly string[]): Personal[][] {
  const named = names(texts, isPseudonym)
  return texts.map((text, i) => {
    const found = [...contacts(text), ...records(text), ...addresses(text), ...named[i]!].sort((a, b) => a.from - b.from || b.to - a.to)
    return apart(found.filter(({ from, to }) => !touchesPseudonym(text, from, to)))
  })
}

/** Of two that overlap one is made, of the kind that says more than a name does. */
function apart (ordered: readonly Personal[]): Personal[] {
  const found: Personal[] = []
  for (const next of ordered) {
    const last = found.at(-1)
    if (last === undefined || next.from >= last.to) found.push(next)
    else if (next.to > last.to) found[found.length - 1] = { ...last, kind: last.kind === 'name' ? next.kind : last.kind, to: next.to }
  }
  return found
}
