import { adapterFile, variant } from '../../test/adapters/builder.ts'

/** The lengths that say how large a model of llama's kind is. */
export interface Shape {
  readonly layers: number
  readonly width: number
  /** Of all key heads together. */
  readonly keys: number
  readonly inner: number
}

/** SmolLM2-135M. */
export const defaultShape: Shape = { layers: 30, width: 576, keys: 192, inner: 1536 }

/** Name → [in, out] of one layer's linear modules. */
export function linears ({ width, keys, inner }: Shape, layer: number): Record<string, readonly [number, number]> {
  const of = (name: string): string => `blk.${layer}.${name}.weight`
  return {
    [of('attn_q')]: [width, width],
    [of('attn_k')]: [width, keys],
    [of('attn_v')]: [width, keys],
    [of('attn_output')]: [width, width],
    [of('ffn_gate')]: [width, inner],
    [of('ffn_up')]: [width, inner],
    [of('ffn_down')]: [inner, width]
  }
}

/** Adapters as one trains them most: rank 16 on all linear modules, F16. Their weights are too small to change the text much; what they cost does not depend on that. */
export function usualAdapters (shape: Shape, count: number): Buffer[] {
  const targets = Object.assign({}, ...Array.from({ length: shape.layers }, (_, layer) => linears(shape, layer))) as Record<string, readonly [number, number]>
  const first = adapterFile({ targets, rank: 16, spread: 0.005 })
  return Array.from({ length: count }, (_, i) => i === 0 ? first : variant(first, i))
}
