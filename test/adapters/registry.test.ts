import { readdirSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { listAudit } from '../../src/access/audit.ts'
import { problem } from '../../src/errors.ts'
import { until } from '../support/wire.ts'
import { add, arriving, openWorld, sha256, sound, tinyAdapter } from './opened.ts'

test('an upload is a version that changes nothing of what is served until it is promoted', async t => {
  const { adapters, told, kept } = await openWorld(t)
  const bytes = tinyAdapter(1)
  const { version, created } = await adapters.add({ name: 'house', base: null, content: arriving(bytes) }, 'cli')
  t.ok(created)
  t.match(version, { name: 'house', version: 1, digest: sha256(bytes), size: bytes.length, base: 'tiny', baseVerified: false, rank: 2, alpha: 8, source: 'upload', leases: 0 })
  t.strictSame(kept(), [version.digest])
  t.throws(() => adapters.lease('house', null), { code: 'adapter_not_live', message: /adapters\/house\/promote/ })
  t.match(adapters.lease('house@1', null), { version: 1 }, 'but it can be named')
  t.match(await adapters.promote('house', 1, 'cli'), { live: 1, previous: null })
  t.match(adapters.lease('house', null), { name: 'house', version: 1, base: 'tiny', adapter: { digest: version.digest, scale: 1 } })
  t.equal(told.at(-2), `load tiny ${version.digest.slice(0, 6)}`)
})

test('the same bytes under a name are the version they have, and a new one once that was removed', async t => {
  let trials = 0
  const { adapters, kept } = await openWorld(t, { probe: async () => { trials++; return sound } })
  await add(adapters, 'house', 1)
  await add(adapters, 'house', 2)
  t.match(await add(adapters, 'house', 1), { created: false, version: { version: 1 } })
  t.equal(trials, 2, 'without another trial')
  t.match(await add(adapters, 'shop', 1), { created: true, version: { version: 1 } }, 'another name counts for itself')
  t.equal(kept().length, 2, 'on the same file')
  await adapters.remove('house', 1, 'cli')
  t.match(await add(adapters, 'house', 1), { created: true, version: { version: 3 } })
})

test('the same bytes that come twice at once become one version', async t => {
  const { adapters, kept } = await openWorld(t)
  const added = await Promise.all([add(adapters, 'house', 1), add(adapters, 'house', 1), add(adapters, 'shop', 1), add(adapters, 'house', 2)])
  t.strictSame(added.map(({ created }) => created).filter(Boolean).length, 3)
  t.strictSame(adapters.find('house')?.versions.map(({ version }) => version), [2, 1])
  t.equal(kept().length, 2)
})

test('a number is never given twice, also after everything was removed and the server restarted', async t => {
  const world = await openWorld(t)
  await add(world.adapters, 'house', 1)
  await add(world.adapters, 'house', 2)
  await world.adapters.remove('house', null, 'cli')
  t.equal(world.adapters.find('house'), null)
  t.equal(world.adapters.lease('house', null), null, 'the name is nobody\'s')
  t.strictSame(world.kept(), [])
  const { adapters } = await world.reopen()
  t.strictSame(adapters.list(), [])
  t.match(await add(adapters, 'house', 1, 'other'), { version: { version: 3, base: 'other' } }, 'and may be used on another base')
})

test('a name that cannot be is refused before the bytes are read', async t => {
  const { adapters, kept } = await openWorld(t)
  await add(adapters, 'house', 1)
  const unread = { [Symbol.asyncIterator]: () => { throw new Error('the bytes were read') } }
  for (const name of ['', '.', '-x', 'a/b', '..%2f', 'a\0', 'a b', 'house@2', 'é', 'x'.repeat(101), 'x'.repeat(10_000)]) {
    await t.rejects(adapters.add({ name, base: null, content: unread }, 'cli'), { code: 'name_invalid', param: 'name' }, JSON.stringify(name.slice(0, 20)))
  }
  await t.rejects(adapters.add({ name: 'other', base: null, content: unread }, 'cli'), { code: 'name_taken' })
  await t.rejects(adapters.add({ name: 'shop', base: 'nosuch', content: unread }, 'cli'), { code: 'model_not_found', param: 'base' })
  await t.rejects(adapters.add({ name: 'house', base: 'other', content: unread }, 'cli'), { code: 'invalid_request', message: /adapter of the base 'tiny'.*choose another name/ })
  t.match(await add(adapters, 'x'.repeat(100), 2), { created: true })
  t.equal(kept().length, 2)
})

test('a file that fails any check leaves neither a version nor a file', async t => {
  let probe = async () => sound
  const { adapters, kept, folder } = await openWorld(t, { probe: async () => await probe(), adapterLimit: 5000 })
  const bytes = tinyAdapter(1)
  const refused = async (code: string, content: AsyncIterable<Uint8Array>) => {
    await t.rejects(adapters.add({ name: 'house', base: null, content }, 'cli'), { code }, code)
  }
  await refused('adapter_malformed', arriving(Buffer.from('not a gguf file')))
  await refused('adapter_too_large', arriving(Buffer.alloc(5001)))
  await refused('upload_cut', cut(bytes))
  probe = async () => ({ ...sound, finite: false })
  await refused('adapter_not_finite', arriving(bytes))
  probe = async () => ({ ...sound, change: 0 })
  await refused('adapter_no_effect', arriving(bytes))
  probe = async () => ({ ...sound, change: NaN })
  await refused('adapter_no_effect', arriving(bytes))
  probe = async () => ({ ...sound, reversible: false })
  await refused('adapter_load_failed', arriving(bytes))
  probe = async () => { throw problem('adapter_load_failed', { detail: 'llama.cpp says no' }) }
  await refused('adapter_load_failed', arriving(bytes))
  t.strictSame(adapters.list(), [])
  t.strictSame(kept(), [])
  t.strictSame(readdirSync(`${folder}/vault/incoming`), [])
  probe = async () => sound
  t.match(await add(adapters, 'house', 1), { version: { version: 1 } }, 'nor a number')
})

test('a reference is fetched, and kept without what opens it', async t => {
  const asked: string[] = []
  const { adapters, database } = await openWorld(t, { fetch: async reference => { asked.push(reference); return { bytes: arriving(tinyAdapter(asked.length)) } } })
  const fetched = async (name: string, content: string) => (await adapters.add({ name, base: null, content }, 'cli')).version.source
  const signed = 'https://me:secret@host.example:8443/a/b.gguf?X-Signature=secret#secret'
  t.equal(await fetched('house', signed), 'https://host.example:8443/a/b.gguf')
  t.equal(await fetched('shop', 'hf:me/repo/file.gguf'), 'hf:me/repo/file.gguf')
  t.strictSame(asked, [signed, 'hf:me/repo/file.gguf'])
  t.notMatch(JSON.stringify(await listAudit(database, { limit: 9 })), /secret/)
})

test('promoting takes only a version that is there, undamaged and loads, and else changes nothing', async t => {
  let loads = true
  const { adapters, vault } = await openWorld(t, { engines: { load: async () => { if (!loads) throw problem('adapter_load_failed', { detail: 'no room' }) }, pin () {} } })
  await t.rejects(adapters.promote('house', 1, 'cli'), { code: 'adapter_not_found', message: /'house'/ })
  await add(adapters, 'house', 1)
  const { version: second } = await add(adapters, 'house', 2)
  await adapters.promote('house', 1, 'cli')
  await t.rejects(adapters.promote('house', 3, 'cli'), { code: 'adapter_not_found', message: /'house@3'/ })
  loads = false
  await t.rejects(adapters.promote('house', 2, 'cli'), { code: 'adapter_load_failed' })
  loads = true
  writeFileSync(vault.pathOf(second.digest), 'another file')
  await t.rejects(adapters.promote('house', 2, 'cli'), { code: 'adapter_damaged', message: /'house@2'/ })
  await t.rejects(adapters.lease('house@2', null)!.ready(), { code: 'adapter_damaged' })
  await t.resolves(adapters.lease('house@1', null)!.ready())
  t.match(adapters.find('house'), { live: 1, previous: null })
  t.match(await add(adapters, 'house', 2), { created: false }, 'uploading it again mends it')
  t.match(await adapters.promote('house', 2, 'cli'), { live: 2, previous: 1 })
})

test('promoting what is live already neither loads nor writes', async t => {
  const { adapters, told, database } = await openWorld(t)
  await add(adapters, 'house', 1)
  const info = await adapters.promote('house', 1, 'cli')
  const before = [told.length, (await listAudit(database, { limit: 99 })).length]
  t.strictSame(await adapters.promote('house', 1, 'cli'), info)
  t.strictSame([told.length, (await listAudit(database, { limit: 99 })).length], before)
})

test('a rollback brings back what was live before, also after the name was taken off', async t => {
  const { adapters, told } = await openWorld(t)
  for (const seed of [1, 2, 3]) await add(adapters, 'house', seed)
  await t.rejects(adapters.rollback('house', 'cli'), { code: 'no_previous_version' })
  await adapters.promote('house', 1, 'cli')
  await t.rejects(adapters.rollback('house', 'cli'), { code: 'no_previous_version' })
  await adapters.promote('house', 2, 'cli')
  t.match(await adapters.rollback('house', 'cli'), { live: 1, previous: 2 })
  t.match(told.at(-2), /^load tiny/, 'loaded first')
  t.match(await adapters.rollback('house', 'cli'), { live: 2, previous: 1 })
  t.match(await adapters.retire('house', 'cli'), { live: null, previous: 2 })
  t.match(await adapters.retire('house', 'cli'), { live: null, previous: 2 }, 'once is enough')
  t.throws(() => adapters.lease('house', null), { code: 'adapter_not_live' })
  t.match(await adapters.promote('house', 3, 'cli'), { live: 3, previous: 2 })
  await adapters.retire('house', 'cli')
  t.match(await adapters.promote('house', 3, 'cli'), { live: 3, previous: null }, 'a version is not its own predecessor')
  await adapters.promote('house', 2, 'cli')
  await adapters.remove('house', 3, 'cli')
  await t.rejects(adapters.rollback('house', 'cli'), { code: 'no_previous_version' }, 'what was removed does not come back')
})

test('a version that is live or answering cannot be removed, and a lease outlasts promotes', async t => {
  const { adapters, kept } = await openWorld(t)
  await add(adapters, 'house', 1)
  await add(adapters, 'house', 2)
  await adapters.promote('house', 1, 'cli')
  const [first, again] = [adapters.lease('house', null)!, adapters.lease('house@1', null)!]
  await adapters.promote('house', 2, 'cli')
  t.equal(first.version, 1)
  t.match(adapters.find('house')?.versions.map(({ leases }) => leases), [0, 2])
  await t.rejects(adapters.remove('house', 2, 'cli'), { code: 'adapter_in_use', message: /is live/ })
  await t.rejects(adapters.remove('house', 1, 'cli'), { code: 'adapter_in_use', message: /answering 2 requests/ })
  first.release()
  first.release()
  await t.rejects(adapters.remove('house', 1, 'cli'), { code: 'adapter_in_use', message: /answering 1 request,/ }, 'a second release counts for nothing')
  await t.rejects(adapters.remove('house', null, 'cli'), { code: 'adapter_in_use' }, 'nor can the whole name')
  t.equal(adapters.find('house')?.versions.length, 2)
  again.release()
  await adapters.remove('house', 1, 'cli')
  t.equal(kept().length, 1)
  t.throws(() => adapters.lease('house@1', null), { code: 'adapter_not_found' })
})

test('answers still on a version that went off are ended at the deadline, and then it can be removed', async t => {
  const { adapters } = await openWorld(t, { drainTimeout: 0.2 })
  await add(adapters, 'house', 1)
  await add(adapters, 'house', 2)
  await adapters.promote('house', 1, 'cli')
  const under = [adapters.lease('house', null)!, adapters.lease('house@1', null)!]
  await adapters.promote('house', 2, 'cli')
  const asked = adapters.lease('house@1', null)!
  const current = adapters.lease('house', null)!
  // A new version makes a new entry of the name: the deadline must look at what is there by then.
  await add(adapters, 'house', 3)
  t.notOk(under.some(({ signal }) => signal.aborted), 'they have their time')
  await until(() => under.every(({ signal }) => signal.aborted))
  for (const { signal } of under) t.match(signal.reason, { code: 'adapter_drained', status: 503, message: /'house@1' 0\.2 s after/ })
  t.notOk(asked.signal.aborted, 'who asked for the version after it went off may have it')
  t.notOk(current.signal.aborted)
  for (const lease of [...under, asked]) lease.release()
  await adapters.remove('house', 1, 'cli')
  await adapters.retire('house', 'cli')
  await until(() => current.signal.aborted)
  t.match(current.signal.reason, { code: 'adapter_drained', message: /'house@2'/ }, 'retiring drains as well')
})

test('a deadline is moot when the version is live again', async t => {
  const { adapters } = await openWorld(t, { drainTimeout: 0.1 })
  await add(adapters, 'house', 1)
  await add(adapters, 'house', 2)
  await adapters.promote('house', 1, 'cli')
  const lease = adapters.lease('house', null)!
  await adapters.promote('house', 2, 'cli')
  await add(adapters, 'house', 3)
  await adapters.rollback('house', 'cli')
  await sleep(300)
  t.notOk(lease.signal.aborted)
  await adapters.promote('house', 1, 'cli')
  await sleep(300)
  t.notOk(lease.signal.aborted, 'promoting what is live changes nothing')
})

test('a file that two names share goes with the last of them', async t => {
  const { adapters, kept } = await openWorld(t)
  for (const name of ['house', 'shop']) {
    await add(adapters, name, 1)
    await adapters.promote(name, 1, 'cli')
  }
  const held = ['house', 'shop'].map(name => adapters.lease(name, null)!)
  t.equal(held[0]?.adapter.digest, held[1]?.adapter.digest, 'it can be live under both')
  for (const lease of held) lease.release()
  for (const [name, left] of [['house', 1], ['shop', 0]] as const) {
    await adapters.retire(name, 'cli')
    await adapters.remove(name, null, 'cli')
    t.equal(kept().length, left)
  }
})

test('a reference names a version by a plain positive number or names nothing', async t => {
  const { adapters } = await openWorld(t)
  await add(adapters, 'house', 1)
  for (const version of ['', '0', '01', '-1', '+1', '1.0', '1e0', ' 1', '1 ', '0x1', '١', '1@1', '2', '9'.repeat(400), 'live']) {
    t.throws(() => adapters.lease(`house@${version}`, null), { code: 'adapter_not_found' }, version.slice(0, 9))
  }
  for (const name of ['', '@', '@1', 'House@1', 'house ', 'tiny', '__proto__', 'constructor@1', 'x'.repeat(10_000)]) t.equal(adapters.lease(name, null), null, name.slice(0, 15))
})

test('pinned names keep whatever is live under them in memory', async t => {
  const { adapters, told, reopen, database } = await openWorld(t)
  const [one, two] = [await add(adapters, 'house', 1), await add(adapters, 'house', 2), await add(adapters, 'shop', 1)].map(({ version }) => version.digest.slice(0, 6)) as [string, string]
  const pins = () => told.filter(line => line.startsWith('pin tiny')).at(-1)
  t.match(await adapters.pin('house', true, 'cli'), { pinned: true })
  t.equal(pins(), 'pin tiny ', 'nothing is live')
  await adapters.promote('house', 1, 'cli')
  t.equal(pins(), `pin tiny ${one}`)
  await adapters.promote('shop', 1, 'cli')
  await adapters.pin('shop', true, 'cli')
  t.equal(pins(), `pin tiny ${one}`, 'one file once')
  await adapters.promote('house', 2, 'cli')
  t.equal(pins(), `pin tiny ${[one, two].sort().join()}`)
  await adapters.retire('shop', 'cli')
  t.equal(pins(), `pin tiny ${two}`)
  await adapters.rollback('house', 'cli')
  t.equal(pins(), `pin tiny ${one}`)
  const audit = (await listAudit(database, { limit: 99 })).length
  await adapters.pin('house', true, 'cli')
  t.equal((await listAudit(database, { limit: 99 })).length, audit, 'pinned once is pinned')
  await adapters.retire('shop', 'cli')
  await adapters.remove('shop', null, 'cli')
  await add(adapters, 'shop', 2)
  t.equal(adapters.find('shop')?.pinned, false, 'a name that begins again is not pinned')
  t.strictSame((await reopen()).told, [`pin tiny ${one}`, 'pin other '], 'also after a restart')
})

test('every change has its audit entry', async t => {
  const { adapters, database } = await openWorld(t)
  const { version: { digest } } = await add(adapters, 'house', 1)
  await add(adapters, 'house', 2)
  await adapters.promote('house', 1, 'key1')
  await adapters.promote('house', 2, 'key2')
  await adapters.rollback('house', 'key3')
  await adapters.pin('house', true, 'key4')
  await adapters.pin('house', false, 'key5')
  await adapters.retire('house', 'key6')
  await adapters.remove('house', null, 'key7')
  t.match((await listAudit(database, { limit: 99 })).reverse(), [
    { actor: 'cli', action: 'adapter.add', subject: 'house', detail: { version: 1, digest, base: 'tiny' } },
    { action: 'adapter.add', detail: { version: 2 } },
    { actor: 'key1', action: 'adapter.promote', detail: { live: 1, previous: null } },
    { actor: 'key2', action: 'adapter.promote', detail: { live: 2, previous: 1 } },
    { actor: 'key3', action: 'adapter.rollback', detail: { live: 1, previous: 2 } },
    { actor: 'key4', action: 'adapter.pin' },
    { actor: 'key5', action: 'adapter.unpin' },
    { actor: 'key6', action: 'adapter.retire', detail: { live: null, previous: 1 } },
    { actor: 'key7', action: 'adapter.remove', detail: { versions: [1, 2] } }
  ])
})

async function * cut (bytes: Buffer): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes.subarray(0, bytes.length / 2)
  throw new Error('the socket closed')
}
