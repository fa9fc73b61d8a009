/** llama.cpp's `llama_vocab_type`s whose tokens are written otherwise than as plain text. */
const kinds = { sentencePiece: 1, bytePairs: 2 } as const

/** The bytes that a token of a vocabulary stands for, from the way the vocabulary writes it. */
export function tokenBytes (written: string, kind: number): Uint8Array {
  if (kind === kinds.sentencePiece) {
    const byte = /^<0x([0-9A-F]{2})>$/.exec(written)?.[1]
    return byte === undefined ? encoder.encode(written.replaceAll('\u2581', ' ')) : Uint8Array.of(parseInt(byte, 16))
  }
  const characters = [...written]
  // Special tokens stand for their own text.
  if (kind !== kinds.bytePairs || characters.some(character => !byteOf.has(character))) return encoder.encode(written)
  return Uint8Array.from(characters, character => byteOf.get(character) ?? 0)
}

const encoder = new TextEncoder()

/**
 * GPT-2's way to write bytes as visible characters: printable Latin-1 as
 * itself, the other 68 bytes, in order, from U+0100 on (openai/gpt-2
 * `encoder.py`, `bytes_to_unicode`).
 */
const byteOf: ReadonlyMap<string, number> = (() => {
  const map = new Map<string, number>()
  let next = 0x100
  for (let byte = 0; byte < 256; byte++) {
    const visible = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae
    map.set(String.fromCodePoint(visible ? byte : next++), byte)
  }
  return map
})()
