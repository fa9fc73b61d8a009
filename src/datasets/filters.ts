import { problem } from '../errors.ts'
import type { Wanted } from './datasets.ts'
import { duplicates } from './curation/duplicates.ts'
import type { Filter, Row } from './row.ts'

type Settings = Wanted['filters'][string]

/** Every filter in the order in which rows go through them. */
const chain: Readonly<Record<string, (settings: Settings) => Filter>> = {
  duplicates: () => duplicates()
}

const last = 'decontamination'
/** Filters that can be set. */
export const filterNames = [...Object.keys(chain), last]

/** The filters that are not switched off (`{ off: true }`), with what was set of them. Throws `invalid_request` for a name that none has. */
export function filtersOf (settings: Wanted['filters']): Filter[] {
  const unknown = Object.keys(settings).find(name => !filterNames.includes(name))
  if (unknown !== undefined) throw problem('invalid_request', { detail: `'${unknown}' is no filter: there are ${filterNames.join(', ')}.` }, { param: `filters.${unknown}` })
  return Object.entries(chain).flatMap(([name, filter]) => settings[name]?.off === true ? [] : [filter(settings[name] ?? {})])
}

/** Keeps what is too near to a row that is held out from being learnt. */
export function cleared (settings: Wanted['filters'], _held: (row: Row) => boolean): Filter {
  const off = settings[last]?.off === true
  return { name: last, about: '', settings: { off }, judge: row => ({ keep: row }) }
}
