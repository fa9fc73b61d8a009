import { dirname } from 'node:path'
import type { Test } from 'tap'
import type { Adapters } from '../../src/adapters/adapters.ts'
import type { Version } from '../../src/datasets/datasets.ts'
import { query } from '../../src/database/sql.ts'
import { openLineages } from '../../src/lineage/open.ts'
import { advance, begin } from '../../src/training/store.ts'
import type { Wanted } from '../../src/training/training.ts'
import { registryOf, writeBase } from '../adapters/opened.ts'
import { tenant, world as datasetsWorld } from '../datasets/fixtures.ts'

/** Data sets, adapters and runs in one database. */
export async function world (t: Test) {
  const made = await datasetsWorld(t)
  const { database, path } = made
  const folder = dirname(path)
  const base = await writeBase(folder, 'tiny')
  const adapters: Adapters = await registryOf(database, folder, base)
  let clock = 1

  /** A run on a data set that came to the file of this digest, as the store keeps it. */
  async function trained (dataset: Version, digest: string, over: Partial<Wanted> = {}): Promise<string> {
    const wanted: Wanted = { tenant, name: 'house', dataset: dataset.id, base: null, method: null, parent: null, candidate: null, hyper: {}, checks: [], examples: 0, judge: null, curve: false, ...over }
    const { id } = await begin(database, wanted, base.digest, clock++)
    await advance(database, id, { gone: (await made.datasets.find(dataset.id)).erased })
    await database.commit([query("update training_runs set stage = 'done', ended = created, digest = unhex(:digest) where id = :id", { id, digest })])
    return id
  }
  return { ...made, adapters, trained, lineages: openLineages(database) }
}
