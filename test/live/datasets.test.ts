import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { freshFolder } from '../database/fixtures.ts'
import { chatBody, startServer } from '../support/server.ts'
import { until } from '../support/wire.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const run = promisify(execFile)

const questions = ['How do I prune an apple tree?', 'What is a good name for a ferry?', 'Why does bread rise in the oven?', 'Where do swallows spend the winter?', 'Who invented the zip on trousers?']
const better = ['Cut the crossing branches in late winter.', 'Call it the Morning Tide.', 'Steam and yeast push the dough up.', 'They fly south of the Sahara.', 'Gideon Sundback made the modern one.']

test('what people correct over HTTP becomes a data set that the terminal shows, and an erasure marks it', async t => {
  const server = await startServer(t)
  const corrected: string[] = []
  for (let user = 0; user < questions.length; user++) {
    const headers = { 'x-engraft-user': `user-${user}` }
    // Nobody says what another one says: a near copy of what is held out would not be learnt.
    const k = (user + 2) % questions.length
    const { id } = await (await server.post('/v1/chat/completions', chatBody(`${questions[user]} I ask for garden number ${user * 37}.`, { max_tokens: 4 }), { headers })).json() as { id: string }
    t.equal((await server.post('/v1/feedback', { completion_id: id, kind: 'correction', value: `${better[user]} And for number ${user}: ${better[k]}` }, { headers })).status, 201)
    corrected.push(id)
  }
  const preview = await (await server.post('/admin/datasets/preview', { name: 'house' })).json() as { manifest: { counts: Record<string, { rows: number }> } }
  t.equal(preview.manifest.counts.train!.rows + preview.manifest.counts.test!.rows, 5)

  const cli = async (...given: string[]): Promise<string> => (await run(process.execPath, [main, 'datasets', ...given, '--url', server.url])).stdout
  const benchmark = join(freshFolder(t), 'gardens.jsonl')
  await writeFile(benchmark, questions.map((question, user) => JSON.stringify({ id: user, question: `${question} I ask for garden number ${user * 37}.`, answer: 'A' })).join('\n'))
  const kept = await cli('preview', 'house', '--benchmark', benchmark)
  t.match(kept, /gardens\.jsonl: 5 texts of 'gardens' are not to be learnt\./)
  t.match(kept, /(?:overlaps with|asks what) gardens/)
  t.match(kept, /train: 0 rows of 0 people; valid: 0 rows/, 'only who is held out is left')
  t.match(await cli('build', 'house'), /# house@1\n\n5 rows[\s\S]*\| evidence \| 5 \| 0/)
  t.match(await cli('list'), /house@1 +local .*ready/)
  const { data } = await (await fetch(`${server.url}/admin/datasets`)).json() as { data: { id: string, sha256: string }[] }
  const again = await (await server.post('/admin/datasets', { name: 'house' })).json() as { id: string, state: string }
  t.equal(again.state, 'building')
  const detail = async (id: string) => await (await fetch(`${server.url}/admin/datasets/${id}`)).json() as { state: string, sha256: string, erased: number, card: string }
  await until(async () => (await detail(again.id)).state === 'ready', 120_000)
  t.equal((await detail(again.id)).sha256, data[0]!.sha256)
  t.match(await cli('diff', 'house@2', 'house@1'), /Against house@1: 5 rows then, 0 new since/)

  const lineage = await (await fetch(`${server.url}/admin/datasets/lineage?completion=${corrected[2]}`)).json() as { data: { user: string, versions: unknown[] }[] }
  t.match(lineage.data, [{ user: 'user-2', versions: [{ name: 'house', version: 1 }, { name: 'house', version: 2 }] }])
  const receipt = await (await fetch(`${server.url}/v1/users/user-2`, { method: 'DELETE' })).json() as { datasets: string[] }
  t.strictSame(receipt.datasets, ['house@1', 'house@2'])
  t.equal((await detail(again.id)).erased, 1)
  t.match((await detail(again.id)).card, /1 row may not be learnt from any more/)
  t.equal((await fetch(`${server.url}/admin/datasets/none`)).status, 404)
  t.equal((await server.post('/admin/datasets', { name: 'house', filters: { polish: {} } })).status, 400)
  t.notMatch(server.log(), /prune|Sahara/)
})
