import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { setTimeout as wait } from 'node:timers/promises'
import { test } from 'tap'
import { openDatabase } from '../../src/database/open.ts'
import { freshPath, ids, migrationsDir, opened, row, seeded } from './fixtures.ts'

const committer = fileURLToPath(new URL('./committer.ts', import.meta.url))

/** Enough to hit the making of the store, commits and checkpoints; about two seconds each. */
const rounds = 10

test('every row acknowledged before a kill -9 is there after it, and no half of a commit', async t => {
  const path = freshPath(t)
  const random = seeded(7)
  const acknowledged = new Set<number>()
  for (let round = 0; round < rounds; round++) {
    const child = spawn(process.execPath, [committer, path, String(1 + round * 1_000_000), '3000'])
    const lines = collect(child)
    // The first round is killed while the store is still being made, as likely as not.
    await wait(round === 0 ? 150 + random() * 200 : 0)
    if (round > 0) await once(child)
    await wait(random() * 150)
    child.kill('SIGKILL')
    for (const id of await lines) acknowledged.add(id)

    const database = await openDatabase({ path, migrationsDir })
    const found = new Set(await ids(database))
    t.equal([...acknowledged].filter(id => !found.has(id) || !found.has(id + 1)).length, 0, `round ${round}: nothing of ${acknowledged.size} commits is lost`)
    t.equal([...found].filter(id => !found.has(id % 2 === 1 ? id + 1 : id - 1)).length, 0, `round ${round}: no half commits`)
    await database.check()
    await database.close()
  }
  t.ok(acknowledged.size > rounds, `the child did commit (${acknowledged.size} times)`)
})

test('commits that arrive together share their syncs', async t => {
  const path = freshPath(t)
  const database = await opened(t, path)
  const before = transactions(path)
  const rows = Array.from({ length: 500 }, (_, id) => row(id))
  await Promise.all(rows.map(async row => await database.commit([row])))
  const shared = transactions(path) - before
  // About 10 on an idle machine; on a busy one they arrive more slowly than they are committed.
  t.ok(shared >= 1 && shared <= 150, `500 commits took ${shared} transactions`)
  await database.commit([row(1000)])
  await database.commit([row(1001)])
  t.equal(transactions(path) - before - shared, 2, 'and one after the other each take their own')
})

test("one caller's failure in a shared transaction undoes only its own rows", async t => {
  const database = await opened(t, freshPath(t))
  await database.commit([row(50)])
  const results = await Promise.allSettled([
    database.commit([row(1), row(2)]),
    database.commit([row(3), row(50)]),
    database.commit([row(4)]),
    database.commit([{ ...row(5), sql: 'insert into nowhere values (1)' }]),
    database.commit([row(6)])
  ])
  t.strictSame(results.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'])
  t.match(results[1], { reason: { name: 'DatabaseError', code: /^SQLITE_CONSTRAINT/ } })
  t.match(results[3], { reason: { code: 'SQLITE_ERROR', message: /nowhere/ } })
  t.strictSame(await ids(database), [1, 2, 4, 6, 50], 'row 3 went with the row that failed')
})

test('a failure that only shows at the common commit fails only its own caller', async t => {
  const database = await opened(t, freshPath(t))
  // Deferred references are checked by the outermost COMMIT.
  const orphan = { ...row(0), sql: 'insert into key_usage (key_id, day, tokens) values (?, ?, ?)', parameters: ['nobody', '2026-01-01', 1] }
  const deferred = { ...row(0), sql: 'pragma defer_foreign_keys = on', parameters: [] }
  const results = await Promise.allSettled([database.commit([row(1)]), database.commit([deferred, orphan]), database.commit([row(2)])])
  t.strictSame(results.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled'])
  t.match(results[1], { reason: { code: /^SQLITE_CONSTRAINT/ } })
  t.strictSame(await ids(database), [1, 2])
})

test('a commit resolves to the rows each query changed, and a read cannot write', async t => {
  const database = await opened(t, freshPath(t))
  t.strictSame(await database.commit([row(1), row(2), { ...row(0), sql: "update keys set name = 'x'", parameters: [] }]), [1, 1, 0])
  t.strictSame(await database.commit([]), [])
  await t.rejects(database.all({ ...row(3), sql: `${row(3).sql} returning id` }), { message: /belongs in commit/ })
  t.strictSame(await ids(database), [1, 2])
})

test('after close every call rejects at once, and closing again is no error', async t => {
  const database = await opened(t, freshPath(t))
  const last = database.commit([row(1)])
  await Promise.all([database.close(), database.close()])
  t.strictSame(await last, [1], 'what was asked before the end was done')
  await t.rejects(ids(database), { code: 'storage_failed' })
  await t.rejects(database.commit([row(2)]), { code: 'storage_failed' })
})

async function collect (child: ChildProcess): Promise<number[]> {
  let text = ''
  for await (const chunk of child.stdout!) text += String(chunk)
  // A last line that the kill cut short was never acknowledged in full.
  return text.split('\n').slice(0, -1).map(Number)
}

async function once (child: ChildProcess): Promise<void> {
  await new Promise(resolve => child.stdout!.once('data', resolve))
}

/** Transactions in the write-ahead log: a frame that ends one carries the database's size (sqlite.org/fileformat.html, 4.1). */
function transactions (path: string): number {
  const log = readFileSync(`${path}-wal`)
  if (log.length === 0) return 0
  const frame = 24 + log.readUInt32BE(8)
  let count = 0
  for (let offset = 32; offset < log.length; offset += frame) if (log.readUInt32BE(offset + 4) > 0) count++
  return count
}
