import { copyFileSync, existsSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Sqlite from 'better-sqlite3'
import { type Test, test } from 'tap'
import { openDatabase } from '../../src/database/open.ts'
import { freshFolder, freshPath, ids, migrationsDir, opened, refusal, row, seeded } from './fixtures.ts'

const committer = fileURLToPath(new URL('./committer.ts', import.meta.url))

test('where nothing is, a new store is made that only this account can read', async t => {
  const path = join(freshFolder(t), 'deep', 'data', 'engraft.db')
  const database = await opened(t, path)
  t.strictSame(await ids(database), [])
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.equal(statSync(dirname(path)).mode & 0o777, 0o700)
  await database.close()
  t.strictSame(readdirSync(dirname(path)).sort(), ['engraft.db', 'engraft.lock'], 'closing leaves no log behind')
})

test('what was written is there when it is opened again', async t => {
  const path = freshPath(t)
  const first = await opened(t, path)
  await first.commit([row(7)])
  await first.close()
  t.strictSame(await ids(await opened(t, path)), [7])
})

test('an empty file is refused and left as it is', async t => {
  const path = freshPath(t)
  writeFileSync(path, '')
  const error = await refusal(openDatabase({ path, migrationsDir }))
  t.match(error, { name: 'DatabaseError', code: 'empty_file', message: /empty file.*backup/s })
  t.ok(error.message.includes(path))
  t.equal(statSync(path).size, 0)
})

test('a store half-made when the machine stopped is begun anew', async t => {
  const path = freshPath(t)
  writeFileSync(`${path}.new`, 'half')
  writeFileSync(`${path}.new-wal`, 'half')
  const database = await opened(t, path)
  await database.commit([row(1)])
  t.notOk(existsSync(`${path}.new`))
  t.notOk(existsSync(`${path}.new-wal`))
})

test('a write-ahead log without its database is refused, not replayed into a new one', async t => {
  const path = freshPath(t)
  writeFileSync(`${path}-wal`, 'the last commits')
  t.match(await refusal(openDatabase({ path, migrationsDir })), { code: 'missing', message: /is missing, but/ })
  t.notOk(existsSync(path))
})

test('a file of another kind, and a database of another program, are refused', async t => {
  const path = freshPath(t)
  writeFileSync(path, 'Dear diary,\n'.repeat(1000))
  t.match(await refusal(openDatabase({ path, migrationsDir })), { code: 'not_a_database' })
  rmSync(path)
  new Sqlite(path).exec('create table mine (x)').close()
  t.match(await refusal(openDatabase({ path, migrationsDir })), { code: 'not_a_database', message: /another program/ })
})

test('a damaged header, a damaged page and a cut file are each refused, with the path and the remedy', async t => {
  const whole = await sample(t)
  const size = statSync(whole).size
  const damages: Record<string, (path: string) => void> = {
    'first byte': path => overwrite(path, 0, Buffer.from([0])),
    'page size': path => overwrite(path, 16, Buffer.from([0x03, 0x21])),
    'format version': path => overwrite(path, 18, Buffer.from([9, 9])),
    schema: path => overwrite(path, 100, Buffer.alloc(200, 0xff)),
    'a page in the middle': path => overwrite(path, Math.floor(size / 2 / 4096) * 4096, Buffer.alloc(4096, 0xa5)),
    'zeroed page': path => overwrite(path, size - 4096 * 3, Buffer.alloc(4096)),
    'cut by half': path => truncateSync(path, Math.floor(size / 2 / 4096) * 4096),
    'cut by a page': path => truncateSync(path, size - 4096),
    'cut to a stump': path => truncateSync(path, 50)
  }
  for (const [name, damage] of Object.entries(damages)) {
    const path = freshPath(t)
    copyFileSync(whole, path)
    damage(path)
    const size = statSync(path).size
    const error = await refusal(openDatabase({ path, migrationsDir }))
    t.match(error, { name: 'DatabaseError', message: /move .* away.* backup/ }, `${name}: ${error.message.split('.')[0]}`)
    t.ok(error.message.includes(path), `${name}: names the path`)
    t.equal(statSync(path).size, size, `${name}: nothing is put in its place`)
  }
})

test('random damage is refused in words, or opened with every row that is left', async t => {
  const whole = await sample(t)
  const size = statSync(whole).size
  const random = seeded(11)
  let refused = 0
  for (let round = 0; round < 12; round++) {
    const path = freshPath(t)
    copyFileSync(whole, path)
    for (let hole = 0; hole <= round; hole++) overwrite(path, Math.floor(random() * size), Buffer.from([random() * 256, random() * 256]))
    const outcome = await openDatabase({ path, migrationsDir }).then(async database => {
      // A byte inside a row's text is in no checksum; the rest of the file must then be whole.
      t.equal((await ids(database)).length, 300, `round ${round}: opened`)
      await database.close()
      return null
    }, (thrown: unknown) => thrown)
    if (outcome === null) continue
    refused++
    t.match(outcome, { name: 'DatabaseError', message: /engraft\.db/ }, `round ${round}: refused`)
  }
  t.ok(refused > 0, `${refused} of 12 were refused`)
})

test('damage that only a full check can see is found by check', async t => {
  const path = await sample(t)
  const raw = new Sqlite(path)
  raw.exec("insert into keys (id, digest, name, tenant, scopes, created_at) values ('a', zeroblob(32), 'n', 'tenant-x', '[]', 'now')")
  raw.close()
  // The table says tenant-y, its index still tenant-x: quick_check does not compare the two.
  overwrite(path, readFileSync(path).indexOf('tenant-x') + 'tenant-'.length, Buffer.from('y'))
  const database = await opened(t, path)
  await t.rejects(database.check(), { name: 'DatabaseError', code: 'damaged', message: /engraft\.db is damaged: .* backup/s })
})

test('a second server on the same folder is refused, from this process or another, and a killed one does not block', async t => {
  const path = freshPath(t)
  const child = spawn(process.execPath, [committer, path, '1', '10'])
  await new Promise(resolve => child.stdout.once('data', resolve))
  const error = await refusal(openDatabase({ path, migrationsDir }))
  t.match(error, { name: 'DatabaseError', code: 'in_use', message: /another Engraft process/ })
  t.ok(error.message.includes(dirname(path)))
  child.kill('SIGKILL')
  await new Promise(resolve => child.once('close', resolve))
  await opened(t, path)
  t.match(await refusal(openDatabase({ path, migrationsDir })), { code: 'in_use' })
})

test('a command works beside a running server, and each sees what the other committed', async t => {
  const path = freshPath(t)
  const server = await opened(t, path)
  await server.commit([row(1)])
  const command = await opened(t, path, { role: 'command' })
  await command.commit([row(2)])
  await Promise.all([...Array(50).keys()].map(async n => await (n % 2 === 0 ? server : command).commit([row(100 + n)])))
  t.equal((await ids(server)).length, 52)
  await command.close()
  await server.commit([row(3)])
  t.strictSame((await ids(server)).slice(0, 3), [1, 2, 3])
})

test('two commands that start on an empty folder at once make one store', async t => {
  const path = freshPath(t)
  const both = await Promise.all([opened(t, path, { role: 'command' }), opened(t, path, { role: 'command' })])
  await Promise.all(both.map(async (database, index) => await database.commit([row(index)])))
  t.strictSame(await ids(both[0]!), [0, 1])
})

test('text that was deleted is nowhere in the folder after close', async t => {
  const path = freshPath(t)
  const database = await opened(t, path)
  const canary = 'heliotrope-canary-4711'
  const insert = { ...row(0), sql: 'insert into keys (id, digest, name, tenant, scopes, created_at) values (?, zeroblob(32), ?, ?, ?, ?)', parameters: ['k', canary, 't', '[]', 'now'] }
  await database.commit([insert])
  await database.commit([{ ...row(0), sql: 'delete from keys', parameters: [] }])
  await database.close()
  for (const name of readdirSync(dirname(path))) t.notOk(readFileSync(join(dirname(path), name)).includes(canary), name)
})

/** A closed database with 300 rows over many pages. */
async function sample (t: Test): Promise<string> {
  const path = freshPath(t)
  const database = await openDatabase({ path, migrationsDir })
  for (let id = 1; id <= 300; id++) await database.commit([row(id, 1500)])
  await database.close()
  return path
}

function overwrite (path: string, offset: number, bytes: Buffer): void {
  const content = readFileSync(path)
  bytes.copy(content, offset)
  writeFileSync(path, content)
}
