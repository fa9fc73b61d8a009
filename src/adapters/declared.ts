import type { GgufHeader } from '../gguf/reader.ts'
import { problem } from '../errors.ts'
import { bare, baseNames, type BaseShape } from './base.ts'

/**
 * Which base an adapter says it was trained for. An adapter of another base
 * with the same shapes loads and answers nonsense, so its own word counts:
 * a digest decides, names can only contradict, silence is let through as
 * unverified.
 */

/** True when the file declares this very base by digest. Throws `adapter_wrong_base` when it declares another, `adapter_malformed` when it declares nonsense. */
export function checkDeclaredBase ({ metadata }: GgufHeader, base: BaseShape): boolean {
  const digest = metadata.get('engraft.base_sha256')
  if (digest !== undefined) {
    if (typeof digest !== 'string' || !/^[0-9a-f]{64}$/i.test(digest)) throw problem('adapter_malformed', { detail: 'engraft.base_sha256 is not a sha256 in hex' })
    if (digest.toLowerCase() === base.digest) return true
    throw problem('adapter_wrong_base', { found: `sha256 ${digest.toLowerCase()}`, base: base.name, expected: `sha256 ${base.digest}` })
  }
  const declared = baseNames(metadata)
  const [own] = base.names
  if (declared.length === 0 || own === undefined) return false
  if (!declared.some(name => base.names.some(other => alike(name, other)))) throw problem('adapter_wrong_base', { found: brief(declared.join(', ')), base: base.name, expected: brief(own) })
  return false
}

function alike (one: string, other: string): boolean {
  const [a, b] = [bare(one), bare(other)]
  return a.includes(b) || b.includes(a)
}

/** A text from a file in an error: one line, and never more of a hostile one than a line holds. */
export function brief (text: string): string {
  // eslint-disable-next-line no-control-regex
  return (text.length > 120 ? `${text.slice(0, 120)}…` : text).replace(/[\u0000-\u001f\u007f]/g, ' ')
}
