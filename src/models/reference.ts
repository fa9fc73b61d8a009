import { catalogue, type CatalogueEntry } from './catalogue.ts'
import { catalogued, locate, split, type Place } from './places.ts'
import type { SourceSettings } from './sources/source.ts'

/** A base model as an operator writes it, understood. */
export interface Reference {
  readonly name: string
  readonly place: Place
  readonly entry: CatalogueEntry | null
}

/**
 * Understands `[NAME=]REFERENCE`: a catalogue name, `hf:OWNER/REPO/FILE[@REVISION]`,
 * `https:…`, `pypi:PACKAGE==VERSION`, `file:PATH` or a path ending in `.gguf`.
 * Throws `ModelError`.
 */
export function parseReference (text: string, settings: SourceSettings): Reference {
  const { given, target } = split(text)
  const entry = catalogue.get(target) ?? null
  const { place, name } = entry === null ? locate(target, '.gguf', settings) : { name: target, place: catalogued(entry.files[0]!, '.gguf', settings) }
  return { name: given ?? name, place, entry }
}
