import { join } from 'node:path'
import type { Test } from 'tap'
import { createExports } from '../../src/datasets/exports/exports.ts'
import { openSchedules } from '../../src/datasets/open-schedules.ts'
import { built, corrections, world } from '../datasets/fixtures.ts'

/** A real version of a data set, and what exports it. */
export async function exporting (t: Test) {
  const made = await world(t)
  await corrections(made, 20, 3)
  const version = await built(made)
  const data = join(made.path, '..')
  const schedules = openSchedules({ database: made.database, datasets: made.datasets, data, log: () => {} })
  return { ...made, version, data, schedules, exports: createExports({ datasets: made.datasets, folder: join(data, 'exports') }) }
}
