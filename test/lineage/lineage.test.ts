import { test } from 'tap'
import { add } from '../adapters/opened.ts'
import { allRows, built, corrections, tenant } from '../datasets/fixtures.ts'
import { world } from './opened.ts'

test('from a version to its run, data set, people and rows, and from a row to every version that learnt from it', async t => {
  const made = await world(t)
  const { adapters, datasets, lineages, trained, asked } = made
  await corrections(made, 12, 4)
  const one = await built(made)
  await made.corrected('late', 'How do I water the fern that stands in the hall?', 'No idea.', 'Water the fern in the hall once a week.')
  const two = await built(made)
  const [first, second] = [(await add(adapters, 'house', 1)).version, (await add(adapters, 'house', 2)).version]
  await add(adapters, 'foreign', 3)
  const run = await trained(one, first.digest)
  const again = await trained(two, second.digest)
  await trained(two, (await add(adapters, 'measured', 4)).version.digest, { candidate: 'measured@1' })

  t.strictSame(await lineages.trained(), new Map([
    ['house@1', { run, datasets: [{ id: one.id, name: 'house', version: 1 }], gone: 0 }],
    ['house@2', { run: again, datasets: [{ id: two.id, name: 'house', version: 2 }], gone: 0 }]
  ]), 'neither what came from elsewhere nor what was only measured here')

  const learnt = [...await allRows(datasets.rows(one.id, 'train')), ...await allRows(datasets.rows(one.id, 'valid'))]
  const whole = await lineages.rows('house@1', { after: null, limit: 1000 })
  t.strictSame(whole.data.map(({ row }) => row), learnt.map(({ id }) => id).sort())
  t.match(whole, { rows: learnt.length, more: false })
  t.ok(whole.people > 1 && whole.people < 12, 'who is held out for the test is not among them')
  const paged: string[] = []
  for (let after: string | null = null, more = true; more;) {
    const page = await lineages.rows('house@1', { after, limit: 7 })
    paged.push(...page.data.map(({ row }) => row))
    more = page.more
    after = paged.at(-1)!
  }
  t.strictSame(paged, whole.data.map(({ row }) => row))
  await t.rejects(lineages.rows('house@1', { after: 'no row', limit: 7 }), { code: 'invalid_request', param: 'after' })
  t.match(await lineages.rows('foreign@1', { after: null, limit: 7 }), { people: 0, rows: 0, data: [] })

  const tested = await allRows(datasets.rows(one.id, 'test'))
  const back = await lineages.learntFrom([learnt[0]!.id, tested[0]!.id])
  t.strictSame(back, new Map([[learnt[0]!.id, ['house@1', 'house@2']]]), 'what tests teaches nothing')
  const newest = (await lineages.rows('house@2', { after: null, limit: 1000 })).data.find(({ row }) => !paged.includes(row))
  if (newest !== undefined) t.strictSame([...(await lineages.learntFrom([newest.row])).values()], [['house@2']])

  const answer = await asked('ada', 'What now?', 'This.', { model: 'house@2', version: 2 })
  t.equal(await lineages.answeredBy(answer), 'house@2')
  t.equal(await lineages.answeredBy('chatcmpl-nobody'), null)
})

test('erasing somebody taints what learnt from them, says so in the receipt, and a new training is clean', async t => {
  const made = await world(t)
  const { adapters, datasets, lineages, trained, erasures } = made
  await corrections(made, 12, 4)
  const set = await built(made)
  const { version } = await add(adapters, 'house', 1)
  await trained(set, version.digest)
  const twin = (await add(adapters, 'twin', 1)).version
  t.equal(twin.digest, version.digest)
  const went = (await add(adapters, 'house', 3)).version
  const parent = [...await lineages.trained()].map(([, { run }]) => run)[0]!
  const other = await built(made, { name: 'thumbs' })
  await trained(other, went.digest, { method: 'dpo', parent })
  t.match((await lineages.trained()).get('house@2'), { datasets: [{ id: set.id }, { id: other.id }], gone: 0 }, 'what went on from another adapter learnt from both')

  const { user } = (await datasets.lineage({ type: 'row', row: (await lineages.rows('house@1', { after: null, limit: 1 })).data[0]!.row }))[0]!
  const gone = (await datasets.lineage({ type: 'user', tenant, user })).length
  const receipt = await erasures.erase({ tenant, user })
  t.strictSame(receipt.adapters, ['house@1', 'house@2', 'twin@1'])
  t.match((await erasures.receipts({ tenant, user }))[0], { adapters: receipt.adapters })
  const after = await lineages.trained()
  t.equal(after.get('house@1')?.gone, gone)
  t.equal(after.get('twin@1')?.gone, gone, 'the same bytes under another name learnt the same')
  t.ok(after.get('house@2')!.gone >= gone)

  await trained(set, (await add(adapters, 'house', 5)).version.digest)
  t.match((await lineages.trained()).get('house@3'), { gone: 0 }, 'what was trained afterwards never saw them')
  t.strictSame((await erasures.erase({ tenant, user: 'nobody' })).adapters, [])
  const held = (await allRows(datasets.rows(set.id, 'test')))[0]!
  const tester = (await datasets.lineage({ type: 'row', row: held.id }))[0]!.user
  t.strictSame((await erasures.erase({ tenant, user: tester })).adapters.filter(name => name === 'house@3'), [], 'nobody learns from who only tests')
})
