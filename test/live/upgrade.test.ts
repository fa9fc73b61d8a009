import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import Sqlite from 'better-sqlite3'
import { test } from 'tap'
import { vaultPath } from '../../src/backup/manifest.ts'
import { freshFolder, migrationsDir } from '../database/fixtures.ts'
import { startServer } from '../support/server.ts'
import { until } from '../support/wire.ts'
import { as, ask, assistant, embedded, memoriesOf, patience, search, user } from './remembering.ts'
import { ask as askAbout, fixtures, says } from './swapping.ts'

interface Kept { readonly id: string, readonly engraft: { readonly session: string } }
/** What the server of then answered when it was asked for all it had kept (test/fixtures/README.md). */
const then = JSON.parse(readFileSync(new URL('../fixtures/upgrade/said.json', import.meta.url), 'utf8')) as {
  readonly secrets: Readonly<Record<'laptop' | 'phone' | 'lost', string>>
  readonly answers: readonly [Kept, Kept, Kept]
  readonly zoes: readonly Kept[]
  readonly memories: readonly { readonly id: string, readonly content: string }[]
  readonly zoesMemories: readonly object[]
  readonly adapters: readonly [{ readonly versions: readonly { readonly digest: string }[] }]
  readonly keys: readonly object[]
  readonly audit: readonly { readonly detail: object }[]
  readonly messages: readonly { readonly content: string }[]
  readonly last: string
}
const bytes = gunzipSync(readFileSync(new URL('../fixtures/upgrade/engraft.db.gz', import.meta.url)))
const bearer = (key: keyof typeof then.secrets) => ({ authorization: `Bearer ${then.secrets[key]}` })

test('a data folder of the first release is served on by this one, with all that was in it', async t => {
  const data = join(freshFolder(t), 'data')
  mkdirSync(data)
  const path = join(data, 'engraft.db')
  writeFileSync(path, bytes)
  for (const [index, kind] of (['json', 'support'] as const).entries()) {
    const file = join(data, vaultPath(then.adapters[0].versions[index]!.digest))
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, fixtures[kind])
  }
  const server = await startServer(t, [], {}, data)
  const get = async <T> (path: string, headers: Record<string, string> = {}): Promise<T> => {
    const reply = await fetch(new URL(path, server.url), { headers })
    const body = await reply.json() as T
    if (!reply.ok) throw new Error(JSON.stringify(body))
    return body
  }
  const all = async (path: string, headers: Record<string, string> = {}): Promise<object[]> => (await get<{ data: object[] }>(path, headers)).data

  await t.test('the file is copied as it was, and brought forward', async t => {
    const copy = rowsIn(`${path}.before-006`)
    t.strictSame(copy, rowsIn(write(join(freshFolder(t), 'then.db'))))
    t.equal(copy.get('migrations')!.length, 5)
    t.equal(rowsIn(path).get('migrations')!.length, readdirSync(migrationsDir).filter(name => name.endsWith('.sql')).length)
  })

  await t.test('its keys open what they opened, for those they opened it for', async t => {
    t.hasStrict(await all('/admin/keys'), then.keys)
    t.equal((await all('/admin/keys', bearer('laptop'))).length, 3)
    t.hasStrict(await all('/v1/chat/completions?limit=100', bearer('phone')), then.zoes)
    t.hasStrict(await all('/v1/memories?limit=100', bearer('phone')), then.zoesMemories)
    t.equal((await fetch(`${server.url}/v1/models`, { headers: bearer('lost') })).status, 401, 'a revoked one stays revoked')
    t.equal((await fetch(`${server.url}/admin/keys`, { headers: bearer('phone') })).status, 403)
    const names = then.audit.map(({ detail, ...entry }) => ({ ...entry, detail: { ...detail, name: undefined } }))
    t.hasStrict((await all('/admin/audit?limit=1000')).slice(-then.audit.length), names, 'and the audit bears no name')
  })

  await t.test('its answers are on record, with what was asked', async t => {
    t.hasStrict((await all('/v1/chat/completions?limit=100')).slice(0, 3), then.answers)
    t.hasStrict(await all(`/v1/chat/completions/${then.answers[1].id}/messages`), then.messages)
    t.equal((await all('/v1/chat/completions?limit=100')).length, 4, 'and one that was deleted stays away')
  })

  await t.test('its adapters answer word for word, and go back and forth', async t => {
    t.hasStrict(await all('/admin/adapters'), then.adapters)
    t.match(await askAbout(server, 'notes'), { model: 'notes@1', text: says.support })
    t.equal((await server.post('/admin/adapters/notes/rollback', {})).status, 200)
    t.match(await askAbout(server, 'notes'), { model: 'notes@2', text: says.json })
    t.match(await askAbout(server, 'notes@1'), { text: says.support })
  })

  await t.test('its people are remembered, also what the server of then had no time to remember', async t => {
    await until(async () => (await memoriesOf(server, 'ada')).length === then.memories.length + 2, patience)
    await embedded(server)
    const memories = (await memoriesOf(server, 'ada')).reverse()
    t.hasStrict(memories.slice(2), then.memories)
    t.match(memories[1], { content: 'My sister plays the cello in Porto.', completion_id: then.last })
    const found = await search(server, 'ada', 'Which instrument does my sister play?', { limit: 3 })
    t.ok(!found.lexical_only && found.data.some(({ id }) => id === memories[1]!.id))
    t.ok((await search(server, 'ada', 'What is the name of my dog?', { limit: 3 })).data.some(({ content }) => content === 'My dog is called Biscuit.'))
    const { engraft } = await ask(server, 'ada', [user('What is the name of my dog?')])
    const dog = then.memories.find(({ content }) => content === 'My dog is called Biscuit.')!
    t.ok(engraft.memories.includes(dog.id), 'and an answer is given what they said')
    const words = [...then.messages.map(({ content }, index) => index === 1 ? assistant(content) : user(content)), assistant('Biscuit is a lovable dog named B'), user('Poor dog.')]
    t.equal((await ask(server, 'ada', words)).engraft.session, then.answers[0].engraft.session, 'a conversation of then goes on')
  })

  await t.test('what came later works on what was there', async t => {
    const corrected = await server.post('/v1/feedback', { completion_id: then.answers[2].id, kind: 'correction', value: 'Please switch the heater off, and send us a picture of it.' }, as('ada'))
    t.equal(corrected.status, 201)
    const { manifest } = await (await server.post('/admin/datasets/preview', { name: 'house' })).json() as { manifest: { counts: Record<string, { rows: number }> } }
    t.equal(manifest.counts.train!.rows + manifest.counts.test!.rows, 1, 'an answer of then is learnt from')
    const receipt = await (await fetch(`${server.url}/v1/users/ada`, { method: 'DELETE' })).json() as { rows: Record<string, number>, outside: string[] }
    t.match(receipt, { rows: { interactions: 6, feedback: 1 } })
    t.strictSame(receipt.outside, ['engraft.db.before-006'], 'whoever is erased learns of the copy')
    t.strictSame(await memoriesOf(server, 'ada'), [])
    t.notOk(['engraft.db', 'engraft.db-wal'].some(name => existsSync(join(data, name)) && readFileSync(join(data, name)).includes('Biscuit')))
    t.hasStrict(await all('/v1/memories?limit=100', bearer('phone')), then.zoesMemories)
  })
  t.equal(await server.stop(), 0)
})

function write (path: string): string {
  writeFileSync(path, bytes)
  return path
}

/** All rows of all tables. */
function rowsIn (path: string): Map<string, unknown[]> {
  const file = new Sqlite(path)
  try {
    const tables = file.prepare("select name from sqlite_schema where type = 'table' order by name").pluck().all() as string[]
    return new Map(tables.map(table => [table, file.prepare(`select * from "${table}"`).all()]))
  } finally {
    file.close()
  }
}
