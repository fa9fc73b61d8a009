import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Test, test } from 'tap'
import { openDatabase } from '../../src/database/open.ts'
import type { PublicError } from '../../src/errors.ts'
import { freshFolder, freshPath, ids, migrationsDir, opened, refusal, row } from './fixtures.ts'

const committer = fileURLToPath(new URL('./committer.ts', import.meta.url))
const mountable = process.platform === 'linux' && process.getuid?.() === 0
const skip = mountable ? false : 'needs root on Linux, to mount a small disk'

test('a full disk answers storage_full, loses nothing, still reads, and recovers', { skip }, async t => {
  const disk = mount(t, '2m')
  const database = await opened(t, join(disk, 'engraft.db'))
  let written = 0
  const full = await refusal((async () => { for (;;) await database.commit([row(++written, 40_000)]) })())
  t.match(full, { code: 'storage_full', status: 507 }, `full after ${written} rows`)
  const before = Array.from({ length: written - 1 }, (_, index) => index + 1)
  t.strictSame(await ids(database), before, 'every acknowledged row can be read, and no other')

  const group = await Promise.allSettled([database.commit([row(9001, 500_000)]), database.commit([row(9002, 500_000)])])
  t.match(group, [{ reason: { code: 'storage_full' } }, { reason: { code: 'storage_full' } }], 'also for those that share a transaction')
  await t.rejects(database.backup(join(disk, 'backup.db')), { code: 'storage_full' }, 'a backup finds the disk full too')
  t.notOk(existsSync(join(disk, 'backup.db')) || existsSync(join(disk, 'backup.db.part')), 'and leaves nothing of itself')

  execFileSync('mount', ['-o', 'remount,size=8m', disk])
  await database.commit([row(10_000, 40_000)])
  t.strictSame(await ids(database), [...before, 10_000], 'writes work as soon as there is room')
  await database.check()
  await database.close()
})

test('a caller whose rows do not fit fails alone, though it shared its transaction with others', { skip }, async t => {
  const disk = mount(t, '2m')
  const database = await opened(t, join(disk, 'engraft.db'))
  const results = await Promise.allSettled([database.commit([row(1)]), database.commit([row(2, 6_000_000)]), database.commit([row(3)])])
  t.strictSame(results.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled'])
  t.match(results[1], { reason: { code: 'storage_full' } })
  t.strictSame(await ids(database), [1, 3])
  await database.close()
})

test('a disk that is full from the start is refused, and nothing half-made stays', { skip }, async t => {
  const disk = mount(t, '64k')
  writeFileSync(join(disk, 'ballast'), Buffer.alloc(40 * 1024))
  const path = join(disk, 'engraft.db')
  t.match(await refusal(openDatabase({ path, migrationsDir })), { name: 'DatabaseError', code: 'full', message: /Free some space/ })
  t.notOk(existsSync(path))
  rmSync(join(disk, 'ballast'))
  execFileSync('mount', ['-o', 'remount,size=8m', disk])
  await (await openDatabase({ path, migrationsDir })).close()
})

test('a folder that cannot be written is refused with what to do', { skip }, async t => {
  const disk = mount(t, '2m')
  const path = join(disk, 'engraft.db')
  await (await openDatabase({ path, migrationsDir })).close()
  execFileSync('mount', ['-o', 'remount,ro', disk])
  for (const role of ['server', 'command'] as const) {
    const error = await refusal(openDatabase({ path, migrationsDir, role }))
    t.match(error, { name: 'DatabaseError', code: 'unwritable', message: /writable for this user/ }, role)
    t.ok(error.message.includes(disk), `${role}: ${error.message}`)
  }
})

test('a data folder whose place is taken by a file is refused by name', async t => {
  const path = freshPath(t)
  writeFileSync(path, '')
  t.match(await refusal(openDatabase({ path: join(path, 'engraft.db'), migrationsDir })), { code: 'unwritable', message: new RegExp(path) })
})

test('after a write that fails on the way every call rejects, nothing hangs, and a restart is clean', { skip: process.platform === 'win32' && 'needs ulimit' }, async t => {
  const path = freshPath(t)
  // A file size limit makes write(2) fail in the midst of a commit: to SQLite a true I/O error. The unit is 1 KiB.
  const child = spawn('bash', ['-c', 'ulimit -f 3000 && exec "$@"', 'bash', process.execPath, committer, path, '1', '20000'])
  const text = { out: '', err: '' }
  child.stdout.on('data', chunk => { text.out += String(chunk) })
  child.stderr.on('data', chunk => { text.err += String(chunk) })
  const [code] = await once(child, 'close') as [number]
  t.equal(code, 0, 'the process ended by itself')
  t.strictSame(JSON.parse(text.err), { deaths: 1, failed: Array(6).fill('storage_failed') })

  const database = await opened(t, path)
  const found = new Set(await ids(database))
  const acknowledged = text.out.trim().split('\n').map(Number)
  t.ok(acknowledged.length > 10)
  t.strictSame(acknowledged.filter(id => !found.has(id) || !found.has(id + 1)), [], 'no acknowledged row is lost')
  await database.check()
})

test('a backup is a whole database of its own, made while others write', async t => {
  const path = freshPath(t)
  const database = await opened(t, path)
  await database.commit([row(1, 2_000_000)])
  const writing = Promise.all(Array.from({ length: 50 }, async (_, index) => await database.commit([row(100 + index)])))
  const target = join(freshFolder(t), 'backup.db')
  await database.backup(target)
  await writing
  await database.backup(target)
  const copy = await opened(t, target)
  t.equal((await ids(copy)).length, 51, 'the second one replaced the first')
  await copy.check()

  await t.rejects(database.backup(path), { code: 'own_file' }, 'never over the database itself')
  await t.rejects(database.backup(join(path, 'x')), { code: 'storage_failed' } satisfies Partial<PublicError>)
  await database.commit([row(2)])
})

/** A disk of its own, unmounted when the test ends. */
function mount (t: Test, size: string): string {
  const folder = freshFolder(t)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder])
  t.teardown(() => execFileSync('umount', ['-l', folder]))
  return folder
}
