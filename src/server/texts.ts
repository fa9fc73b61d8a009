import { problem } from '../errors.ts'
import type { TextsWire } from './schemas/completions.ts'

/** A text, or token ids. */
export type Text = string | readonly number[]

/** The texts that a field of several shapes holds. Throws a 400 that names the field where it mixes them, or holds more than `most` texts. */
export function textsFrom (given: TextsWire, field: string, most: number): Text[] {
  if (typeof given === 'string') return [given.toWellFormed()]
  if (given.every(item => typeof item === 'number')) return [given]
  if (!given.every(item => typeof item === 'string') && !given.every(item => typeof item === 'object')) throw problem('invalid_request', { detail: `'${field}' must be a text, a list of texts, a list of token ids, or a list of such lists.` }, { param: field })
  if (given.length > most) throw problem('invalid_request', { detail: `'${field}' must have at most ${most} items.` }, { param: field })
  return given.map(item => typeof item === 'string' ? item.toWellFormed() : item)
}
