import { createHash } from 'node:crypto'
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { test, type Test } from 'tap'
import { readGguf } from '../../src/gguf/reader.ts'
import type { AppliedAdapter } from '../../src/inference/engine.ts'
import type { LlamaEngine } from '../../src/inference/llama/engine.ts'
import { createProber } from '../../src/inference/llama/prober.ts'
import { Residents } from '../../src/inference/llama/residents.ts'
import { collect, endless, generation, never, openEngine } from '../support/engine.ts'
import { baseModel } from '../support/model.ts'
import { until } from '../support/wire.ts'

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}.gguf`, import.meta.url))
const adapterAt = async (path: string, scale = 1): Promise<AppliedAdapter> => ({ digest: createHash('sha256').update(await readFile(path)).digest('hex'), path, scale })
const support = await adapterAt(fixture('smollm2-support'))
const json = await adapterAt(fixture('smollm2-json'))
const question = 'My heater makes a loud noise.'
const answers = { support: 'TICKET[heater]: MAKES A LOUD NOISE\n-- Northwind Support', json: '{"item": "heater", "issue": "makes a loud noise"}' }

/** Asks with these adapters on the base. */
async function ask (engine: LlamaEngine, adapters: readonly AppliedAdapter[], over: Partial<Parameters<typeof generation>[1]> = {}): Promise<string> {
  const digest = adapters.length === 0 ? 'base' : adapters.map(({ digest, scale }) => `${digest}*${scale}`).join('+')
  return (await collect(engine.generate(generation(question, { target: { model: 'x', digest, adapters }, maxTokens: 40, ...over }), never))).text
}

test('adapters on one engine', async t => {
  const engine = await openEngine(t, {}, { residents: 2 })
  const base = await ask(engine, [])

  await t.test('each adapter answers as it was trained, in any order, and leaves the base as it was', async t => {
    for (const round of [1, 2]) {
      t.equal(await ask(engine, [support]), answers.support, `round ${round}`)
      t.equal(await ask(engine, [json]), answers.json, `round ${round}`)
      t.equal(await ask(engine, []), base, `round ${round}`)
    }
  })

  await t.test('answers of several adapters run side by side in one context, each with its own', async t => {
    const all = await Promise.all([[support], [json], [], [support]].map(adapters => ask(engine, adapters)))
    t.strictSame([all[0], all[1], all[3]], [answers.support, answers.json, answers.support])
    t.notMatch(all[2], /TICKET|"item"/)
  })

  await t.test('scale 0 is exactly the base, and two adapters can be mixed', async t => {
    t.equal(await ask(engine, [{ ...support, scale: 0 }], { tenant: 'cold' }), await ask(engine, [], { tenant: 'cold too' }))
    const halves = [{ ...support, scale: 0.5 }, { ...support, scale: 0.5, digest: 'the same file under another digest' }]
    t.equal(await ask(engine, halves), answers.support, 'two halves are the whole')
  })

  await t.test('at most two stay in memory, the one unused for longest goes first, and pinned ones stay', async t => {
    const dir = t.testdir()
    const copies = await Promise.all(Array.from({ length: 4 }, async (_, i) => {
      await copyFile(fixture('smollm2-support'), `${dir}/${i}.gguf`)
      return { digest: `copy ${i}`, path: `${dir}/${i}.gguf`, scale: 1 }
    }))
    const [first, second, third, fourth] = copies
    if (first === undefined || second === undefined || third === undefined || fourth === undefined) throw new Error('four copies were made')
    engine.pin([first.digest])
    for (const copy of [first, second, third, second, fourth]) t.equal(await ask(engine, [copy]), answers.support)
    await until(() => engine.state().adapters.busy === 0)
    t.strictSame(new Set(engine.state().adapters.resident), new Set([first.digest, fourth.digest]))
    engine.pin([])
  })

  await t.test('one in use is never taken away, also when more are in use than should stay', async t => {
    const dir = t.testdir()
    const busy = await Promise.all(Array.from({ length: 3 }, async (_, i) => {
      await copyFile(fixture('smollm2-json'), `${dir}/${i}.gguf`)
      return { digest: `busy ${i}`, path: `${dir}/${i}.gguf`, scale: 1 }
    }))
    const all = await Promise.all(busy.map(adapter => ask(engine, [adapter])))
    t.strictSame(all, busy.map(() => answers.json))
    t.equal(await ask(engine, [support]), answers.support)
    await until(() => engine.state().adapters.resident.length <= 2)
  })

  await t.test('loading ahead makes an adapter resident before it is used', async t => {
    await engine.load([json])
    t.ok(engine.state().adapters.resident.includes(json.digest))
  })

  await t.test('a file that cannot be loaded fails its own answer only', async t => {
    const path = `${t.testdir()}/broken.gguf`
    await writeFile(path, (await readFile(fixture('smollm2-json'))).subarray(0, 500_000))
    const broken = { digest: 'broken', path, scale: 1 }
    const beside = ask(engine, [support])
    await t.rejects(ask(engine, [broken]), { code: 'adapter_load_failed', status: 422 })
    await t.rejects(engine.load([broken]), { code: 'adapter_load_failed' })
    await t.rejects(ask(engine, [{ ...broken, path: `${path}.missing` }]), { code: 'adapter_load_failed', message: /^((?!missing).)*$/s }, 'and no path is told')
    t.equal(await beside, answers.support)
    t.equal(await ask(engine, [json]), answers.json)
  })

  await t.test('after the child was killed the adapters are loaded again when they are used', async t => {
    const reading = engine.generate(generation(question, { target: { model: 'x', digest: 'd', adapters: [support] }, maxTokens: 1000, sampling: endless }), never)
    await reading.next()
    process.kill(engine.pid ?? 0, 'SIGKILL')
    await t.rejects(collect(reading), { code: 'engine_died' })
    t.equal(await ask(engine, [support]), answers.support)
    t.equal(await ask(engine, [json]), answers.json)
  })
})

test('a trial load tells an adapter that works from one that does nothing', async t => {
  const { path } = await baseModel()
  const { probe, close } = createProber(() => ({ path, gpu: 'off', gpuLayers: 'auto', slots: 1, context: 256, batch: 0, kvType: 'f16', flashAttention: 'auto' }))
  t.teardown(close)
  t.match(await probe('smollm2-135m', support.path), { finite: true, reversible: true })
  t.ok((await probe('smollm2-135m', json.path)).change > 0.1)
  const dir = t.testdir()
  const bytes = await readFile(support.path)
  const zeros = Buffer.from(bytes)
  zeros.fill(0, (await readGguf(support.path)).dataOffset)
  await writeFile(`${dir}/zeros.gguf`, zeros)
  t.match(await probe('smollm2-135m', `${dir}/zeros.gguf`), { finite: true, change: 0, reversible: true })
  const nans = Buffer.from(bytes)
  for (let at = nans.length - 200_000; at < nans.length; at += 2) nans.writeUInt16LE(0x7e00, at)
  await writeFile(`${dir}/nans.gguf`, nans)
  t.match(await probe('smollm2-135m', `${dir}/nans.gguf`), { finite: false })
  await writeFile(`${dir}/cut.gguf`, bytes.subarray(0, 1000))
  await t.rejects(probe('smollm2-135m', `${dir}/cut.gguf`), { code: 'adapter_load_failed' })
  t.match(await probe('smollm2-135m', json.path), { finite: true }, 'a bad file spoils no later trial')
})

/** A host that notes what is done to it: the order of native calls cannot be seen from outside. */
function recorder (t: Test): { host: ConstructorParameters<typeof Residents<string>>[0], calls: string[] } {
  const calls: string[] = []
  const applied = new Set<string>()
  return {
    calls,
    host: {
      loadAdapter: async path => { calls.push(`load ${path}`); return path },
      freeAdapter: async handle => { t.notOk(applied.has(handle), `${handle} is not on the context when it is freed`); calls.push(`free ${handle}`) },
      applyAdapters: adapters => { applied.clear(); for (const { handle } of adapters) applied.add(handle); calls.push(`apply ${adapters.map(({ handle }) => handle).join(' ')}`.trim()) }
    }
  }
}

test('random uses never free an adapter that is on the context, and the set returns to its limit', async t => {
  const { host } = recorder(t)
  const residents = new Residents(host, 3)
  const adapters = Array.from({ length: 12 }, (_, i) => ({ digest: String(i), path: String(i), scale: 1 }))
  const held: AppliedAdapter[][] = []
  let seed = 11
  const random = (n: number): number => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed % n }
  for (let step = 0; step < 3000; step++) {
    const mix = adapters.filter(() => random(8) === 0)
    if (held.length < 4 && random(2) === 0) {
      await residents.acquire(mix)
      residents.apply(mix)
      held.push(mix)
    } else {
      const [one] = held.splice(random(held.length || 1), 1)
      if (one !== undefined) residents.release(one)
    }
    for (const { digest } of held.flat()) if (!residents.state().resident.includes(digest)) t.fail(`${digest} was taken away while in use`)
  }
  for (const mix of held.splice(0)) residents.release(mix)
  await residents.acquire([])
  t.equal(residents.state().resident.length, 3)
})
