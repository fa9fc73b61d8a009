import { GgufError, readGguf, type GgufHeader } from '../gguf/reader.ts'
import type { BaseFile } from './adapters.ts'

/** Shorter names are contained in almost any other. */
const shortestName = 4

/** What a base's file says that adapters are checked against. Read once per base. */
export interface BaseShape {
  /** The base's public name. */
  readonly name: string
  /** sha256 of its file. */
  readonly digest: string
  readonly architecture: string
  /** Tensor name → dimensions, innermost first. */
  readonly tensors: ReadonlyMap<string, readonly number[]>
  /** What the base calls itself and is called here; none when its file gives it no name. */
  readonly names: readonly string[]
}

/** Reads the header of a base that already serves. Throws `GgufError` when its file no longer is what it was. */
export async function openBase ({ name, path, digest }: BaseFile): Promise<BaseShape> {
  const { metadata, tensors } = await readGguf(path)
  const architecture = metadata.get('general.architecture')
  if (typeof architecture !== 'string') throw new GgufError(path, 'it names no architecture (general.architecture)')
  return { name, digest, architecture, tensors: new Map(tensors.map(({ name, shape }) => [name, shape])), names: namesOf(metadata, name) }
}

/**
 * What a base goes by: its own name, how that is made up, what it was itself
 * made from, and last its public name. That one alone may be anything, so
 * without a name of its own a base has none to compare.
 */
function namesOf (metadata: GgufHeader['metadata'], publicName: string): string[] {
  const [name, basename, size, finetune] = ['name', 'basename', 'size_label', 'finetune'].map(key => textOf(metadata, `general.${key}`))
  const short = basename !== undefined && size !== undefined ? `${basename} ${size}` : undefined
  const own = [name, short && `${short} ${finetune ?? ''}`, short, ...baseNames(metadata)].filter(name => name !== undefined).filter(comparable)
  return own.length === 0 ? [] : [...own, publicName].filter(comparable)
}

/** The models that a file lists as what it was made from: their names, and the last part of where they are. */
export function baseNames (metadata: GgufHeader['metadata']): string[] {
  return [...metadata.keys()].flatMap(key => {
    const [, field] = /^general\.base_model\.\d+\.(name|repo_url)$/.exec(key) ?? []
    const text = field === undefined ? undefined : textOf(metadata, key)
    if (text === undefined) return []
    return [field === 'name' ? text : text.replace(/\/+$/, '').split('/').at(-1)!].filter(comparable)
  })
}

/** `SmolLM2-135M_Instruct` and `smollm2 135m instruct` are one name. */
export function bare (name: string): string { return name.toLowerCase().replace(/[^a-z0-9]/g, '') }

function comparable (name: string): boolean { return bare(name).length >= shortestName }

function textOf (metadata: GgufHeader['metadata'], key: string): string | undefined {
  const value = metadata.get(key)
  return typeof value === 'string' ? value : undefined
}
