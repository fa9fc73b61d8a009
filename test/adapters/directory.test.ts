import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { type Test, test } from 'tap'
import { type Directory, createDirectory } from '../../src/adapters/directory.ts'
import { Bases } from '../../src/inference/bases.ts'
import { LlamaEngine } from '../../src/inference/llama/engine.ts'
import { ThreadBudget } from '../../src/inference/threads.ts'
import { until } from '../support/wire.ts'
import { add, openWorld, type World } from './opened.ts'

test("a base's name is that base, and no name the default", async t => {
  const { directory, world } = await open(t)
  const [tiny, other] = world.bases
  for (const model of [null, 'tiny']) {
    const lease = directory.lease(model, [], null)
    t.strictSame(lease.target, { model: 'tiny', digest: tiny!.digest, adapters: [] })
    t.match(lease, { names: ['tiny'], version: null })
    await lease.ready()
  }
  t.match(directory.lease('other', [], null), { target: { model: 'other', digest: other!.digest } })
  for (const model of ['nosuch', 'tiny@1', '']) t.throws(() => directory.lease(model, [], null), { code: 'model_not_found', param: 'model' })
})

test("an adapter's name is its live version on its base, told as a snapshot", async t => {
  const { directory, world, leases } = await open(t)
  const { adapters } = world
  await live(world, 'house', 1)
  const { version: { digest } } = await add(adapters, 'house', 2)
  const first = directory.lease('house', [], null)
  t.match(first, { names: ['house'], version: 1, target: { model: 'house@1' } })
  await adapters.promote('house', 2, 'cli')
  const second = directory.lease('house', [], null)
  t.match(second, { version: 2, target: { model: 'house@2', adapters: [{ digest, scale: 1, path: world.vault.pathOf(digest) }] } })
  t.match(directory.lease('house@1', [], null), { names: ['house'], version: 1, target: first.target })
  t.match(first.target.model, 'house@1', 'what was leased before stays')
  t.not(first.target.digest, second.target.digest)
  t.throws(() => directory.lease('house@9', [], null), { code: 'adapter_not_found', param: 'model' })
  await add(adapters, 'shop', 3)
  t.throws(() => directory.lease('shop', [], null), { code: 'adapter_not_live', param: 'model' })
  t.match(directory.lease('shop@1', [], null), { names: ['shop'], version: 1 })
  t.match(leases(), { house: 3, shop: 1 }, 'those that were refused hold nothing')
})

test('a digest says which weights answer: the base, and each adapter with its scale, in any order', async t => {
  const { directory, world } = await open(t)
  const [a, b] = [await live(world, 'a', 1), await live(world, 'b', 2)]
  const base = world.bases[0]!.digest
  const digestOf = (model: string | null, mix: Parameters<Directory['lease']>[1]) => directory.lease(model, mix, null).target.digest
  const lines = [`${a} 0.5`, `${b} 1`].sort()
  t.equal(digestOf(null, [{ name: 'a', scale: 0.5 }, { name: 'b', scale: 1 }]), createHash('sha256').update([base, ...lines].join('\n')).digest('hex'))
  t.equal(digestOf(null, [{ name: 'b', scale: 1 }, { name: 'a', scale: 0.5 }]), digestOf(null, [{ name: 'a', scale: 0.5 }, { name: 'b', scale: 1 }]))
  t.equal(digestOf('b', [{ name: 'a', scale: 0.5 }]), digestOf(null, [{ name: 'a', scale: 0.5 }, { name: 'b@1', scale: 1 }]))
  t.equal(digestOf('a', []), digestOf('tiny', [{ name: 'a', scale: 1 }]))
  t.equal(new Set([digestOf(null, []), digestOf('a', []), digestOf('b', []), digestOf(null, [{ name: 'a', scale: -1 }]), digestOf('a', [{ name: 'b', scale: 1 }])]).size, 5)
  t.equal(digestOf(null, [{ name: 'a', scale: 0 }]), base)
})

test('a mix is told in full, in the order it was asked for, and answers for each of its names', async t => {
  const { directory, world } = await open(t)
  const [a, b] = [await live(world, 'a', 1), await live(world, 'b', 2)]
  await add(world.adapters, 'b', 3)
  const mixed = directory.lease(null, [{ name: 'b', scale: -0.5 }, { name: 'a@1', scale: 2 }], null)
  t.match(mixed, { names: ['tiny', 'b', 'a'], version: null, target: { model: 'tiny+b@1+a@1' } })
  t.strictSame(mixed.target.adapters.map(({ digest, scale }) => [digest, scale]), [[a, 2], [b, -0.5]].sort(([one], [two]) => one! < two! ? -1 : 1))
  t.match(directory.lease('a', [{ name: 'b@2', scale: 1 }], null), { names: ['a', 'b'], version: 1, target: { model: 'tiny+a@1+b@2' } })
  const none = directory.lease('a', [{ name: 'b', scale: 0 }, { name: 'b@2', scale: -0 }], null)
  t.match(none, { names: ['a', 'b'], target: { model: 'a@1' } }, 'at scale 0 it is left out, though its name must be allowed')
  t.strictSame(none.target.adapters.map(({ digest }) => digest), [a])
})

test('the same file named twice is one adapter, as strong as both together', async t => {
  const { directory, world } = await open(t)
  const a = await live(world, 'a', 1)
  await live(world, 'twin', 1)
  const both = directory.lease('a', [{ name: 'twin', scale: 0.5 }, { name: 'a', scale: 0.25 }], null)
  t.match(both.target, { model: 'tiny+a@1+twin@1', adapters: [{ digest: a, scale: 1.75 }] })
  t.equal(both.target.adapters.length, 1)
  t.strictSame(directory.lease('a', [{ name: 'twin', scale: -1 }], null).target.adapters, [], 'or nothing')
  t.throws(() => directory.lease('a', [{ name: 'twin', scale: 4 }], null), { code: 'invalid_request', param: 'engraft.adapters', message: /add up to 5; the most is 4/ })
})

test('a mix that cannot be is refused with its reason, and holds nothing', async t => {
  const { directory, world, leases } = await open(t)
  for (const [index, name] of ['a', 'b', 'c', 'd', 'e'].entries()) await live(world, name, index + 1)
  await live(world, 'stranger', 9, 'other')
  const refused = (model: string | null, mix: Parameters<Directory['lease']>[1], code: string, message: RegExp) => {
    t.throws(() => directory.lease(model, mix, null), { code, message, param: 'engraft.adapters' }, String(message))
  }
  const of = (...names: string[]) => names.map(name => ({ name, scale: 1 }))
  for (const scale of [NaN, Infinity, -Infinity, 4.001, -4.001]) refused(null, [{ name: 'a', scale }], 'invalid_request', /scale of 'a' must be a number from -4 to 4/)
  refused(null, of('a', 'b', 'c', 'd', 'e'), 'invalid_request', /names 5 adapters.*at most 4/)
  refused('a', of('b', 'c', 'd', 'e'), 'invalid_request', /names 5 adapters/)
  refused('a', of('stranger'), 'invalid_request', /'stranger' is an adapter of the base 'other', and this answer is by 'tiny'/)
  refused('other', of('a'), 'invalid_request', /this answer is by 'other'/)
  refused('a', of('b', 'nosuch'), 'adapter_not_found', /'nosuch'/)
  refused('a', of('tiny'), 'adapter_not_found', /'tiny'/)
  refused('a', of('b@7'), 'adapter_not_found', /'b@7'/)
  t.match(leases(), { a: 0, b: 0, c: 0, d: 0, e: 0, stranger: 0 })
  t.equal(directory.lease('a', [{ name: 'b', scale: 4 }, { name: 'c', scale: -4 }, { name: 'd', scale: 1 }], null).target.adapters.length, 4, 'while four, and four times, may be')
})

test('all of an answer is released together and once, also when a part of it throws', async t => {
  const { directory, world, leases, bases } = await open(t)
  await live(world, 'a', 1)
  await live(world, 'b', 2)
  const lease = directory.lease('a', [{ name: 'b', scale: 1 }, { name: 'b', scale: 0 }], null)
  t.match(leases(), { a: 1, b: 2 })
  await t.rejects(bases.unload('tiny'), { code: 'model_in_use' })
  lease.release()
  lease.release()
  t.match(leases(), { a: 0, b: 0 })
  await t.resolves(bases.unload('tiny'))

  const broken = createDirectory({ bases: { lease: name => ({ ...bases.lease(name), release () { throw new Error('the base is stuck') } }) }, adapters: world.adapters })
  const stuck = broken.lease('a', [{ name: 'b', scale: 1 }], null)
  t.throws(() => stuck.release(), { message: 'the base is stuck' })
  t.match(leases(), { a: 0, b: 0 })
})

test('an answer is told to end when one of its adapters was drained, and a base never is', async t => {
  const { directory, world } = await open(t, 0.1)
  const { adapters } = world
  await live(world, 'a', 1)
  await live(world, 'b', 2)
  const [alone, mixed, beside, base] = [directory.lease('a', [], null), directory.lease('a', [{ name: 'b', scale: 0 }], null), directory.lease(null, [{ name: 'b', scale: 1 }], null), directory.lease(null, [], null)]
  await adapters.retire('b', 'cli')
  await until(() => mixed.signal.aborted && beside.signal.aborted)
  t.match(mixed.signal.reason, { code: 'adapter_drained', message: /'b@1'/ })
  t.notOk(alone.signal.aborted)
  t.notOk(base.signal.aborted)
})

test('an answer is not begun with a file that changed after it was registered', async t => {
  const { directory, world } = await open(t)
  await live(world, 'a', 1)
  const b = await live(world, 'b', 2)
  writeFileSync(world.vault.pathOf(b), 'another file')
  await t.resolves(directory.lease('a', [], null).ready())
  await t.resolves(directory.lease('a', [{ name: 'b', scale: 0 }], null).ready(), 'what is left out does not matter')
  await t.rejects(directory.lease('a', [{ name: 'b', scale: 1 }], null).ready(), { code: 'adapter_damaged', message: /'b@1'/ })
})

test('a base that went away while its adapter stayed is told as such', async t => {
  const { world } = await open(t)
  await live(world, 'a', 1)
  const { adapters } = await world.reopen({ bases: [world.bases[1]!] })
  const directory = createDirectory({ bases: basesOf(t, [world.bases[1]!]), adapters })
  t.throws(() => directory.lease('a', [], null), { code: 'base_not_served', param: 'model' })
  t.match(directory.lease(null, [], null), { names: ['other'] })
})

async function open (t: Test, drainTimeout = 60): Promise<{ world: World, bases: Bases, directory: Directory, leases: () => Record<string, number> }> {
  const world = await openWorld(t, { drainTimeout })
  const bases = basesOf(t, world.bases)
  const leases = () => Object.fromEntries(world.adapters.list().map(({ name, versions }) => [name, versions.reduce((sum, { leases }) => sum + leases, 0)]))
  return { world, bases, directory: createDirectory({ bases, adapters: world.adapters }), leases }
}

/** The real bases, with engines that nobody starts. */
function basesOf (t: Test, files: World['bases']): Bases {
  const bases = new Bases(files.map(({ name, path, digest }) => ({
    name,
    digest,
    sizeBytes: 1,
    contextSize: 512,
    engine: new LlamaEngine({ name, native: { path, gpu: 'off', gpuLayers: 'auto', slots: 1, context: 512, batch: 0, kvType: 'f16', flashAttention: 'auto' }, residents: 8, threads: new ThreadBudget(1), log: () => {} })
  })), { capacity: 1, queue: 1, queuePerTenant: 1, timeout: 1, idleUnload: 0 })
  t.teardown(() => bases.close())
  return bases
}

/** Brings an adapter, makes it live and gives its digest. */
async function live ({ adapters }: World, name: string, seed: number, base: string | null = null): Promise<string> {
  const { version } = await add(adapters, name, seed, base)
  await adapters.promote(name, version.version, 'cli')
  return version.digest
}
