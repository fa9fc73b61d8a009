import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { sql } from '../../src/database/sql.ts'
import { add, openWorld, sha256, tinyAdapter } from '../adapters/opened.ts'
import { freshFolder, ids, opened, row } from '../database/fixtures.ts'
import { backUp, contents, openBeside, restore } from './fixtures.ts'

const committer = fileURLToPath(new URL('../database/committer.ts', import.meta.url))

test('a backup made while another process writes without pause ends, holds whole commits only, and is restored with every row of before', async t => {
  const [data, elsewhere] = [freshFolder(t), freshFolder(t)]
  const first = await opened(t, join(data, 'engraft.db'))
  await first.commit(Array.from({ length: 20 }, (_, index) => row(1 + index, 1_000_000)))
  await first.close()
  const writer = spawn(process.execPath, [committer, join(data, 'engraft.db'), '1001', '2000'])
  t.teardown(() => { writer.kill('SIGKILL') })
  let acknowledged = ''
  writer.stdout.on('data', chunk => { acknowledged += String(chunk) })
  await once(writer.stdout, 'data')

  const before = acknowledged.trim().split('\n').map(Number)
  const manifest = await backUp(data, join(elsewhere, 'backup'))
  t.equal(writer.exitCode, null, 'the writer went on')
  const after = acknowledged.length
  await once(writer.stdout, 'data')
  t.ok(acknowledged.length > after, 'and goes on')
  t.match(manifest, { format: 1, engraft: '1.2.3', files: [{ path: 'engraft.db' }] })

  const restored = join(elsewhere, 'restored')
  t.equal((await restore(join(elsewhere, 'backup'), restored)).kept, null)
  const database = await opened(t, join(restored, 'engraft.db'))
  await database.check()
  const found = new Set(await ids(database))
  t.strictSame([...before.slice(0, -1), ...Array.from({ length: 20 }, (_, index) => 1 + index)].filter(id => !found.has(id)), [], 'what was acknowledged before is there')
  t.strictSame([...found].filter(id => id > 1000 && !found.has(id % 2 === 1 ? id + 1 : id - 1)), [], 'and no half commit')
})

test('a backup holds the files of the registered adapters alone, and says the size and sha256 of all that it holds', async t => {
  const world = await openWorld(t)
  await add(world.adapters, 'a', 1)
  await add(world.adapters, 'b', 2)
  await add(world.adapters, 'gone', 3)
  await world.adapters.remove('gone', null, 'cli')
  const target = join(freshFolder(t), 'backup')
  const manifest = await backUp(world.folder, target)
  const kept = [1, 2].map(seed => sha256(tinyAdapter(seed))).sort()
  t.strictSame(Object.keys(contents(target)), ['engraft.db', 'manifest.json', ...kept.map(digest => `vault/${digest.slice(0, 2)}/${digest}.gguf`)])
  t.strictSame(JSON.parse(readFileSync(join(target, 'manifest.json'), 'utf8')), manifest)
  for (const { path, size, sha256: digest } of manifest.files) {
    const bytes = readFileSync(join(target, path))
    t.strictSame({ size: bytes.length, digest: sha256(bytes) }, { size, digest }, path)
    if (process.platform !== 'win32') t.equal(statSync(join(target, path)).mode & 0o077, 0, 'for this account only')
  }

  const data = join(freshFolder(t), 'restored')
  await restore(target, data)
  const again = await openWorld(t, { bases: world.bases }, data)
  t.strictSame(again.kept(), kept)
  for (const digest of kept) t.ok(await again.vault.verify(digest, 'a@1'))
  t.strictSame(again.adapters.list().map(({ name }) => name), ['a', 'b'])
})

test('an adapter removed in the middle of a backup is left out of all of it', async t => {
  const world = await openWorld(t)
  await add(world.adapters, 'stays', 1)
  await add(world.adapters, 'goes', 2)
  let copies = 0
  const target = join(freshFolder(t), 'backup')
  await backUp(world.folder, target, {
    async backup (path) {
      await world.database.backup(path)
      if (copies++ === 0) await world.adapters.remove('goes', null, 'cli')
    }
  })
  t.equal(copies, 2, 'the database was copied again')
  const copy = await opened(t, join(target, 'engraft.db'))
  t.strictSame(await copy.all(sql.selectFrom('adapter_versions').select('name').where('removed_at', 'is', null).compile()), [{ name: 'stays' }])
  t.equal(readdirSync(join(target, 'vault'), { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.gguf')).length, 1)
})

test('a missing, damaged or replaced file of an adapter is named, and nothing is left of the backup', async t => {
  const harms: Record<string, (path: string) => void> = {
    missing: path => { rmSync(path) },
    damaged: path => { writeFileSync(path, Buffer.alloc(100)) },
    'a link': path => { rmSync(path); symlinkSync('/etc/hostname', path) },
    'a folder': path => { rmSync(path); mkdirSync(path) }
  }
  for (const [how, harm] of Object.entries(harms)) {
    const world = await openWorld(t)
    const { version } = await add(world.adapters, 'house', 1)
    harm(world.vault.pathOf(version.digest))
    const folder = freshFolder(t)
    await t.rejects(backUp(world.folder, join(folder, 'backup')), { name: 'BackupError', code: 'adapter_damaged', message: /house@1.*remove house@1/ }, how)
    t.strictSame(readdirSync(folder), [], how)
  }
})

test('a target that is there, lies in the data folder or has no folder is refused, and left as it is', async t => {
  const world = await openWorld(t)
  const taken = freshFolder(t)
  writeFileSync(join(taken, 'mine'), 'mine')
  await t.rejects(backUp(world.folder, taken), { code: 'taken', message: /there already/ })
  t.strictSame(contents(taken), { mine: Buffer.from('mine').toString('base64') })
  await t.rejects(backUp(world.folder, join(world.folder, 'backup')), { code: 'taken', message: /in the data folder/ })
  symlinkSync(world.folder, join(taken, 'link'))
  await t.rejects(backUp(world.folder, join(taken, 'link', 'backup')), { code: 'taken', message: /in the data folder/ }, 'also through a link')
  await t.rejects(backUp(world.folder, join(taken, 'none', 'backup')), { code: 'unwritable', message: /Make its folder/ })
  t.ok(await backUp(world.folder, `${world.folder}-beside`))
  t.teardown(() => { rmSync(`${world.folder}-beside`, { recursive: true }) })
})

test('what a killed backup left is removed by the next to the same target, and what others are writing is not', async t => {
  const world = await openWorld(t)
  const folder = freshFolder(t)
  const target = join(folder, 'backup')
  // No process has the first number: it is above the kernel's largest (2^22). The second is this one's parent, who lives.
  for (const name of ['backup.part-99999999', `backup.part-${process.ppid}`, 'other.part-99999999', 'backup.part-x', `backup.part-${process.pid}`]) {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'engraft.db'), 'half')
  }
  await backUp(world.folder, target)
  t.strictSame(readdirSync(folder).sort(), ['backup', 'backup.part-x', `backup.part-${process.ppid}`, 'other.part-99999999'].sort())
})

test('a disk that gets full in the middle of a backup keeps nothing of it', { skip: process.platform === 'linux' && process.getuid?.() === 0 ? false : 'needs root on Linux, to mount a small disk' }, async t => {
  const world = await openWorld(t)
  await world.database.commit([row(1, 1_500_000)])
  await add(world.adapters, 'a', 1)
  const disk = freshFolder(t)
  // From no room for the database to all but the manifest.
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk])
  t.teardown(() => execFileSync('umount', ['-l', disk]))
  let refused = 0
  let done = false
  for (let kib = 64; !done; kib += 48) {
    execFileSync('mount', ['-o', `remount,size=${kib}k`, disk])
    // What fits at last is as good as one that never failed.
    done = await backUp(world.folder, join(disk, 'backup')).then(() => true, (thrown: { code: string, message: string }) => {
      refused++
      if (thrown.code !== 'full' || !thrown.message.includes(`${disk}/backup is full`)) throw thrown
      if (readdirSync(disk).length > 0) throw new Error(`${readdirSync(disk).join()} was left`)
      return false
    })
  }
  t.ok(refused > 5, `refused at ${refused} sizes`)
  const data = join(freshFolder(t), 'restored')
  await restore(join(disk, 'backup'), data)
  const database = await openBeside(join(data, 'engraft.db'))
  t.strictSame((await ids(database)).includes(1), true)
  await database.close()
  t.notOk(existsSync(join(data, 'restoring')))
})
