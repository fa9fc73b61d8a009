import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import type { GgufHeader, GgufTensor } from '../gguf/reader.ts'
import { problem } from '../errors.ts'

/** Read at a time: few calls, and under a millisecond of looking before other work gets its turn. */
const chunk = 1024 * 1024

/**
 * How each type an adapter may be stored in is looked at. A float is infinite
 * or no number exactly when all bits of its exponent are set. `width` and
 * `exponent` are of the words that carry one, `stride` counts words from one
 * to the next: a Q8_0 block is an F16 scale and 32 whole numbers.
 */
const layouts: Readonly<Record<string, { readonly width: 2 | 4, readonly exponent: number, readonly stride: number }>> = {
  F32: { width: 4, exponent: 0x7f80_0000, stride: 1 },
  F16: { width: 2, exponent: 0x7c00, stride: 1 },
  BF16: { width: 2, exponent: 0x7f80, stride: 1 },
  Q8_0: { width: 2, exponent: 0x7c00, stride: 17 }
}

/** The types an adapter's weights may be stored in. */
export const storedTypes: readonly string[] = Object.keys(layouts)

/**
 * Reads all weights, a chunk at a time, with room for other work between.
 * Throws `adapter_not_finite` with the first tensor that holds a weight that
 * is not finite. The tensors' types must be of `storedTypes`.
 */
export async function checkFinite (path: string, header: GgufHeader): Promise<void> {
  await using file = await open(path, constants.O_RDONLY)
  const buffer = new ArrayBuffer(chunk)
  for (const tensor of header.tensors) {
    if (!await isFinite(file, header.dataOffset + tensor.offset, tensor, buffer)) throw problem('adapter_not_finite', { detail: `the first is in the tensor '${tensor.name}'` })
  }
}

async function isFinite (file: FileHandle, start: number, { type, bytes }: GgufTensor, buffer: ArrayBuffer): Promise<boolean> {
  const { width, exponent, stride } = layouts[type]!
  const block = width * stride
  // Whole blocks, so that each chunk begins with one.
  const step = Math.floor(chunk / block) * block
  for (let at = 0; at < bytes; at += step) {
    const length = Math.min(step, bytes - at)
    await fill(file, new Uint8Array(buffer, 0, length), start + at)
    const words = width === 4 ? new Uint32Array(buffer, 0, length / 4) : new Uint16Array(buffer, 0, length / 2)
    for (let index = 0; index < words.length; index += stride) {
      if ((words[index]! & exponent) === exponent) return false
    }
  }
  return true
}

async function fill (file: FileHandle, target: Uint8Array, position: number): Promise<void> {
  for (let filled = 0; filled < target.length;) {
    const { bytesRead } = await file.read(target, filled, target.length - filled, position + filled)
    if (bytesRead === 0) throw problem('adapter_malformed', { detail: 'it became shorter while it was read' })
    filled += bytesRead
  }
}
