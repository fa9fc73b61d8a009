import { Value } from 'typebox/value'
import { test } from 'tap'
import { listAdapters } from '../../src/cli/adapters.ts'
import { lineage } from '../../src/cli/lineage.ts'
import type { Trained } from '../../src/lineage/lineage.ts'
import { AdapterLineage } from '../../src/server/schemas/adapters.ts'
import { LineageList } from '../../src/server/schemas/datasets.ts'
import type { Datasets, Lineages } from '../../src/server/ports.ts'
import { MemoryAdapters } from '../support/adapters.ts'
import { appFor, listening } from '../support/app.ts'

const trained: Trained = { run: 'run_1', datasets: [{ id: 'ds_1', name: 'house', version: 3 }], gone: 2 }
const row = 'ab'.repeat(16)

/** `house@1` was trained here, `house@2` came from elsewhere. */
async function open (t: Parameters<typeof appFor>[0]) {
  const calls: unknown[] = []
  const lineages: Lineages = {
    trained: async () => new Map([['house@1', trained]]),
    rows: async (reference, page) => {
      calls.push([reference, page])
      return reference === 'house@1' ? { people: 4, rows: 30, data: [{ row, interaction: 'chatcmpl-1', dataset: 'ds_1', split: 'train' }], more: true } : { people: 0, rows: 0, data: [], more: false }
    },
    learntFrom: async rows => new Map(rows.filter(one => one === row).map(one => [one, ['house@1']])),
    answeredBy: async id => ({ 'chatcmpl-1': 'house@1', 'chatcmpl-2': 'tiny' })[id] ?? null
  }
  const found = { interaction: 'chatcmpl-1', session: 's', tenant: 'local', user: 'ada', feedback: ['fb_1'], model: 'house@1', versions: [{ id: 'ds_1', name: 'house', version: 3, split: 'train' as const }] }
  const datasets = { lineage: async (of: unknown) => { calls.push(of); return [{ ...found, row }, { ...found, row: 'other' }] } } as unknown as Datasets
  const adapters = new MemoryAdapters()
  for (const source of ['file:/a.gguf', 'file:/b.gguf']) await adapters.add({ name: 'house', base: null, content: source }, 'cli')
  const app = await appFor(t, { adapters, lineages, datasets })
  return { app, adapters, calls }
}

test('a version says what it was trained on and how much of that has gone', async t => {
  const { app } = await open(t)
  const { versions } = (await app.inject({ url: '/admin/adapters/house' })).json()
  t.match(versions, [{ version: 2, trained: null, tainted: null }, { version: 1, trained: { run: 'run_1', dataset: 'ds_1' }, tainted: { rows: 2 } }])
  t.strictSame((await app.inject({ url: '/admin/adapters' })).json().data[0].versions, versions)
  const lines: string[] = []
  await listAdapters({ url: (await listening(app)).url, key: null }, line => { lines.push(line) })
  t.match(lines.slice(1), [/^house {2}2 {8}ready {11}no/, /^house {2}1 {8}ready, tainted {2}no/])
})

test('a version\'s rows come page by page, and of what came from elsewhere there are none', async t => {
  const { app, adapters, calls } = await open(t)
  const ask = async (query: string) => await app.inject({ url: `/admin/adapters/house/lineage${query}` })
  const reply = (await ask('?version=1&limit=1&after=aa')).json()
  t.ok(Value.Check(AdapterLineage, reply))
  t.match(reply, { adapter: 'house@1', run: 'run_1', datasets: [{ id: 'ds_1', name: 'house', version: 3 }], gone: 2, people: 4, rows: 30, data: [{ row, completion: 'chatcmpl-1', split: 'train' }], has_more: true })
  t.match((await ask('')).json(), { adapter: 'house@2', run: null, datasets: [], data: [], has_more: false }, 'the newest where none is live')
  await adapters.promote('house', 1, 'cli')
  t.equal((await ask('')).json().adapter, 'house@1')
  t.strictSame(calls, [['house@1', { after: 'aa', limit: 1 }], ['house@2', { after: null, limit: 100 }], ['house@1', { after: null, limit: 100 }]])
  t.equal((await ask('?version=9')).json().error.code, 'adapter_not_found')
  for (const bad of ['?version=0', '?version=x', '?limit=0', '?limit=99999']) t.equal((await ask(bad)).statusCode, 400, bad)
})

test('a row says who learnt from it, and an answer what gave it', async t => {
  const { app } = await open(t)
  const ask = async (query: string) => (await app.inject({ url: `/admin/datasets/lineage?${query}` })).json()
  const reply = await ask('completion=chatcmpl-1')
  t.ok(Value.Check(LineageList, reply))
  t.match(reply, { data: [{ row, completion: 'chatcmpl-1', user: 'ada', adapters: ['house@1'] }, { row: 'other', adapters: [] }], answered: { model: 'house@1', trained: { run: 'run_1', datasets: [{ id: 'ds_1' }], gone: 2 } } })
  t.match(await ask('completion=chatcmpl-2'), { answered: { model: 'tiny', trained: null } })
  t.match(await ask('completion=chatcmpl-3'), { answered: null })
  t.match(await ask(`row=${row}`), { data: [{ adapters: ['house@1'] }, {}], answered: null })
})

test('the terminal tells the way in both directions', async t => {
  const { app, calls } = await open(t)
  const { url } = await listening(app)
  const lines: string[] = []
  const type = async (what: string | undefined, flags = {}): Promise<string[]> => {
    await lineage({ url, key: null }, what, flags, line => { lines.push(line) })
    return lines.splice(0)
  }
  t.match(await type('house@1'), [
    'house@1 comes from run_1: 30 rows of 4 people in house@3. 2 rows that it learnt from have been erased or withdrawn since: train it anew.',
    /^ROW +COMPLETION +SPLIT$/, new RegExp(`^${row} +chatcmpl-1 +train$`), '… and 29 more.'
  ])
  t.strictSame(await type('house@2'), ['house@2 was not trained here.'])
  t.match(await type('chatcmpl-1'), [/^house@1 gave this answer; it comes from run_1 on house@3\. 2 rows/, /^ROW .* LEARNT BY$/, new RegExp(`^${row} .* ada +house@3 \\(train\\) +house@1$`), /^other .* -$/])
  await type(row)
  await type(undefined, { user: 'ada', tenant: 'acme' })
  t.match(calls.slice(-2), [{ type: 'row', row }, { type: 'user', user: 'ada', tenant: 'acme' }])
  await t.rejects(type(undefined), { message: /Give one of 'row', 'completion' and 'user'/ })
})
