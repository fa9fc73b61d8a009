import { GgufError, readGguf, type GgufHeader } from '../gguf/reader.ts'
import { problem } from '../errors.ts'
import type { BaseShape } from './base.ts'
import { brief, checkDeclaredBase } from './declared.ts'
import { checkFinite } from './finite.ts'
import { checkShapes } from './shapes.ts'

export { openBase, type BaseShape } from './base.ts'

/**
 * Everything that can be known about an adapter without running it. llama.cpp
 * takes files that are wrong: without alpha it scales by 1, tensors it does
 * not know it drops, some shapes end its process. So each of these is refused
 * here first, with its own reason; only then comes a trial load.
 */

export interface AdapterFacts {
  /** The largest of its pairs. */
  readonly rank: number
  readonly alpha: number
  /** The file itself says by digest that it was trained for this very base. */
  readonly baseVerified: boolean
  /** How many tensors it has, two for each weight it changes. */
  readonly tensors: number
}

type Metadata = GgufHeader['metadata']

/**
 * Checks an adapter's file, which may have been made by anyone, against a
 * base: header, type, architecture, alpha, tensors, declared base, weights, in
 * this order. Throws `adapter_malformed`, `adapter_wrong_type`,
 * `adapter_wrong_architecture`, `adapter_incomplete`, `adapter_wrong_shape`,
 * `adapter_wrong_base`, `adapter_not_finite`; the file system's own error when
 * the file cannot be read.
 */
export async function checkAdapter (path: string, base: BaseShape): Promise<AdapterFacts> {
  const header = await readHeader(path)
  checkType(header.metadata)
  checkArchitecture(header.metadata, base)
  const alpha = alphaOf(header.metadata)
  const rank = checkShapes(header, base)
  const baseVerified = checkDeclaredBase(header, base)
  await checkFinite(path, header)
  return { rank, alpha, baseVerified, tensors: header.tensors.length }
}

async function readHeader (path: string): Promise<GgufHeader> {
  try {
    return await readGguf(path)
  } catch (thrown) {
    throw thrown instanceof GgufError ? problem('adapter_malformed', { detail: thrown.reason }, { cause: thrown }) : thrown
  }
}

function checkType (metadata: Metadata): void {
  const type = metadata.get('general.type')
  const kind = metadata.get('adapter.type')
  // Files from before general.type existed say what they are only by what else they hold.
  if (type === 'model' || (type === undefined && metadata.has('tokenizer.ggml.tokens'))) refuse('it is a whole model, which is served with --model and not put on another')
  if (type === undefined) refuse('it does not say that it is an adapter (general.type is missing)')
  if (type !== 'adapter') refuse(`general.type is ${told(type)}, not 'adapter'`)
  if (kind === undefined) refuse('it does not say which kind of adapter it is (adapter.type is missing)')
  if (kind !== 'lora') refuse(`adapter.type is ${told(kind)}, and only 'lora' is known`)
  if (metadata.has('adapter.alora.invocation_tokens')) refuse('it is an activated LoRA, which may act only after its invocation tokens, and this server would apply it everywhere')
}

function refuse (detail: string): never {
  throw problem('adapter_wrong_type', { detail })
}

function checkArchitecture (metadata: Metadata, base: BaseShape): void {
  const found = metadata.get('general.architecture')
  if (found === base.architecture) return
  throw problem('adapter_wrong_architecture', { found: typeof found === 'string' ? brief(found) : 'none', base: base.name, expected: base.architecture })
}

function alphaOf (metadata: Metadata): number {
  const alpha = metadata.get('adapter.lora.alpha')
  const detail = alpha === undefined
    ? 'it has no adapter.lora.alpha, without which it would be applied at the wrong strength'
    : `adapter.lora.alpha is ${told(alpha)}, and it must be a number above 0`
  if (typeof alpha !== 'number' || !Number.isFinite(alpha) || alpha <= 0) throw problem('adapter_incomplete', { detail })
  return alpha
}

function told (value: unknown): string {
  return typeof value === 'string' ? `'${brief(value)}'` : typeof value === 'object' ? 'a list' : String(value)
}
