import type { GgufHeader, GgufTensor } from '../gguf/reader.ts'
import { problem } from '../errors.ts'
import type { BaseShape } from './base.ts'
import { storedTypes } from './finite.ts'

/** The two halves of what an adapter adds to one weight of the base. */
interface Pair { readonly weight: string, readonly a: GgufTensor, readonly b: GgufTensor }

/**
 * Ranks in use end at 256. Beyond the width of a small base (576 for the
 * default one) an adapter is larger than the weights it changes, and every
 * token pays for it.
 */
const maxRank = 1024

const embedding = 'token_embd.weight'
const head = 'output.weight'

/**
 * Fits every tensor of an adapter to the base's own. Throws
 * `adapter_incomplete`, `adapter_wrong_shape`, `adapter_malformed` (a type no
 * adapter has). Resolves to the largest rank of its pairs.
 */
export function checkShapes ({ tensors }: GgufHeader, base: BaseShape): number {
  const pairs = paired(tensors)
  let largest = 0
  for (const pair of pairs) {
    const misfit = misfitOf(pair, base)
    if (misfit !== null) throw problem('adapter_wrong_shape', { base: base.name, detail: misfit })
    largest = Math.max(largest, pair.b.shape[0]!)
  }
  for (const { name, type } of tensors) {
    if (!storedTypes.includes(type)) throw problem('adapter_malformed', { detail: `the tensor '${name}' is stored as ${type}, and an adapter's are one of ${storedTypes.join(', ')}` })
  }
  return largest
}

/** Every tensor belongs to a pair: one that does not (a norm, a whole head) is what llama.cpp would leave out without a word. */
function paired (tensors: readonly GgufTensor[]): Pair[] {
  const halves = { a: new Map<string, GgufTensor>(), b: new Map<string, GgufTensor>() }
  for (const tensor of tensors) {
    const [, weight, half] = /^(.+)\.lora_([ab])$/s.exec(tensor.name) ?? []
    if (weight === undefined) throw problem('adapter_incomplete', { detail: `the tensor ${JSON.stringify(tensor.name)} is no half of a pair (….lora_a, ….lora_b) and would be ignored, so the adapter would not do what it was trained to` })
    halves[half as 'a' | 'b'].set(weight, tensor)
  }
  const weights = [...new Set([...halves.a.keys(), ...halves.b.keys()])]
  if (weights.length === 0) throw problem('adapter_incomplete', { detail: 'it has no tensors' })
  return weights.map(weight => {
    const a = halves.a.get(weight)
    const b = halves.b.get(weight)
    if (a !== undefined && b !== undefined) return { weight, a, b }
    throw problem('adapter_incomplete', { detail: `${JSON.stringify(weight)} has only lora_${a === undefined ? 'b' : 'a'}, and its other half is missing` })
  })
}

/** Why a pair cannot be put on the base, or null: the rules of llama.cpp's loader, and those it should have. */
function misfitOf ({ weight, a, b }: Pair, base: BaseShape): string | null {
  const shape = base.tensors.get(weight)
  const tied = !base.tensors.has(head)
  if (tied && weight === head) return `it changes '${head}', and this base has none: its output head is its token embedding, so the change would be lost`
  if (shape === undefined) return `it changes ${JSON.stringify(weight)}, which this base does not have`
  // The head would be multiplied by this pair too, in a shape it does not have: that ends llama.cpp's process.
  if (tied && weight === embedding) return `it changes '${embedding}', which in this base is also the output head: llama.cpp cannot apply it to both`
  if (shape.length !== 2 || a.shape.length !== 2 || b.shape.length !== 2) return `'${weight}' is ${told(shape)} with the halves ${told(a.shape)} and ${told(b.shape)}, and only plain matrices can be adapted`

  const [inner, outer] = shape as [number, number]
  const [a0, a1] = a.shape as [number, number]
  const [rank, b1] = b.shape as [number, number]
  // Rows of the embedding are looked up, not multiplied, so llama.cpp wants its halves the other way round.
  const expected = weight === embedding ? { a: [rank, outer], b: inner } : { a: [inner, rank], b: outer }
  if (a0 !== expected.a[0] || a1 !== expected.a[1] || b1 !== expected.b) return `'${weight}' is ${told(shape)}, so its halves must be ${told(expected.a)} and ${told([rank, expected.b])}, but they are ${told(a.shape)} and ${told(b.shape)}`
  if (rank > maxRank) return `'${weight}' has the rank ${rank}; the most is ${maxRank}`
  return null
}

function told (shape: readonly number[]): string { return shape.join('×') }
