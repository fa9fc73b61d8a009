import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import tap, { type Test, test } from 'tap'
import { type AdapterFacts, type BaseShape, checkAdapter, openBase } from '../../src/adapters/check.ts'
import { PublicError } from '../../src/errors.ts'
import { gguf, type Pair, seeded, u32, u64 } from '../gguf/builder.ts'
import { baseModel } from '../support/model.ts'
import { adapterFile, type AdapterOptions, assemble, fromHalf, type LoraTensor, tensor, tensorTable, toHalf, variant } from './builder.ts'

/** What the design asks of any file: an answer within a second and 64 MiB. */
const limitMs = 1000
const limitBytes = 64 * 1024 * 1024

const folder = mkdtempSync(join(tmpdir(), 'engraft-'))
tap.teardown(() => { rmSync(folder, { recursive: true, force: true }) })
const file = await baseModel()
const base = await openBase({ name: file.name, path: file.path, digest: file.sha256 })
const fixtures = ['support', 'json'].map(name => readFileSync(fileURLToPath(new URL(`../fixtures/smollm2-${name}.gguf`, import.meta.url))))

/** Checks bytes as a file; also sees to it that neither time nor memory runs away. */
async function check (t: Test, bytes: Buffer, against: BaseShape = base): Promise<AdapterFacts | PublicError> {
  const path = join(folder, 'adapter.gguf')
  await writeFile(path, bytes)
  const memory = process.memoryUsage.rss()
  const began = performance.now()
  try {
    return await checkAdapter(path, against)
  } catch (thrown) {
    if (thrown instanceof PublicError) return thrown
    throw thrown
  } finally {
    const ms = performance.now() - began
    const grown = process.memoryUsage.rss() - memory
    if (ms > limitMs) t.fail(`took ${ms} ms`)
    if (grown > limitBytes) t.fail(`grew by ${grown} bytes`)
  }
}

test('the two fixtures pass against the default base, and so do their variants', async t => {
  for (const fixture of fixtures) {
    const facts = { rank: 4, alpha: 8, baseVerified: false, tensors: 240 }
    t.strictSame(await check(t, fixture), facts)
    t.strictSame(await check(t, variant(fixture, 1)), facts)
  }
})

test('the builder makes as many different valid adapters as are wanted, the same for the same seed', async t => {
  const made = Array.from({ length: 64 }, (_, seed) => adapterFile({ seed }))
  t.equal(new Set(made.map(bytes => bytes.toString('base64'))).size, 64)
  t.strictSame(adapterFile({ seed: 7 }), made[7])
  for (const bytes of made.slice(0, 8)) t.match(await check(t, bytes), { rank: 4, tensors: 8 })

  const [fixture] = fixtures as [Buffer]
  const variants = Array.from({ length: 8 }, (_, seed) => variant(fixture, seed))
  t.equal(new Set([fixture, ...variants].map(bytes => bytes.toString('base64'))).size, 9)
  t.strictSame(variant(fixture, 3), variants[3])
  t.strictSame(Array.from({ length: 0x7c00 }, (_, bits) => toHalf(fromHalf(bits))), Array.from({ length: 0x7c00 }, (_, bits) => bits), 'its float16 is exact')
})

test('every type of weights, mixed ranks and ranks up to the most pass', async t => {
  for (const type of ['F32', 'F16', 'BF16'] as const) t.match(await check(t, adapterFile({ type })), { rank: 4 }, type)
  t.match(await check(t, adapterFile({ type: 'Q8_0', rank: 32 })), { rank: 32 }, 'Q8_0')
  t.match(await check(t, adapterFile({ rank: 1, pairs: [['adapter.lora.alpha', 'float32', 0.5]] })), { rank: 1, alpha: 0.5 })
  t.match(await check(t, adapterFile({ rank: 1024 })), { rank: 1024 })
  t.match(await check(t, adapterFile({ change: tensors => [...tensors.slice(0, 2), ...pairOf('blk.3.attn_k.weight', 576, 192, 9)] })), { rank: 9, tensors: 4 }, 'the largest rank is told')
  t.match(await check(t, adapterFile({ pairs: [['adapter.lora.task_name', 'string', 'x'], ['engraft.dataset_sha256', 'string', 'ab'], ['general.tags', 'strings', ['a']]] })), { rank: 4 }, 'keys nobody knows are ignored')
})

const odd = (change: AdapterOptions['change'], more: AdapterOptions = {}) => adapterFile({ ...more, ...(change !== undefined && { change }) })
const withPairs = (...pairs: Pair[]) => adapterFile({ pairs })
const named = (from: string, to: string) => odd(tensors => tensors.map(tensor => ({ ...tensor, name: tensor.name.replace(from, to) })))
const valid = adapterFile()

/** Every way to be wrong that is known, each with its code and words of its reason. */
const bad: Record<string, [Buffer, string, RegExp]> = {
  'an empty file': [Buffer.alloc(0), 'adapter_malformed', /it is empty/],
  'a web page': [Buffer.from('<!doctype html><title>Sign in</title>'), 'adapter_malformed', /not a GGUF file/],
  safetensors: [Buffer.concat([u64(90), Buffer.from('{"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight":{}}'.padEnd(90))]), 'adapter_malformed', /not a GGUF file/],
  'a zip': [Buffer.from('PK\x03\x04 and more bytes of a zip'), 'adapter_malformed', /not a GGUF file/],
  'a file cut in its header': [valid.subarray(0, 300), 'adapter_malformed', /damaged or incomplete/],
  'a file cut in its weights': [valid.subarray(0, -2000), 'adapter_malformed', /behind the end of the file/],
  '2^40 metadata entries': [gguf({ pairCount: 2n ** 40n }), 'adapter_malformed', /1099511627776 metadata entries/],
  '2^40 tensors': [gguf({ tensorCount: 2n ** 40n }), 'adapter_malformed', /1099511627776 tensors/],
  '2^63 tensors in 24 bytes': [gguf({ tensorCount: 2n ** 63n }), 'adapter_malformed', /over 2\^53 tensors/],
  'an array of 2^40 numbers': [withPairs(['x', 'raw', Buffer.concat([u32(9), u32(4), u64(2n ** 40n)])]), 'adapter_malformed', /array of 1099511627776 items/],
  'a text of 2^60 bytes': [withPairs(['x', 'raw', Buffer.concat([u32(8), u64(2n ** 60n)])]), 'adapter_malformed', /string of over 2\^53 bytes/],
  'a name of 10 kB': [named('blk.10', 'n'.repeat(10_000)), 'adapter_malformed', /name of 100\d\d bytes/],

  'a whole model': [withPairs(['general.type', 'string', 'model']), 'adapter_wrong_type', /whole model.*--model/],
  'a whole model from before types': [adapterFile({ without: ['general.type'], pairs: [['tokenizer.ggml.tokens', 'strings', ['a']]] }), 'adapter_wrong_type', /whole model/],
  'no type': [adapterFile({ without: ['general.type'] }), 'adapter_wrong_type', /general\.type is missing/],
  'a vision projector': [withPairs(['general.type', 'string', 'mmproj']), 'adapter_wrong_type', /'mmproj'/],
  'a type that is a number': [withPairs(['general.type', 'uint32', 7]), 'adapter_wrong_type', /general\.type is 7/],
  'no adapter type': [adapterFile({ without: ['adapter.type'] }), 'adapter_wrong_type', /adapter\.type is missing/],
  'another kind of adapter': [withPairs(['adapter.type', 'string', 'dora\n\x1b[2J' + 'x'.repeat(10_000)]), 'adapter_wrong_type', /^This file is not a LoRA adapter: adapter\.type is 'dora {2}\[2Jx{1,120}…'/],
  'an activated LoRA': [withPairs(['adapter.alora.invocation_tokens', 'uint32s', [1, 2]]), 'adapter_wrong_type', /invocation tokens/],

  'another architecture': [withPairs(['general.architecture', 'string', 'qwen3']), 'adapter_wrong_architecture', /'qwen3'.*'smollm2-135m' is 'llama'/],
  'no architecture': [adapterFile({ without: ['general.architecture'] }), 'adapter_wrong_architecture', /'none'/],

  'no alpha': [adapterFile({ without: ['adapter.lora.alpha'] }), 'adapter_incomplete', /no adapter\.lora\.alpha/],
  'alpha 0': [withPairs(['adapter.lora.alpha', 'float32', 0]), 'adapter_incomplete', /alpha is 0/],
  'alpha below 0': [withPairs(['adapter.lora.alpha', 'float32', -8]), 'adapter_incomplete', /alpha is -8/],
  'alpha NaN': [withPairs(['adapter.lora.alpha', 'float32', NaN]), 'adapter_incomplete', /alpha is NaN/],
  'alpha infinite': [withPairs(['adapter.lora.alpha', 'float32', Infinity]), 'adapter_incomplete', /alpha is Infinity/],
  'alpha as a text': [withPairs(['adapter.lora.alpha', 'string', '8']), 'adapter_incomplete', /alpha is '8'/],

  'no tensors': [adapterFile({ targets: {} }), 'adapter_incomplete', /no tensors/],
  'a lora_b missing': [odd(tensors => tensors.slice(0, -1)), 'adapter_incomplete', /"blk\.20\.attn_v\.weight" has only lora_a/],
  'a lora_a missing': [odd(tensors => tensors.slice(1)), 'adapter_incomplete', /"blk\.10\.attn_q\.weight" has only lora_b/],
  'a norm, which llama.cpp drops': [odd(tensors => [...tensors, plain('blk.0.attn_norm.weight', [576])]), 'adapter_incomplete', /"blk\.0\.attn_norm\.weight" is no half of a pair.*ignored/],
  'a whole head': [odd(tensors => [...tensors, plain('output.weight', [576, 64])]), 'adapter_incomplete', /"output\.weight" is no half of a pair/],
  'a bias': [odd(tensors => [...tensors, plain('blk.0.attn_q.bias', [576])]), 'adapter_incomplete', /no half of a pair/],
  'a DoRA magnitude': [odd(tensors => [...tensors, plain('blk.10.attn_q.weight.lora_magnitude', [576])]), 'adapter_incomplete', /lora_magnitude" is no half/],
  'a suffix without a name': [odd(tensors => [...tensors, plain('.lora_a', [4, 4])]), 'adapter_incomplete', /"\.lora_a" is no half/],

  'a layer the base does not have': [named('blk.10', 'blk.30'), 'adapter_wrong_shape', /'smollm2-135m': it changes "blk\.30\.attn_q\.weight", which this base does not have/],
  'names from before conversion': [named('blk.10.attn_q', 'model.layers.10.self_attn.q_proj'), 'adapter_wrong_shape', /does not have/],
  'another width': [adapterFile({ targets: { 'blk.0.attn_q.weight': [960, 960] } }), 'adapter_wrong_shape', /'blk\.0\.attn_q\.weight' is 576×576.*576×4 and 4×576.*960×4 and 4×960/],
  'a lora_a that is transposed': [odd(tensors => tensors.map((tensor, index) => index === 0 ? { ...tensor, shape: tensor.shape.toReversed() } : tensor)), 'adapter_wrong_shape', /they are 4×576 and 4×576/],
  'halves of different ranks': [odd(tensors => [pairOf('blk.0.attn_q.weight', 576, 576, 4)[0]!, pairOf('blk.0.attn_q.weight', 576, 576, 8)[1]!, ...tensors]), 'adapter_wrong_shape', /576×8 and 8×576.*576×4 and 8×576/],
  'a rank of 1025': [adapterFile({ rank: 1025 }), 'adapter_wrong_shape', /rank 1025; the most is 1024/],
  'a norm as a pair': [adapterFile({ targets: { 'blk.0.attn_norm.weight': [576, 1] } }), 'adapter_wrong_shape', /only plain matrices/],
  'halves with three dimensions': [odd(tensors => tensors.map(tensor => ({ ...tensor, shape: [...tensor.shape, 1] }))), 'adapter_wrong_shape', /576×4×1.*only plain matrices/],
  'the head of a base whose head is its embedding': [adapterFile({ targets: { 'output.weight': [576, 49_152] }, rank: 1 }), 'adapter_wrong_shape', /'output\.weight'.*would be lost/],
  'the embedding of such a base': [adapterFile({ targets: { 'token_embd.weight': [576, 49_152] }, rank: 1 }), 'adapter_wrong_shape', /also the output head/],
  'weights in 4 bits': [adapterFile({ rank: 32, change: tensors => [...tensors, ...pairOf('blk.0.attn_q.weight', 576, 576, 32, 'Q4_0')] }), 'adapter_malformed', /'blk\.0\.attn_q\.weight\.lora_a' is stored as Q4_0/],

  'another base by digest': [withPairs(['engraft.base_sha256', 'string', 'ab'.repeat(32)]), 'adapter_wrong_base', /\(sha256 abab.*'smollm2-135m' \(sha256 b179c952/],
  'another base by digest, though of the same name': [withPairs(['engraft.base_sha256', 'string', 'ab'.repeat(32)], ['general.base_model.0.name', 'string', 'SmolLM2 135M Instruct']), 'adapter_wrong_base', /sha256 abab/],
  'a declared digest that is none': [withPairs(['engraft.base_sha256', 'string', 'b179']), 'adapter_malformed', /engraft\.base_sha256 is not a sha256/],
  'another size of the base': [withPairs(['general.base_model.0.name', 'string', 'SmolLM2 360M Instruct']), 'adapter_wrong_base', /SmolLM2 360M Instruct.*Smollm2 135M/],
  'another base by address': [withPairs(['general.base_model.0.repo_url', 'string', 'https://huggingface.co/Qwen/Qwen3-0.6B/']), 'adapter_wrong_base', /\(Qwen3-0\.6B\)/]
}

test('every known way to be wrong is refused with its own code and reason', async t => {
  t.ok(Object.keys(bad).length > 40)
  for (const [name, [bytes, code, reason]] of Object.entries(bad)) {
    const found = await check(t, bytes)
    t.match(found, { code, message: reason }, name)
    if (found instanceof PublicError && found.message.length > 700) t.fail(`${name}: ${found.message.length} characters`)
  }
})

test('a weight that is not finite is found wherever it is, and the first tensor is named', async t => {
  const all = 'blk.10.attn_q.weight.lora_a'
  for (const type of ['F32', 'F16', 'BF16'] as const) {
    for (const value of [NaN, Infinity, -Infinity]) {
      for (const place of [0, 1, 576 * 4 - 1]) {
        let count = 0
        const bytes = odd(tensors => tensors.map(other => other.name === all ? tensor(all, [576, 4], type, () => count++ === place ? value : 0.5) : other), { type })
        t.match(await check(t, bytes), { code: 'adapter_not_finite', status: 422, message: /the first is in the tensor 'blk\.10\.attn_q\.weight\.lora_a'/ }, `${type} ${value} at ${place}`)
      }
    }
    t.match(await check(t, adapterFile({ type, spread: 6e4 })), { rank: 4 }, `${type} of large weights`)
  }
  for (const block of [0, 17, 71]) {
    const bytes = odd(tensors => tensors.map((tensor, index) => index < 2 ? tensor : { ...tensor, data: spoilt(tensor, block * 34) }), { type: 'Q8_0', rank: 32 })
    t.match(await check(t, bytes), { code: 'adapter_not_finite', message: /'blk\.10\.attn_v\.weight\.lora_a'/ }, `scale of Q8_0 block ${block}`)
  }
  const last = Buffer.from(fixtures[0]!)
  const { tensors, dataOffset } = tensorTable(last)
  const { name, shape, offset } = tensors.at(-1)!
  last.writeUInt16LE(0x7e00, dataOffset + offset + (shape[0]! * shape[1]! - 1) * 2)
  t.match(await check(t, last), { code: 'adapter_not_finite', message: new RegExp(name) }, 'the last weight of a fixture')
})

test('checks come in their order: of two faults the earlier is told', async t => {
  const faults: [AdapterOptions, string][] = [
    [{ pairs: [['adapter.type', 'string', 'x']] }, 'adapter_wrong_type'],
    [{ pairs: [['general.architecture', 'string', 'x']] }, 'adapter_wrong_architecture'],
    [{ without: ['adapter.lora.alpha'] }, 'adapter_incomplete'],
    [{ targets: { 'blk.99.attn_q.weight': [576, 576] } }, 'adapter_wrong_shape'],
    [{ pairs: [['engraft.base_sha256', 'string', '0'.repeat(64)]] }, 'adapter_wrong_base'],
    [{ spread: Infinity }, 'adapter_not_finite']
  ]
  for (let first = 0; first < faults.length; first++) {
    const rest = faults.slice(first).map(([options]) => options)
    const options = rest.reduce((all, one) => ({ ...all, ...one, pairs: [...all.pairs ?? [], ...one.pairs ?? []] }), {})
    t.match(await check(t, adapterFile(options)), { code: faults[first]![1] })
  }
})

test('a base that is declared by its digest is verified, whatever names are there', async t => {
  const other: Pair = ['general.base_model.0.name', 'string', 'Something Else']
  t.match(await check(t, withPairs(['engraft.base_sha256', 'string', base.digest])), { baseVerified: true })
  t.match(await check(t, withPairs(['engraft.base_sha256', 'string', base.digest.toUpperCase()], other)), { baseVerified: true })
  t.match(await check(t, valid), { baseVerified: false }, 'none is declared')
})

test('names by which people call the default base are let through as unverified', async t => {
  for (const name of ['SmolLM2-135M-Instruct', 'SmolLM2 135M Instruct', 'Smollm2 135M 8k Lc100K Mix1 Ep2', 'HuggingFaceTB/SmolLM2-135M-Instruct', 'unsloth/smollm2-135m-instruct-bnb-4bit', 'SmolLM2', 'smollm2-135m', 'SmolLM2_135M']) {
    t.match(await check(t, withPairs(['general.base_model.count', 'uint32', 1], ['general.base_model.0.name', 'string', name])), { baseVerified: false, rank: 4 }, name)
  }
  const url: Pair = ['general.base_model.0.repo_url', 'string', 'https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct']
  t.match(await check(t, withPairs(url)), { baseVerified: false, rank: 4 })
  t.match(await check(t, withPairs(['general.base_model.0.name', 'string', 'Base'], url)), { rank: 4 }, 'one that fits is enough')
  t.match(await check(t, withPairs(['general.base_model.0.name', 'string', '模型'])), { rank: 4 }, 'a name with nothing to compare says nothing')
})

test('a base is known by its own bases and by its public name, and one without a name contradicts nobody', async t => {
  const declared = withPairs(['general.base_model.0.name', 'string', 'Acme House 1B'])
  t.match(await check(t, declared), { code: 'adapter_wrong_base' })
  const made = async (name: string, ...pairs: Pair[]) => await small(name, [['general.architecture', 'string', 'llama'], ...pairs])
  const shapes = { tensors: base.tensors }
  t.match(await check(t, declared, { ...await made('acme-house', ['general.name', 'string', 'Models']), ...shapes }), { rank: 4 }, 'public name')
  t.match(await check(t, declared, { ...await made('x', ['general.name', 'string', 'Tuned'], ['general.base_model.0.name', 'string', 'House']), ...shapes }), { rank: 4 }, 'made from it')
  t.match(await check(t, declared, { ...await made('x', ['general.basename', 'string', 'acme-house'], ['general.size_label', 'string', '1B'], ['general.finetune', 'string', 'chat']), ...shapes }), { rank: 4 }, 'basename, size and finetune')
  t.match(await check(t, withPairs(['general.base_model.0.name', 'string', 'Acme House 1B Instruct']), { ...await made('x', ['general.basename', 'string', 'acme-house'], ['general.size_label', 'string', '1B'], ['general.finetune', 'string', 'chat']), ...shapes }), { rank: 4 }, 'basename and size')
  t.match(await check(t, declared, { ...await made('b', ['general.name', 'string', 'Tuned']), ...shapes }), { code: 'adapter_wrong_base', message: /\(Tuned\)/ }, 'a public name of one letter matches nothing')
  t.match(await check(t, declared, { ...await made('smollm2-135m'), ...shapes }), { rank: 4 }, 'no name of its own')
})

test('where a base has a head of its own, its head and embedding can be adapted, the embedding the other way round', async t => {
  const untied = await small('untied', [['general.architecture', 'string', 'llama']], [plain('token_embd.weight', [8, 32]), plain('output.weight', [8, 32])])
  t.match(await check(t, adapterFile({ targets: { 'output.weight': [8, 32] }, rank: 2 }), untied), { rank: 2 })
  const embedding = (a: number[], b: number[]) => adapterFile({ targets: {}, change: () => [plain('token_embd.weight.lora_a', a), plain('token_embd.weight.lora_b', b)] })
  t.match(await check(t, embedding([2, 32], [2, 8]), untied), { rank: 2 })
  t.match(await check(t, embedding([8, 2], [2, 32]), untied), { code: 'adapter_wrong_shape', message: /must be 2×32 and 2×8/ })
})

test('large weights are read in bounded memory, and other work gets its turns meanwhile', async t => {
  // As wide as two halves of rank 1024 need to be to hold 128 MiB of zeros.
  const wide: BaseShape = { ...base, tensors: new Map([['blk.0.attn_q.weight', [16_384, 16_384]]]) }
  const zeros = Buffer.alloc(16_384 * 1024 * 4)
  const bytes = adapterFile({ targets: {}, change: () => [{ name: 'blk.0.attn_q.weight.lora_a', shape: [16_384, 1024], type: 'F32', data: zeros }, { name: 'blk.0.attn_q.weight.lora_b', shape: [1024, 16_384], type: 'F32', data: zeros }] })
  let turns = 0
  let working = true
  const other = (): void => { if (working) { turns++; setImmediate(other) } }
  setImmediate(other)
  const path = join(folder, 'large.gguf')
  await writeFile(path, bytes)
  const [memory, before] = [process.memoryUsage.rss(), turns]
  t.match(await checkAdapter(path, wide), { rank: 1024, tensors: 2 })
  working = false
  t.ok(turns - before >= 128, `${turns - before} turns while 128 chunks were read`)
  t.ok(process.memoryUsage.rss() - memory < limitBytes)

  const last = Buffer.alloc(4)
  last.writeFloatLE(NaN)
  const written = await open(path, 'r+')
  await written.write(last, 0, 4, bytes.length - 4)
  await written.close()
  await t.rejects(checkAdapter(path, wide), { code: 'adapter_not_finite', message: /lora_b/ }, 'the very last weight')
})

test('mutated fixtures are refused with a code or are valid, quickly and in little memory', async t => {
  const random = seeded(42)
  const codes = new Map<string, number>()
  const began = process.memoryUsage.rss()
  const [fixture] = fixtures as [Buffer]
  const { dataOffset } = tensorTable(fixture)
  // Where the tensor table begins: after the pairs.
  const table = fixture.indexOf('blk.0.attn_q.weight.lora_a') - 8
  // One buffer for all rounds, so that what grows is not the test's own garbage.
  const bytes = Buffer.from(fixture)
  for (let round = 0; round < 400; round++) {
    fixture.copy(bytes)
    const [from, to] = round % 2 === 0 ? [0, table] : [table, dataOffset]
    for (let left = 1 + random(8); left > 0; left--) bytes[from + random(to - from)] = random(256)
    const found = await check(t, round % 5 === 0 ? bytes.subarray(0, random(bytes.length)) : bytes)
    const code = found instanceof PublicError ? found.code : 'valid'
    if (code !== 'valid' && !code.startsWith('adapter_')) t.fail(`round ${round}: ${code}`)
    codes.set(code, (codes.get(code) ?? 0) + 1)
  }
  t.ok(codes.size >= 5, `the mutations reach many of the checks: ${JSON.stringify(Object.fromEntries(codes))}`)
  t.ok(process.memoryUsage.rss() - began < limitBytes)
})

test('a file that is not there is the file system\'s error, not the adapter\'s', async t => {
  await t.rejects(checkAdapter(join(folder, 'nothing.gguf'), base), { code: 'ENOENT' })
})

test('a base whose file names no architecture is refused', async t => {
  await t.rejects(small('x', []), { name: 'GgufError', message: /names no architecture/ })
})

/** A base of these parts. */
async function small (name: string, pairs: readonly Pair[], tensors: readonly LoraTensor[] = []): Promise<BaseShape> {
  const path = join(folder, 'base.gguf')
  await writeFile(path, assemble(pairs, tensors))
  return await openBase({ name, path, digest: 'cd'.repeat(32) })
}

function plain (name: string, shape: readonly number[]): LoraTensor { return tensor(name, shape, 'F32', () => 0.01) }

function pairOf (weight: string, inner: number, outer: number, rank: number, type: LoraTensor['type'] = 'F16'): LoraTensor[] {
  return [tensor(`${weight}.lora_a`, [inner, rank], type, () => 0.01), tensor(`${weight}.lora_b`, [rank, outer], type, () => 0.01)]
}

/** With an infinite float16 at a byte. */
function spoilt ({ data }: LoraTensor, at: number): Buffer {
  const bytes = Buffer.from(data)
  bytes.writeUInt16LE(0x7c00, at)
  return bytes
}
