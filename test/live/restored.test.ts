import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { query } from '../../src/database/sql.ts'
import { begin } from '../../src/training/store.ts'
import { openBeside } from '../backup/fixtures.ts'
import { run } from '../clients/python.ts'
import { freshFolder } from '../database/fixtures.ts'
import { type LiveServer, startServer } from '../support/server.ts'
import { until } from '../support/wire.ts'
import { as, ask, captured, memoriesOf, patience, user } from './remembering.ts'
import { act, ask as askAbout, fixtures, says, upload } from './swapping.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const engraft = (...args: readonly string[]) => run(process.execPath, [main, ...args])

/** What each of them asks, what they correct the answer to, and the word in both that nobody else says. */
const people = {
  ada: ['How do I prune a quince tree?', 'Cut the crossing branches of the quince in late winter.', 'quince'],
  bob: ['What is a good name for a trawler?', 'Your trawler may be called the Morning Tide.', 'trawler'],
  cyd: ['Why does sourdough rise in the oven?', 'Steam and wild yeast push the sourdough up.', 'sourdough'],
  dan: ['Where do wagtails spend January?', 'Most wagtails fly to the south of the Sahara.', 'wagtails'],
  eve: ['Who built the first zither?', 'The zither came there with traders from the east.', 'zither'],
  fay: ['When do marmots wake up?', 'In April all marmots dig themselves out of the snow.', 'marmots']
} as const
type Person = keyof typeof people
const names = Object.keys(people) as Person[]

test('whoever was erased after a backup is nowhere once it is restored, others are as they were, and the adapter that learnt from both is tainted', async t => {
  const first = await startServer(t)
  const { data } = first
  t.equal((await upload(first, 'notes', fixtures.support)).status, 201)
  t.equal(await act(first, 'notes', 'promote', { version: 1 }), 200)
  for (const name of names) {
    const [question, better] = people[name]
    await ask(first, name, [user(question)])
    const { data: [answer] } = await read<{ data: [{ id: string }] }>(first, '/v1/chat/completions', name)
    t.equal((await first.post('/v1/feedback', { completion_id: answer.id, kind: 'correction', value: better }, as(name))).status, 201)
  }
  await captured(first)
  const { id: dataset } = await (await first.post('/admin/datasets', { name: 'house' })).json() as { id: string }
  await until(async () => (await read<{ state: string }>(first, `/admin/datasets/${dataset}`)).state === 'ready', patience)
  await trained(data, dataset)
  t.match(await versions(first), [{ trained: { dataset }, tainted: null }])

  // Who is held out is drawn, and nothing is learnt from them.
  const sides = await Promise.all(names.map(async name => ({ name, split: (await read<{ data: [{ versions: [{ split: string }] }] }>(first, `/admin/datasets/lineage?user=${name}`)).data[0].versions[0].split })))
  const learnt = sides.filter(({ split }) => split !== 'test')
  const [gone, stays] = learnt.filter(({ split }) => split === 'train').map(({ name }) => name) as [Person, Person]
  const paths = { gone: await pathsOf(first, dataset, gone), stays: await pathsOf(first, dataset, stays) }
  t.strictSame(await silent(first, paths.gone, gone), [], 'every route that is asked tells of them')
  t.strictSame(await silent(first, paths.stays, stays), [])
  const remembered = await memoriesOf(first, stays)

  const backup = join(freshFolder(t), 'backup')
  const made = await engraft('backup', backup, '--data', data)
  t.equal(made.code, 0, made.err)
  const receipt = await (await fetch(`${first.url}/v1/users/${gone}`, { method: 'DELETE' })).json()
  t.match(receipt, { datasets: ['house@1'], adapters: ['notes@1'] })
  await ask(first, stays, [user('This is said after the backup.')])
  t.equal(await first.stop(), 0)
  const restored = await engraft('restore', backup, '--data', data, '--replace')
  t.equal(restored.code, 0, restored.err)
  t.ok(bytesBelow(backup).includes(people[gone][2]), 'the backup itself lies outside, and still holds it')

  const second = await startServer(t, [], {}, data)
  t.strictSame(await silent(second, paths.gone, gone), paths.gone, 'no route tells anything of them')
  for (const path of [`/admin/datasets/lineage?user=${gone}`, '/v1/chat/completions']) t.strictSame((await read<{ data: object[] }>(second, path, gone)).data, [])
  t.notOk(bytesBelow(data).includes(people[gone][2]), 'and no file')
  t.notMatch(restored.out + restored.err + second.log(), people[gone][2])
  t.match(await read(second, `/v1/users/${gone}/erasures`), { data: [{ id: /^erasure_/ }] })
  t.strictSame(await silent(second, paths.stays, stays), [], 'of the others all do')
  t.strictSame(await memoriesOf(second, stays), remembered, 'as it was at the backup')
  t.ok(bytesBelow(data).includes(people[stays][2]))

  t.match(await versions(second), [{ live: true, trained: { dataset }, tainted: { rows: 1 } }])
  t.match(await read(second, '/admin/adapters/notes/lineage'), { adapter: 'notes@1', gone: 1, people: learnt.length - 1 })
  t.match(await askAbout(second, 'notes'), { model: 'notes@1', text: says.support })
  await ask(second, gone, [user('Hello, I am new here.')])
  await captured(second)
  t.equal((await memoriesOf(second, gone)).filter(({ role }) => role === 'user').length, 1, 'who comes back is new')
})

/** What tells a person's word, whatever the model answered: lists, and all that was theirs by its id. */
async function pathsOf (server: LiveServer, dataset: string, name: Person): Promise<string[]> {
  const { data: answers } = await read<{ data: { id: string }[] }>(server, '/v1/chat/completions', name)
  return [
    '/v1/memories?limit=100', `/v1/users/${name}/export`, `/admin/datasets/${dataset}/export?format=trl-sft&split=train`,
    ...answers.flatMap(({ id }) => [`/v1/chat/completions/${id}/messages`, `/v1/feedback?completion_id=${id}`]),
    ...(await memoriesOf(server, name)).filter(({ role }) => role === 'user').map(({ id }) => `/v1/memories/${id}`)
  ]
}

/** Those of the paths that do not tell a person's word, asked as they. */
async function silent (server: LiveServer, paths: readonly string[], name: Person): Promise<string[]> {
  const told = await Promise.all(paths.map(async path => await (await fetch(server.url + path, as(name))).text()))
  return paths.filter((_, index) => !told[index]!.includes(people[name][2]))
}

async function read<T> (server: LiveServer, path: string, name?: Person): Promise<T> {
  return await (await fetch(server.url + path, name === undefined ? {} : as(name))).json() as T
}

async function versions (server: LiveServer): Promise<readonly { readonly digest: string }[]> {
  return (await read<{ versions: { digest: string }[] }>(server, '/admin/adapters/notes')).versions
}

/** The run that `notes@1` would have come from: training one needs PyTorch. */
async function trained (data: string, dataset: string): Promise<void> {
  const database = await openBeside(join(data, 'engraft.db'))
  try {
    const { id } = await begin(database, { tenant: 'local', name: 'notes', dataset, base: null, method: null, parent: null, candidate: null, hyper: {}, checks: [], examples: 0, judge: null, curve: false }, '00'.repeat(32), Date.now())
    await database.commit([query("update training_runs set stage = 'done', ended = created, digest = (select unhex(digest) from adapter_versions) where id = :id", { id })])
  } finally {
    await database.close()
  }
}

/** All bytes below a folder. */
function bytesBelow (folder: string): Buffer {
  return Buffer.concat(readdirSync(folder, { withFileTypes: true, recursive: true }).filter(entry => entry.isFile()).map(entry => readFileSync(join(entry.parentPath, entry.name))))
}
