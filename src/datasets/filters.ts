import { problem } from '../errors.ts'
import { cap, capDefaults } from './curation/cap.ts'
import { contradiction } from './curation/contradiction.ts'
import { decontamination } from './curation/decontamination.ts'
import { duplicates } from './curation/duplicates.ts'
import { language, languageDefaults } from './curation/language.ts'
import { length, lengthDefaults } from './curation/length.ts'
import { memoryDefaults, memoryFacts } from './curation/memory-facts.ts'
import { push, pushDefaults } from './curation/push.ts'
import { redaction } from './curation/redaction.ts'
import { structure } from './curation/structure.ts'
import { tone, toneDefaults } from './curation/tone.ts'
import type { Wanted } from './datasets.ts'
import type { Filter, Row } from './row.ts'

type Settings = Wanted['filters'][string]

/** A filter with what can be set of it: values take the type of the default. */
interface Link { readonly defaults: object, readonly make: (settings: Settings, key: Uint8Array) => Filter }

/**
 * Every filter in the order in which rows go through them. What is personal
 * goes first, so that nothing of it lies aside between two passes. Votes are
 * weighed before duplicates go, since each of them counts; and nobody is cut
 * before their duplicates are.
 */
const chain: Readonly<Record<string, Link>> = {
  redaction: { defaults: { keep: [] }, make: (settings, key) => redaction(key, settings) },
  structure: { defaults: {}, make: () => structure() },
  length: { defaults: lengthDefaults, make: settings => length(settings) },
  language: { defaults: languageDefaults, make: settings => language(settings) },
  tone: { defaults: toneDefaults, make: settings => tone(settings) },
  memory: { defaults: memoryDefaults, make: settings => memoryFacts(settings) },
  contradiction: { defaults: {}, make: () => contradiction() },
  push: { defaults: pushDefaults, make: settings => push(settings) },
  duplicates: { defaults: {}, make: () => duplicates() },
  cap: { defaults: capDefaults, make: settings => cap(settings) }
}

/** The last one, which must know who is held out. `benchmarks`: texts by the benchmark's name. */
const last = 'decontamination'

/** The filters that are not switched off (`off`), with what was set of them. `key`: a secret of the tenant's, which makes pseudonyms. */
export function filtersOf (settings: Wanted['filters'], key: Uint8Array): Filter[] {
  return Object.entries(chain).flatMap(([name, { make }]) => {
    const { off, ...given } = settings[name] ?? {}
    return off === true ? [] : [make(given, key)]
  })
}

/** Keeps what is too near to a row that is held out, or to a benchmark, from being learnt; null: it is switched off. */
export function clearing (settings: Wanted['filters'], held: (row: Row) => boolean): Filter | null {
  const { off, benchmarks } = settings[last] ?? {}
  return off === true ? null : decontamination({ held, ...benchmarks !== undefined && { benchmarks: benchmarks as Record<string, string[]> } })
}

/** Throws `invalid_request` for a filter or a setting that does not exist. */
export function checkFilters (settings: Wanted['filters']): void {
  for (const [name, given] of Object.entries(settings)) check(name, given)
}

function check (name: string, given: Settings): void {
  const defaults = name === last ? { benchmarks: {} } : chain[name]?.defaults
  if (defaults === undefined) throw refused(`'${name}' is no filter: there are ${[...Object.keys(chain), last].join(', ')}.`, name)
  for (const [key, value] of Object.entries(given)) {
    const model: unknown = key === 'off' ? false : defaults[key as keyof typeof defaults]
    if (model === undefined) throw refused(`The filter '${name}' has no setting '${key}': there are ${['off', ...Object.keys(defaults)].join(', ')}.`, `${name}.${key}`)
    if (typeof value !== typeof model || (key === 'benchmarks' && !areTexts(value as object))) throw refused(`The setting '${key}' of the filter '${name}' must be ${key === 'benchmarks' ? 'lists of texts by name' : `a ${typeof model}`}.`, `${name}.${key}`)
  }
}

function areTexts (benchmarks: object): boolean {
  return Object.values(benchmarks).every((list: unknown) => Array.isArray(list) && list.every(text => typeof text === 'string'))
}

function refused (detail: string, at: string) { return problem('invalid_request', { detail }, { param: `filters.${at}` }) }
