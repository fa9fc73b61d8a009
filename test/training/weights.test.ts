import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'tap'
import { openTraining } from '../../src/training/open.ts'
import { begin } from '../../src/training/store.ts'
import { add, sha256, tinyAdapter } from '../adapters/opened.ts'
import { built, corrections, tenant } from '../datasets/fixtures.ts'
import { world } from '../lineage/opened.ts'
import { until } from '../support/wire.ts'

test('weights go with the last version that is made of them, but for the newest runs and what is gone on from, and reports stay', async t => {
  const made = await world(t)
  const { adapters, database, datasets, trained } = made
  await corrections(made, 12, 4)
  const dataset = await built(made)
  const folder = join(dirname(made.path), 'training')
  const keep = async (content: number): Promise<string> => {
    const id = await trained(dataset, sha256(tinyAdapter(content)))
    for (const part of ['report', join('out', 'peft')]) mkdirSync(join(folder, id, part), { recursive: true })
    writeFileSync(join(folder, id, 'report', 'report.md'), 'What came of it.')
    return id
  }
  for (const content of [1, 2]) await add(adapters, 'house', content)
  const registered = await keep(1)
  const removed = await keep(2)
  const refused = await keep(3)
  const parent = await keep(4)
  const newest = await Promise.all(Array.from({ length: 10 }, async (_, index) => await keep(5 + index)))
  await adapters.promote('house', 1, 'test')
  await adapters.remove('house', 2, 'test')
  await begin(database, { tenant, name: 'house', dataset: dataset.id, base: null, method: 'dpo', parent, candidate: null, hyper: {}, checks: [], examples: 0, judge: null, curve: false }, '00'.repeat(32), Date.now())

  const began = Promise.withResolvers<void>()
  const failed = Promise.withResolvers<void>()
  const training = openTraining({
    database,
    datasets,
    folder,
    baseOf: () => '00'.repeat(32),
    check: async () => {},
    estimate: async () => { throw new Error('nobody asks') },
    async perform () {
      began.resolve()
      await failed.promise
      throw new Error('nothing is trained here')
    },
    log: () => {}
  })
  const weights = (id: string): boolean => existsSync(join(folder, id, 'out'))
  await training.resume()
  await began.promise
  t.strictSame([registered, removed, refused, parent].map(weights), [true, false, false, true])
  t.ok(newest.every(weights))

  failed.resolve()
  await until(() => !weights(parent))
  t.ok(weights(registered) && newest.every(weights), 'nobody goes on from that one any more')
  await training.close()
  for (const id of [registered, removed, refused, parent, ...newest]) t.equal(await training.report(id, 'report.md'), 'What came of it.')
})
