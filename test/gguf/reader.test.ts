import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type Test } from 'tap'
import { GgufError, readGguf, type GgufHeader } from '../../src/gguf/reader.ts'
import { gguf, pair, seeded, smallBase, string, tensorInfo, u32, u64, type Parts } from './builder.ts'

/** What T6 of the design asks of any file: an answer within a second and 64 MiB. */
const limitMs = 1000
const limitBytes = 64 * 1024 * 1024

/** Reads bytes as a file; also sees to it that neither time nor memory runs away. */
async function read (t: Test, bytes: Buffer, keep?: (key: string) => boolean): Promise<GgufHeader | GgufError> {
  const path = join(t.testdir(), 'file.gguf')
  await writeFile(path, bytes)
  const memory = process.memoryUsage.rss()
  const began = performance.now()
  try {
    return await readGguf(path, keep === undefined ? {} : { keep })
  } catch (thrown) {
    if (thrown instanceof GgufError) return thrown
    throw thrown
  } finally {
    const ms = performance.now() - began
    const grown = process.memoryUsage.rss() - memory
    if (ms > limitMs) t.fail(`took ${ms} ms`)
    if (grown > limitBytes) t.fail(`grew by ${grown} bytes`)
  }
}

const tensor = { name: 'w', shape: [8] }
const one: Parts = { tensors: [tensor], data: 32 }
const key = (value: Buffer) => gguf({ pairs: [['k', 'raw', value]] })
const [u32Type, stringType, arrayType] = [u32(4), u32(8), u32(9)]

/** Every way to be wrong that is known, each with the words its refusal must contain. */
const hostile: Record<string, [Buffer, RegExp]> = {
  'an empty file': [Buffer.alloc(0), /is empty/],
  'three bytes': [Buffer.from('GGU'), /not a GGUF file/],
  'another kind of file': [Buffer.from('PK\x03\x04 and some more bytes of a zip'), /not a GGUF file/],
  'a web page': [Buffer.from('<!doctype html><title>Sign in</title>'), /not a GGUF file/],
  'the magic of old files': [gguf({ magic: 'ggjt' }), /not a GGUF file/],
  'only the magic': [Buffer.from('GGUF'), /ends in the middle of the version/],
  'version 1': [gguf({ version: 1 }), /version 1/],
  'version 99': [gguf({ version: 99 }), /version 99/],
  'big-endian': [gguf({ version: 0x03000000 }), /big-endian/],
  'the 24 bytes that make other readers spin': [gguf({ tensorCount: 2n ** 63n }), /over 2\^53 tensors/],
  '2^40 metadata entries': [gguf({ pairCount: 2n ** 40n }), /1099511627776 metadata entries/],
  'more metadata entries than bytes': [gguf({ pairCount: 4000 }), /ends in the middle of the metadata/],
  '2^40 tensors': [gguf({ tensorCount: 2n ** 40n }), /1099511627776 tensors/],
  'more tensors than bytes': [gguf({ tensorCount: 30_000 }), /ends in the middle of the tensor table/],
  'an array of 2^40 numbers': [key(Buffer.concat([arrayType, u32Type, u64(2n ** 40n)])), /array of 1099511627776 items/],
  'an array of 2^64-1 strings': [key(Buffer.concat([arrayType, stringType, u64(2n ** 64n - 1n)])), /array of over 2\^53 items/],
  'an array longer than the file': [key(Buffer.concat([arrayType, u32Type, u64(1_000_000)])), /ends in the middle/],
  'an array of arrays': [key(Buffer.concat([arrayType, arrayType, u64(1), arrayType, u64(1)])), /array of arrays/],
  'an array of an unknown type': [key(Buffer.concat([arrayType, u32(77), u64(1)])), /unknown value type 77/],
  'a text of 2^60 bytes': [key(Buffer.concat([stringType, u64(2n ** 60n)])), /string of over 2\^53 bytes/],
  'a text of 4 GiB': [key(Buffer.concat([stringType, u64(2n ** 32n)])), /string of 4294967296 bytes/],
  'a text longer than the file': [key(Buffer.concat([stringType, u64(1_000_000)])), /ends in the middle/],
  'an array whose second text is of 2^60 bytes': [key(Buffer.concat([arrayType, stringType, u64(100), string('a'), u64(2n ** 60n), Buffer.alloc(800)])), /string of over 2\^53 bytes/],
  'a text with a zero byte': [key(Buffer.concat([stringType, string('a\0b')])), /zero byte/],
  'an unknown value type': [key(Buffer.concat([u32(13), Buffer.alloc(8)])), /unknown value type 13/],
  'a bool of 2': [key(Buffer.concat([u32(7), Buffer.from([2])])), /bool with the value 2/],
  'an empty key': [gguf({ pairs: [['', 'uint32', 1]] }), /key of metadata entry 1 is empty/],
  'a key of 1 MiB': [gguf({ pairs: [['k'.repeat(1024 * 1024), 'uint32', 1]] }), /key of metadata entry 1 is a string of 1048576/],
  'a key twice': [gguf({ pairs: [['a', 'uint32', 1], ['a', 'uint32', 2]] }), /"a" occurs twice/],
  'kept texts of 20 MiB together': [gguf({ pairs: Array.from({ length: 20 }, (_, index) => [`k${index}`, 'string', 'x'.repeat(1024 * 1024)] as const) }), /metadata fills more than/],
  'a header beyond 64 MiB': [gguf({ pairs: Array.from({ length: 33 }, (_, index) => [`k${index}`, 'string', 'x'.repeat(2 * 1024 * 1024)] as const) }), /header is longer than/],
  'a tensor twice': [gguf({ tensors: [tensor, { ...tensor, offset: 32 }], data: 64 }), /"w" occurs twice/],
  'a tensor without a name': [gguf({ ...one, tensors: [{ name: '', shape: [8] }] }), /name of 0 bytes/],
  'a tensor with a name of 128 bytes': [gguf({ ...one, tensors: [{ name: 'n'.repeat(128), shape: [8] }] }), /name of 128 bytes/],
  'a tensor without dimensions': [gguf({ ...one, tensors: [{ name: 'w', shape: [] }] }), /0 dimensions/],
  'a tensor with 5 dimensions': [gguf({ ...one, tensors: [{ name: 'w', shape: [1, 1, 1, 1, 8] }] }), /5 dimensions/],
  'a tensor with 2^32-1 dimensions': [gguf({ ...one, tensors: [{ name: 'w', shape: [8], dimensions: 2 ** 32 - 1 }] }), /4294967295 dimensions/],
  'a dimension of 0': [gguf({ ...one, tensors: [{ name: 'w', shape: [8, 0] }] }), /dimension of 0/],
  'a dimension of -1': [gguf({ ...one, tensors: [{ name: 'w', shape: [2n ** 64n - 1n] }] }), /more elements than/],
  'dimensions whose product overflows to 0': [gguf({ ...one, tensors: [{ name: 'w', shape: [2n ** 32n, 2n ** 32n] }] }), /more elements than/],
  'a tensor larger than the file': [gguf({ ...one, tensors: [{ name: 'w', shape: [64] }] }), /behind the end of the file/],
  'a tensor at an offset behind the file': [gguf({ ...one, tensors: [{ ...tensor, offset: 4096 }] }), /4096 bytes behind the end/],
  'a tensor at offset 2^64-32': [gguf({ ...one, tensors: [{ ...tensor, offset: 2n ** 64n - 32n }] }), /behind the end of the file/],
  'a tensor off its alignment': [gguf({ tensors: [{ ...tensor, offset: 4 }], data: 64 }), /not a multiple of 32/],
  'tensors that overlap': [gguf({ tensors: [{ name: 'a', shape: [16] }, { name: 'b', shape: [8], offset: 32 }], data: 64 }), /"a" and "b" overlap/],
  'a removed tensor type': [gguf({ ...one, tensors: [{ ...tensor, type: 4 }] }), /unknown type 4/],
  'an unknown tensor type': [gguf({ ...one, tensors: [{ ...tensor, type: 2 ** 31 }] }), /unknown type 2147483648/],
  'rows that do not fill blocks': [gguf({ ...one, tensors: [{ name: 'w', shape: [33], type: 8 }] }), /blocks of 32 \(Q8_0\)/],
  'no weights after the header': [gguf({ tensors: [tensor] }), /behind the end of the file/],
  'alignment 0': [gguf({ ...one, pairs: [['general.alignment', 'uint32', 0]] }), /power of two/],
  'alignment 3': [gguf({ ...one, pairs: [['general.alignment', 'uint32', 3]] }), /power of two/],
  'alignment 2^31': [gguf({ ...one, pairs: [['general.alignment', 'uint32', 2 ** 31]] }), /power of two/],
  'an alignment in words': [gguf({ ...one, pairs: [['general.alignment', 'string', '32']] }), /power of two/]
}

for (const [what, [bytes, reason]] of Object.entries(hostile)) {
  test(`refuses ${what}`, async t => {
    const result = await read(t, bytes)
    t.ok(result instanceof GgufError)
    if (result instanceof GgufError) {
      t.match(result.reason, reason)
      t.ok(result.message.length < 1000, 'the message stays short')
    }
  })
}

test('reads every value type, shapes innermost first, and offsets', async t => {
  const header = await read(t, gguf({
    pairs: [
      ['u8', 'uint8', 200], ['i8', 'int8', -3], ['u16', 'uint16', 60000], ['i16', 'int16', -300], ['u32', 'uint32', 4e9], ['i32', 'int32', -7],
      ['f32', 'float32', 0.5], ['f64', 'float64', 0.1], ['yes', 'bool', true], ['no', 'bool', false], ['u64', 'uint64', 2 ** 40], ['i64', 'int64', -5],
      ['text', 'string', 'grüße'], ['list', 'strings', ['a', '', 'ü']], ['large', 'int64s', [2n ** 62n, -1n]], ['empty', 'uint32s', []]
    ],
    tensors: [{ name: 'a', shape: [256, 3], type: 14 }, { name: 'b', shape: [2, 3, 4, 5], offset: 640 }],
    data: 640 + 480
  }))
  if (header instanceof GgufError) throw header
  t.equal(header.version, 3)
  t.strictSame(Object.fromEntries(header.metadata), {
    u8: 200,
    i8: -3,
    u16: 60000,
    i16: -300,
    u32: 4e9,
    i32: -7,
    f32: 0.5,
    f64: 0.1,
    yes: true,
    no: false,
    u64: 2 ** 40,
    i64: -5,
    text: 'grüße',
    list: { type: 'string', length: 3, items: ['a', '', 'ü'] },
    large: { type: 'int64', length: 2, items: [2n ** 62n, -1] },
    empty: { type: 'uint32', length: 0, items: [] }
  })
  t.strictSame(header.tensors, [
    { name: 'a', shape: [256, 3], type: 'Q6_K', offset: 0, bytes: 630 },
    { name: 'b', shape: [2, 3, 4, 5], type: 'F32', offset: 640, bytes: 480 }
  ])
  t.equal(header.dataOffset % 32, 0)
})

test('reads version 2 and other alignments', async t => {
  const second = await read(t, gguf({ ...one, version: 2 }))
  t.match(second, { version: 2, tensors: [{ name: 'w', bytes: 32 }] })
  const wide = await read(t, gguf({ pairs: [['general.alignment', 'uint32', 4096]], tensors: [tensor], data: 4096, alignment: 4096 }))
  t.match(wide, { dataOffset: 4096 })
})

test('keeps long arrays only when asked, and never long texts', async t => {
  const items = Array.from({ length: 1000 }, (_, index) => `token ${index}`)
  const bytes = gguf({ pairs: [['tokens', 'strings', items], ['scores', 'uint32s', items.map((_, index) => index)], ['book', 'string', 'x'.repeat(2 * 1024 * 1024)]] })
  const bare = await read(t, bytes)
  if (bare instanceof GgufError) throw bare
  t.strictSame(bare.metadata.get('tokens'), { type: 'string', length: 1000, items: null })
  t.strictSame(bare.metadata.get('scores'), { type: 'uint32', length: 1000, items: null })
  t.strictSame(bare.metadata.get('book'), { type: 'uint8', length: 2 * 1024 * 1024, items: null })
  const full = await read(t, bytes, key => key === 'tokens')
  if (full instanceof GgufError) throw full
  t.strictSame(full.metadata.get('tokens'), { type: 'string', length: 1000, items })
  t.match(full.metadata.get('scores'), { items: null })
})

test('a vocabulary beyond the ceiling is refused even when asked for', async t => {
  const result = await read(t, gguf({ pairs: [['tokens', 'strings', Array.from({ length: 1_000_000 }, () => '')]] }), () => true)
  t.match(result, { reason: /metadata fills more than/ })
})

test('four million empty texts are passed over within a second', async t => {
  const bytes = gguf({ pairs: [['tokens', 'raw', Buffer.concat([arrayType, stringType, u64(4 * 1024 * 1024), Buffer.alloc(8 * 4 * 1024 * 1024)])]] })
  t.match(await read(t, bytes), { tensors: [] })
})

test('a file cut at any byte is refused and whole it is read', async t => {
  const whole = smallBase()
  t.notOk(await read(t, whole) instanceof GgufError)
  for (let end = 0; end < whole.length; end++) {
    const result = await read(t, whole.subarray(0, end))
    if (!(result instanceof GgufError)) t.fail(`cut at ${end} of ${whole.length} was read`)
  }
})

test('two thousand seeded mutations each end in a clear refusal or a possible header', async t => {
  const whole = smallBase([['general.alignment', 'uint32', 32], ['general.tags', 'strings', ['x', 'y']], ['n', 'uint64', 7]])
  const header = whole.length - 128
  const extremes = [0n, 1n, 2n ** 16n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 40n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]
  let [refused, parsed] = [0, 0]
  for (let seed = 1; seed <= 2000; seed++) {
    const die = seeded(seed)
    const bytes = Buffer.from(whole)
    for (let change = die(4); change >= 0; change--) {
      const at = die(header)
      if (die(2) === 0) bytes[at] = die(256)
      else bytes.writeBigUInt64LE(extremes[die(extremes.length)]!, at)
    }
    const result = await read(t, bytes)
    if (result instanceof GgufError) {
      refused++
      if (result.reason.length === 0) t.fail(`seed ${seed}: no reason`)
      continue
    }
    parsed++
    for (const { name, offset, bytes: length } of result.tensors) {
      if (result.dataOffset + offset + length > bytes.length) t.fail(`seed ${seed}: ${name} reaches beyond the file`)
    }
  }
  t.ok(refused > 500, `${refused} refused`)
  t.ok(parsed > 50, `${parsed} read`)
})

test('a folder and a missing file are told apart from a bad one', async t => {
  const dir = t.testdir()
  await t.rejects(readGguf(dir), { name: 'GgufError', reason: /not a regular file/ })
  await t.rejects(readGguf(join(dir, 'none.gguf')), { code: 'ENOENT' })
})

test('the builder itself writes what the format says', async t => {
  t.equal(pair(['k', 'uint32', 1]).toString('hex'), '01000000000000006b0400000001000000')
  t.equal(tensorInfo({ name: 'w', shape: [8] }).toString('hex'), '0100000000000000770100000008000000000000000000000000000000' + '00000000')
})
