import { execFileSync } from 'node:child_process'
import { appendFileSync, copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import type { Manifest } from '../../src/backup/manifest.ts'
import { readMigrations } from '../../src/database/migrate.ts'
import { openDatabase } from '../../src/database/open.ts'
import { sql } from '../../src/database/sql.ts'
import { add, openWorld, sha256, tinyAdapter } from '../adapters/opened.ts'
import { freshFolder, ids, migrationsDir, opened, row } from '../database/fixtures.ts'
import { backUp, contents, openBeside, restore } from './fixtures.ts'

const digest = sha256(tinyAdapter(1))
const adapterPath = `vault/${digest.slice(0, 2)}/${digest}.gguf`

/** A backup of a database with row 1 and one adapter. */
async function backup (t: Test): Promise<string> {
  const world = await openWorld(t)
  await world.database.commit([row(1, 20_000)])
  await add(world.adapters, 'house', 1)
  const target = join(freshFolder(t), 'backup')
  await backUp(world.folder, target)
  return target
}

/** A data folder whose database has row 2, closed. */
async function older (t: Test): Promise<string> {
  const data = freshFolder(t)
  const database = await opened(t, join(data, 'engraft.db'))
  await database.commit([row(2)])
  await database.close()
  return data
}

/** Ids of the rows that tests wrote; adding an adapter wrote others. */
async function idsIn (path: string): Promise<number[]> {
  const database = await openBeside(path)
  try {
    await database.check()
    return (await database.all(sql.selectFrom('audit').select('id').where('subject', '=', 'row').orderBy('id').compile())).map(({ id }) => id)
  } finally {
    await database.close()
  }
}

function rewrite (source: string, change: (manifest: Manifest) => unknown): void {
  const path = join(source, 'manifest.json')
  writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, 'utf8')) as Manifest)))
}

/** Makes the manifest agree with what lies there. */
function relist (source: string): void {
  rewrite(source, manifest => ({ ...manifest, files: manifest.files.map(({ path }) => ({ path, size: readFileSync(join(source, path)).length, sha256: sha256(readFileSync(join(source, path))) })) }))
}

function flip (path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at]! ^= 1
  writeFileSync(path, bytes)
}

const renamed = (path: string) => (source: string): void => { rewrite(source, manifest => ({ ...manifest, files: [...manifest.files, { path, size: 1, sha256: 'a'.repeat(64) }] })) }

test('a backup that is not what it says is refused by the name of the file, and the store that is there stays as it is', async t => {
  const harms: Record<string, [harm: (source: string) => void, names: RegExp]> = {
    'database cut off': [source => { truncateSync(join(source, 'engraft.db'), 50_000) }, /engraft\.db is cut off/],
    'database emptied': [source => { truncateSync(join(source, 'engraft.db'), 0) }, /engraft\.db is cut off/],
    'database grown': [source => { appendFileSync(join(source, 'engraft.db'), 'x') }, /engraft\.db is longer/],
    'database flipped': [source => { flip(join(source, 'engraft.db'), 70_000) }, /engraft\.db is damaged: its sha256/],
    'database missing': [source => { rmSync(join(source, 'engraft.db')) }, /engraft\.db is missing/],
    'database a folder': [source => { rmSync(join(source, 'engraft.db')); mkdirSync(join(source, 'engraft.db')) }, /engraft\.db is missing, or is no file/],
    'database a link': [source => { copyFileSync(join(source, 'engraft.db'), join(source, 'x')); rmSync(join(source, 'engraft.db')); symlinkSync(join(source, 'x'), join(source, 'engraft.db')) }, /engraft\.db is missing, or is no file/],
    'database a pipe': [source => { rmSync(join(source, 'engraft.db')); execFileSync('mkfifo', [join(source, 'engraft.db')]) }, /engraft\.db is missing, or is no file/],
    'adapter cut off': [source => { truncateSync(join(source, adapterPath), 10) }, /\.gguf is cut off/],
    'adapter flipped': [source => { flip(join(source, adapterPath), 10) }, /\.gguf is damaged/],
    'adapter missing': [source => { rmSync(join(source, adapterPath)) }, /\.gguf is missing/],
    'adapter not listed': [source => { rewrite(source, manifest => ({ ...manifest, files: manifest.files.slice(0, 1) })) }, /lacks the file of the adapter house@1/],
    'adapter that lies': [source => { flip(join(source, adapterPath), 10); relist(source) }, /manifest\.json is damaged: it lists 'vault/],
    'damaged inside, with its own sha256': [source => { writeFileSync(join(source, 'engraft.db'), Buffer.concat([readFileSync(join(source, 'engraft.db')).subarray(0, 8192), Buffer.alloc(100_000, 7)])); relist(source) }, /engraft\.db is what its manifest says, but no sound database/],
    'of another program': [source => { writeFileSync(join(source, 'engraft.db'), 'SQLite format 4, perhaps'.repeat(1000)); relist(source) }, /engraft\.db is what its manifest says, but no sound database/],
    'empty database': [source => { writeFileSync(join(source, 'engraft.db'), ''); relist(source) }, /engraft\.db is what its manifest says/],
    'manifest cut off': [source => { truncateSync(join(source, 'manifest.json'), 200) }, /manifest\.json is cut off/],
    'manifest missing': [source => { rmSync(join(source, 'manifest.json')) }, /is no backup/],
    'manifest a list': [source => { writeFileSync(join(source, 'manifest.json'), '[]') }, /manifest\.json is damaged/],
    'manifest null': [source => { writeFileSync(join(source, 'manifest.json'), 'null') }, /manifest\.json is damaged/],
    'manifest without database': [source => { rewrite(source, manifest => ({ ...manifest, files: manifest.files.slice(1) })) }, /does not list engraft\.db/],
    'a size below nought': [source => { rewrite(source, manifest => ({ ...manifest, files: manifest.files.map(file => ({ ...file, size: -1 })) })) }, /manifest\.json is damaged/],
    'the same twice': [source => { rewrite(source, manifest => ({ ...manifest, files: [...manifest.files, ...manifest.files] })) }, /twice/],
    'a path that climbs': [renamed('../../escaped'), /lists '\.\.\/\.\.\/escaped', which is no file of a backup/],
    'a path that climbs from the vault': [renamed(`vault/../../${'a'.repeat(64)}.gguf`), /no file of a backup/],
    'an absolute path': [renamed('/tmp/escaped'), /no file of a backup/],
    'a path with a backslash': [renamed('vault\\..\\..\\escaped'), /no file of a backup/],
    'another file of the data folder': [renamed('engraft.lock'), /no file of a backup/]
  }
  const sound = await backup(t)
  const data = await older(t)
  const before = contents(data)
  for (const [how, [harm, names]] of Object.entries(harms)) {
    const source = join(freshFolder(t), 'backup')
    cpSync(sound, source, { recursive: true })
    harm(source)
    await t.rejects(restore(source, data, { replace: true }), { name: 'BackupError', code: 'bad_backup', message: names }, how)
    t.strictSame(contents(data), before, `${how}: nothing was touched`)
  }
  await restore(sound, data, { replace: true })
  t.strictSame(await idsIn(join(data, 'engraft.db')), [1])
})

test('every single flipped byte of a sample over the whole backup is found', async t => {
  const source = await backup(t)
  const data = freshFolder(t)
  for (const path of ['engraft.db', adapterPath]) {
    const { length } = readFileSync(join(source, path))
    for (let at = 0; at < length; at += Math.ceil(length / 15)) {
      flip(join(source, path), at)
      await t.rejects(restore(source, data), { code: 'bad_backup' }, `${path} at ${at}`)
      flip(join(source, path), at)
    }
  }
  t.strictSame(contents(data), {})
  await restore(source, data)
})

test('where a database is, a restore needs --replace, and then keeps the old one, with all it held, under a dated name', async t => {
  const source = await backup(t)
  const data = await older(t)
  await t.rejects(restore(source, data), { code: 'taken', message: /--replace/ })
  t.strictSame(await idsIn(join(data, 'engraft.db')), [2])
  const { kept } = await restore(source, data, { replace: true })
  t.match(kept, /engraft\.db\.replaced-\d{4}-\d\d-\d\dT/)
  t.strictSame(await idsIn(join(data, 'engraft.db')), [1])
  t.strictSame(await idsIn(kept!), [2])
  t.ok(readFileSync(join(data, adapterPath)).equals(tinyAdapter(1)))
  t.strictSame(readdirSync(data).filter(name => /restoring|-wal|-shm/.test(name)), [])
})

test('a database that was killed with commits in its log keeps them when it is replaced, and they never reach the new one', async t => {
  const source = await backup(t)
  const data = freshFolder(t)
  const killed = freshFolder(t)
  const database = await opened(t, join(killed, 'engraft.db'))
  await database.commit([row(3)])
  for (const suffix of ['', '-wal']) copyFileSync(join(killed, `engraft.db${suffix}`), join(data, `engraft.db${suffix}`))
  const { kept } = await restore(source, data, { replace: true })
  t.strictSame(await idsIn(join(data, 'engraft.db')), [1])
  t.strictSame(await idsIn(kept!), [3])
})

test('a database beyond use is replaced and kept as it was, and a log without one is set aside', async t => {
  const source = await backup(t)
  const nonsense = await older(t)
  writeFileSync(join(nonsense, 'engraft.db'), 'nonsense'.repeat(1000))
  writeFileSync(join(nonsense, 'engraft.db-wal'), 'no log')
  const first = await restore(source, nonsense, { replace: true })
  t.equal(readFileSync(first.kept!, 'utf8'), 'nonsense'.repeat(1000))

  const lost = await older(t)
  rmSync(join(lost, 'engraft.db'))
  writeFileSync(join(lost, 'engraft.db-wal'), 'a log')
  await t.rejects(restore(source, lost), { code: 'taken' })
  const second = await restore(source, lost, { replace: true })
  t.equal(readFileSync(`${second.kept}-wal`, 'utf8'), 'a log')

  for (const data of [nonsense, lost]) {
    t.notOk(existsSync(join(data, 'engraft.db-wal')), 'nothing can be replayed into the new one')
    t.strictSame(await idsIn(join(data, 'engraft.db')), [1])
  }
})

test('a folder that a server or a command has is left alone', async t => {
  const source = await backup(t)
  const data = await older(t)
  const server = await opened(t, join(data, 'engraft.db'))
  await t.rejects(restore(source, data, { replace: true }), { name: 'DatabaseError', code: 'in_use', message: /Stop that one first/ })
  await server.close()
  const command = await opened(t, join(data, 'engraft.db'), { role: 'command' })
  await t.rejects(restore(source, data, { replace: true }), { name: 'DatabaseError', code: 'in_use' })
  t.strictSame(await ids(command), [2])
  t.notOk(readdirSync(data).some(name => /replaced|restoring/.test(name)))
  await command.close()
  await restore(source, data, { replace: true })
})

test('a backup of a newer Engraft is refused with both versions, also where its manifest is silent about it', async t => {
  const source = await backup(t)
  const data = await older(t)
  const before = contents(data)
  const schema = readMigrations(migrationsDir).length
  await t.rejects(restore(source, data, { replace: true, schema: schema - 1 }), { code: 'newer', message: new RegExp(`version ${schema} \\(Engraft 1\\.2\\.3\\).*only version ${schema - 1}`) })
  const oldCode = migrations(t, schema - 1)
  await t.rejects(restore(source, data, { replace: true, open: path => openDatabase({ path, migrationsDir: oldCode, role: 'command' }) }), { code: 'bad_backup', message: /newer_schema/ })
  rewrite(source, manifest => ({ ...manifest, format: 2 }))
  await t.rejects(restore(source, data, { replace: true }), { code: 'newer' })
  t.strictSame(contents(data), before)
})

test('a backup of an older version is brought forward, and what it was stays beside', async t => {
  // The second version is the first that knows adapters.
  const old = migrations(t, 2)
  const openOld = (path: string) => openDatabase({ path, migrationsDir: old, role: 'command' })
  const written = freshFolder(t)
  const database = await openOld(join(written, 'engraft.db'))
  await database.commit([row(1)])
  const source = join(freshFolder(t), 'backup')
  t.equal((await backUp(written, source, database, openOld)).schema, 2)
  await database.close()
  const data = freshFolder(t)
  await restore(source, data)
  const restored = await opened(t, join(data, 'engraft.db'))
  t.strictSame(await ids(restored), [1])
  t.equal((await restored.all(sql.selectFrom('migrations').select('version').compile())).length, readMigrations(migrationsDir).length)
  const before = await openOld(join(data, 'engraft.db.before-003'))
  t.strictSame(await ids(before), [1], 'as after any migration')
  await before.close()
})

test('what must be done to restored data is done before it is in its place, and where it fails the old store stays', async t => {
  const source = await backup(t)
  const data = await older(t)
  await t.rejects(restore(source, data, { replace: true, reapply: async () => { throw new Error('not erased') } }), { message: 'not erased' })
  t.strictSame(await idsIn(join(data, 'engraft.db')), [2])
  await restore(source, data, {
    replace: true,
    async reapply (database) {
      t.strictSame(await idsIn(join(data, 'engraft.db')), [2], 'the old one still answers')
      await database.commit([row(4)])
    }
  })
  t.strictSame(await idsIn(join(data, 'engraft.db')), [1, 4])
})

test('a disk that gets full in the middle of a restore leaves the old store, and nothing of the new', { skip: process.platform === 'linux' && process.getuid?.() === 0 ? false : 'needs root on Linux, to mount a small disk' }, async t => {
  const source = await backup(t)
  const disk = freshFolder(t)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk])
  t.teardown(() => execFileSync('umount', ['-l', disk]))
  const data = join(disk, 'data')
  cpSync(await older(t), data, { recursive: true })
  const before = contents(data)
  let refused = 0
  let done = false
  for (let kib = 64; !done; kib += 24) {
    writeFileSync(join(disk, 'ballast'), '')
    execFileSync('mount', ['-o', `remount,size=${Number(execFileSync('du', ['-sk', disk]).toString().split('\t')[0]) + kib}k`, disk])
    done = await restore(source, data, { replace: true }).then(() => true, (thrown: { code: string }) => {
      refused++
      if (thrown.code !== 'full') throw thrown
      return false
    })
    if (!done) t.strictSame(contents(data), before, `with ${kib} KiB`)
  }
  t.ok(refused > 3, `refused ${refused} times`)
  t.strictSame(await idsIn(join(data, 'engraft.db')), [1])
})

/** The first migrations, as older code had them. */
function migrations (t: Test, count: number): string {
  const folder = freshFolder(t)
  for (const { name } of readMigrations(migrationsDir).slice(0, count)) copyFileSync(join(migrationsDir, name), join(folder, name))
  return folder
}
