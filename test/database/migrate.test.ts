import { copyFileSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { type Test, test } from 'tap'
import type { Database } from '../../src/database/database.ts'
import { openDatabase } from '../../src/database/open.ts'
import { freshFolder, freshPath, migrationsDir, opened, refusal } from './fixtures.ts'

const one = 'create table notes (id integer primary key, text text not null) strict;'
const two = "alter table notes add column mood text not null default 'calm';"

test('the migrations of this code make a whole database from nothing', async t => {
  const database = await opened(t, freshPath(t))
  await database.check()
  t.strictSame(await versions(database), readdirSync(migrationsDir).filter(name => name.endsWith('.sql')).sort())
})

test('an older database is copied, then brought forward with its rows', async t => {
  const path = freshPath(t)
  const first = await opened(t, path, { migrationsDir: folder(t, { '001-notes.sql': one }) })
  await write(first, 'before')
  await first.close()
  const second = await opened(t, path, { migrationsDir: folder(t, { '001-notes.sql': one, '002-mood.sql': two }) })
  t.strictSame(await second.all(raw('select text, mood from notes')), [{ text: 'before', mood: 'calm' }])
  await write(second, 'after')
  await second.close()

  const copy = `${path}.before-002`
  const back = await opened(t, copy, { migrationsDir: folder(t, { '001-notes.sql': one }) })
  t.strictSame(await back.all(raw('select * from notes')), [{ id: 1, text: 'before' }], 'the copy opens with the older code')
})

test('a new store and one that is up to date leave no copy', async t => {
  const path = freshPath(t)
  await (await opened(t, path)).close()
  await (await opened(t, path)).close()
  t.strictSame(readdirSync(dirname(path)).filter(name => name.includes('before')), [])
})

test('a migration that throws at any of its statements leaves the old version and its rows', async t => {
  const statements = ['create table a (x) strict2', 'alter table notes rename to lines; select * from notes', `${two} insert into notes values (1, 'again', '')`, 'delete from notes; create table notes (x)']
  for (const statement of statements) {
    const path = freshPath(t)
    const old = folder(t, { '001-notes.sql': one })
    const first = await opened(t, path, { migrationsDir: old })
    await write(first, 'before')
    await first.close()
    const error = await refusal(openDatabase({ path, migrationsDir: folder(t, { '001-notes.sql': one, '002-bad.sql': statement }) }))
    t.match(error, { name: 'DatabaseError', code: 'migration_failed', message: /002-bad\.sql failed on .*engraft\.db.* as it was/ }, statement)
    const again = await opened(t, path, { migrationsDir: old })
    t.strictSame(await again.all(raw('select * from notes')), [{ id: 1, text: 'before' }])
    await again.check()
  }
})

test('a migration may rebuild a table that others refer to, but not leave a reference broken', async t => {
  const parents = 'create table parents (id integer primary key) strict; create table children (parent integer references parents (id)) strict;'
  const rebuild = 'create table parents2 (id integer primary key, name text) strict; insert into parents2 select id, null from parents; drop table parents; alter table parents2 rename to parents;'
  const path = freshPath(t)
  const first = await opened(t, path, { migrationsDir: folder(t, { '001-a.sql': parents }) })
  await first.commit([raw('insert into parents values (1)'), raw('insert into children values (1)')])
  await first.close()
  t.match(await refusal(openDatabase({ path, migrationsDir: folder(t, { '001-a.sql': parents, '002-b.sql': 'delete from parents' }) })), { code: 'migration_failed', message: /references/ })
  const second = await opened(t, path, { migrationsDir: folder(t, { '001-a.sql': parents, '002-b.sql': rebuild }) })
  t.strictSame(await second.all(raw('select * from parents')), [{ id: 1, name: null }])
  await t.rejects(second.commit([raw('delete from parents')]), { code: 'SQLITE_CONSTRAINT_FOREIGNKEY' }, 'and references count again afterwards')
})

test('when a new store cannot be finished nothing is left of it', async t => {
  const path = freshPath(t)
  t.match(await refusal(openDatabase({ path, migrationsDir: folder(t, { '001-notes.sql': one, '002-bad.sql': 'nonsense' }) })), { code: 'migration_failed' })
  t.strictSame(readdirSync(dirname(path)).filter(name => !name.startsWith('engraft.lock')), [])
})

test('a database newer than the code is refused, with the version and the copy to go back to', async t => {
  const path = freshPath(t)
  await (await opened(t, path, { migrationsDir: folder(t, { '001-notes.sql': one, '002-mood.sql': two }) })).close()
  const before = readFileSync(path)
  for (const role of ['server', 'command'] as const) {
    const error = await refusal(openDatabase({ path, role, migrationsDir: folder(t, { '001-notes.sql': one }) }))
    t.match(error, { code: 'newer_schema', message: /version 2 \(002-mood\.sql\).*before-002/ })
  }
  t.ok(readFileSync(path).equals(before))
})

test('a changed text of an applied migration is refused; other line endings are no change', async t => {
  const path = freshPath(t)
  await (await opened(t, path, { migrationsDir: folder(t, { '001-notes.sql': `${one}\n` }) })).close()
  t.match(await refusal(openDatabase({ path, migrationsDir: folder(t, { '001-notes.sql': `${one}\n-- tidy\n` }) })), { code: 'changed_migration', message: /001-notes\.sql/ })
  t.match(await refusal(openDatabase({ path, migrationsDir: folder(t, { '001-notes.sql': `${one}\n`, '002-mood.sql': two, '003-gap.sql': 'bad' }) })), { code: 'migration_failed' })
  t.match(await refusal(openDatabase({ path, migrationsDir: folder(t, { '001-notes.sql': `${one}\n`, '002-mood.sql': `${two}\n` }) })), { code: 'changed_migration' }, 'the second was applied before the third failed')
  await opened(t, path, { migrationsDir: folder(t, { '001-notes.sql': `${one}\r\n`, '002-mood.sql': two }) })
})

test('migrations with a gap or another kind of name are refused before the file is touched', async t => {
  const path = freshPath(t)
  for (const name of ['002-second.sql', '1-notes.sql', '001_notes.sql']) {
    t.match(await refusal(openDatabase({ path, migrationsDir: folder(t, { [name]: one }) })), { code: 'bad_migrations', message: new RegExp(name) })
  }
  t.notOk(existsSync(path))
})

test('a database whose recorded version was tampered with is refused', async t => {
  const path = freshPath(t)
  await (await opened(t, path)).close()
  const file = new Sqlite(path)
  file.pragma('user_version = 0')
  file.close()
  t.match(await refusal(openDatabase({ path, migrationsDir })), { code: 'damaged' })
})

test('a command does not migrate under a running server', async t => {
  const path = freshPath(t)
  await opened(t, path, { migrationsDir: folder(t, { '001-notes.sql': one }) })
  const newer = folder(t, { '001-notes.sql': one, '002-mood.sql': two })
  t.match(await refusal(openDatabase({ path, role: 'command', migrationsDir: newer })), { code: 'in_use' })
})

test('a copy that was put back is brought forward again', async t => {
  const path = freshPath(t)
  const old = folder(t, { '001-notes.sql': one })
  const newer = folder(t, { '001-notes.sql': one, '002-mood.sql': two })
  const first = await opened(t, path, { migrationsDir: old })
  await write(first, 'before')
  await first.close()
  await (await opened(t, path, { migrationsDir: newer })).close()
  copyFileSync(`${path}.before-002`, path)
  const again = await opened(t, path, { migrationsDir: newer })
  t.strictSame(await again.all(raw('select text, mood from notes')), [{ text: 'before', mood: 'calm' }])
})

function folder (t: Test, files: Record<string, string>): string {
  const folder = freshFolder(t)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

/** Tables that only these tests have are not in the schema, so their SQL is written out. */
function raw (text: string) {
  return { sql: text, parameters: [], query: { kind: 'RawNode' as const, sqlFragments: [], parameters: [] }, queryId: { queryId: '' } }
}

async function write (database: Database, text: string): Promise<void> {
  await database.commit([raw(`insert into notes (text) values ('${text}')`)])
}

async function versions (database: Database): Promise<string[]> {
  const rows = await database.all<{ name: string }>(raw('select name from migrations order by version'))
  return rows.map(({ name }) => name)
}
