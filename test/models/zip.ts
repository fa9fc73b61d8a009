import { crc32, deflateRawSync } from 'node:zlib'

export interface ZipMember {
  readonly name: string
  readonly bytes: Buffer
  /** What the archive claims instead of the truth. */
  readonly claims?: { readonly size?: number, readonly crc?: number }
}

/** A zip archive of deflated members, honest or not. */
export function zip (members: readonly ZipMember[]): Buffer {
  const bodies: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const { name, bytes, claims } of members) {
    const packed = deflateRawSync(bytes)
    const crc = claims?.crc ?? crc32(bytes)
    const size = claims?.size ?? bytes.length
    const common = Buffer.concat([u16(20), u16(0), u16(8), u32(0), u32(crc), u32(packed.length), u32(size), u16(name.length), u16(0)])
    const body = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), packed])
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02'), u16(20), common, u16(0), u16(0), u16(0), u32(0), u32(offset), Buffer.from(name)]))
    bodies.push(body)
    offset += body.length
  }
  const list = Buffer.concat(directory)
  return Buffer.concat([...bodies, list, Buffer.from('PK\x05\x06'), u16(0), u16(0), u16(members.length), u16(members.length), u32(list.length), u32(offset), u16(0)])
}

/** The least that pip takes for a wheel, with `members` in it. */
export function wheel (name: string, version: string, members: readonly ZipMember[]): Buffer {
  const info = `${name}-${version}.dist-info`
  return zip([
    ...members,
    { name: `${info}/METADATA`, bytes: Buffer.from(`Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`) },
    { name: `${info}/WHEEL`, bytes: Buffer.from('Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n') },
    { name: `${info}/RECORD`, bytes: Buffer.from('') }
  ])
}

function u16 (value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16LE(value)
  return bytes
}

function u32 (value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
