import { rm } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { test } from 'tap'
import { problem } from '../../src/errors.ts'
import { add, openWorld, writeBase } from './opened.ts'

test('a version that cannot be written is not there, and its file neither', async t => {
  const full = problem('storage_full', {})
  let failing = 0
  const world = await openWorld(t, {}, undefined, database => ({ ...database, commit: async queries => { if (failing > 0 && --failing === 0) throw full; return await database.commit(queries) } }))
  const { adapters, kept } = world
  for (const nth of [1, 2]) {
    failing = nth
    await t.rejects(add(adapters, 'house', 1), { code: 'storage_full' }, `commit ${nth}`)
    t.strictSame([adapters.list(), kept()], [[], []])
  }
  await add(adapters, 'house', 1)
  failing = 2
  await t.rejects(add(adapters, 'shop', 1), { code: 'storage_full' })
  t.equal(kept().length, 1, 'a file that another name has stays')

  failing = 1
  await t.rejects(adapters.promote('house', adapters.find('house')!.versions[0]!.version, 'cli'), { code: 'storage_full' })
  t.equal(adapters.find('house')?.live, null)
  failing = 1
  await t.rejects(adapters.remove('house', null, 'cli'), { code: 'storage_full' })
  const { version } = adapters.find('house')!.versions[0]!
  t.match(adapters.lease(`house@${version}`, null), { version }, 'what could not be removed is there as before')
  const list = adapters.list()
  t.strictSame((await world.reopen()).adapters.list(), list.map(info => ({ ...info, versions: info.versions.map(version => ({ ...version, leases: 0 })) })))
})

test('a file that was kept when the process died is gone after the next start', async t => {
  let commits = 0
  // The second commit of an upload registers what was kept: here it is never reached.
  const world = await openWorld(t, {}, undefined, database => ({ ...database, commit: async queries => ++commits === 2 ? await new Promise(() => {}) : await database.commit(queries) }))
  void add(world.adapters, 'house', 1)
  while (world.kept().length === 0) await new Promise(resolve => setImmediate(resolve))
  const again = await world.reopen()
  t.strictSame([again.adapters.list(), again.kept()], [[], []])
  t.match(await add(again.adapters, 'house', 1), { created: true })
})

test('a change is durable before it is seen, and leasing never waits for one', async t => {
  let open = Promise.resolve()
  const { adapters } = await openWorld(t, {}, undefined, database => ({ ...database, commit: async queries => { await open; return await database.commit(queries) } }))
  await add(adapters, 'house', 1)
  await add(adapters, 'house', 2)
  await adapters.promote('house', 1, 'cli')
  const gate = Promise.withResolvers<void>()
  open = gate.promise
  const promoted = adapters.promote('house', 2, 'cli')
  await wait(50)
  t.equal(adapters.lease('house', null)?.version, 1)
  t.equal(adapters.find('house')?.live, 1)
  gate.resolve()
  await promoted
  t.equal(adapters.lease('house', null)?.version, 2)
})

test('nobody can begin with a version whose removal is being written', async t => {
  let open = Promise.resolve()
  const { adapters } = await openWorld(t, {}, undefined, database => ({ ...database, commit: async queries => { await open; return await database.commit(queries) } }))
  await add(adapters, 'house', 1)
  const gate = Promise.withResolvers<void>()
  open = gate.promise
  const removed = adapters.remove('house', 1, 'cli')
  await wait(50)
  t.throws(() => adapters.lease('house@1', null), { code: 'adapter_not_found' })
  gate.resolve()
  await removed
})

test('a file that one name brings while another gives it up stays', async t => {
  const [reached, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let commits = 0
  // The second upload's second commit registers what it kept: it is held up.
  const hold = async () => {
    if (++commits !== 4) return
    reached.resolve()
    await gate.promise
  }
  const { adapters, kept } = await openWorld(t, {}, undefined, database => ({ ...database, commit: async queries => { await hold(); return await database.commit(queries) } }))
  await add(adapters, 'house', 1)
  const brought = add(adapters, 'shop', 1)
  await reached.promise
  const removed = adapters.remove('house', null, 'cli')
  await wait(50)
  gate.resolve()
  await Promise.all([brought, removed])
  t.equal(kept().length, 1)
  await t.resolves(adapters.lease('shop@1', null)!.ready())
})

test('changes under one name run in order, and those of another name do not wait for them', async t => {
  const gate = Promise.withResolvers<void>()
  let slow = true
  const { adapters } = await openWorld(t, { engines: { load: async () => { if (slow) { slow = false; await gate.promise } }, pin () {} } })
  for (const name of ['house', 'shop']) for (const seed of [1, 2]) await add(adapters, name, seed)
  const order: string[] = []
  const done = Promise.all([
    adapters.promote('house', 1, 'cli').then(() => order.push('house 1')),
    adapters.promote('house', 2, 'cli').then(() => order.push('house 2')),
    adapters.rollback('house', 'cli').then(() => order.push('house back'))
  ])
  await adapters.promote('shop', 2, 'cli')
  t.strictSame(order, [])
  gate.resolve()
  await done
  t.strictSame(order, ['house 1', 'house 2', 'house back'])
  t.match(adapters.find('house'), { live: 1, previous: 2 })
})

test('a base may not take the name of an adapter', async t => {
  const world = await openWorld(t)
  await add(world.adapters, 'house', 1)
  const bases = [...world.bases, await writeBase(world.folder, 'house')]
  await t.rejects(world.reopen({ bases }), { message: /'house' is the name of a base and of an adapter.*--model/ })
})

test('a missing file is told at the start, answers with its error, and changes nothing else', async t => {
  const world = await openWorld(t)
  const { version: { digest } } = await add(world.adapters, 'house', 1)
  await add(world.adapters, 'shop', 2)
  await world.adapters.promote('house', 1, 'cli')
  await rm(world.vault.pathOf(digest))
  const { adapters, logged } = await world.reopen()
  t.strictSame(logged, [{ message: 'the file of an adapter is missing: upload it again', fields: { adapter: 'house@1', digest } }])
  t.equal(adapters.find('house')?.live, 1)
  await t.rejects(adapters.lease('house', null)!.ready(), { code: 'adapter_damaged' })
  await add(adapters, 'house', 1)
  await t.resolves(adapters.lease('house', null)!.ready())
})

test('an adapter whose base is not served, or is another file now, stays registered and is refused', async t => {
  const world = await openWorld(t)
  await add(world.adapters, 'house', 1)
  await world.adapters.promote('house', 1, 'cli')
  await world.adapters.pin('house', true, 'cli')
  const [tiny, other] = world.bases
  const without = await world.reopen({ bases: [other!] })
  t.match(without.adapters.find('house'), { live: 1, base: 'tiny' })
  t.throws(() => without.adapters.lease('house', null), { code: 'base_not_served', status: 404, message: /base 'tiny'.*--model/ })
  await t.rejects(without.adapters.promote('house', 1, 'cli').then(() => without.adapters.rollback('house', 'cli')), { code: 'no_previous_version' })

  const changed = await writeBase(world.folder, 'tiny', 'retrained')
  const after = await without.reopen({ bases: [changed] })
  t.throws(() => after.adapters.lease('house@1', null), { code: 'base_changed', message: new RegExp(`${tiny!.digest}.*${changed.digest}`) })
  t.strictSame(after.told, ['pin tiny '], 'nor is it kept in memory')
  t.match(await add(after.adapters, 'house', 1), { created: true, version: { version: 2 } }, 'checked on the new base it is a new version')
  t.match(await after.adapters.promote('house', 2, 'cli'), { live: 2 })
  await t.rejects(after.adapters.rollback('house', 'cli'), { code: 'base_changed' })
  t.match(after.adapters.lease('house', null), { version: 2 })
})
