import { join } from 'node:path'
import { openDatabase } from '../../src/database/open.ts'
import { openDatasets } from '../../src/datasets/open.ts'
import { migrationsDir } from '../database/fixtures.ts'

/** Builds in a process of its own, and says when it is at the moment to be killed. */
const [path, moment] = process.argv.slice(2) as [string, 'early' | 'late']
const database = await openDatabase({ path, migrationsDir })
let commits = 0
const datasets = await openDatasets({
  database: {
    all: async query => await database.all(query),
    commit: async queries => {
      const changes = await database.commit(queries)
      // The first one begins a version, the second cleans it, the fourth has put rows into it.
      if (++commits === (moment === 'early' ? 3 : 4)) {
        process.send!('now')
        await new Promise(() => {})
      }
      return changes
    }
  },
  path,
  folder: join(path, '..', 'tmp'),
  code: '0.0.0-test',
  gate: async () => {},
  log: () => {}
})
await datasets.build({ tenant: 'acme', name: 'house', filters: {} })
