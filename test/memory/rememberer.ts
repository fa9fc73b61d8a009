/** Remembers without end at the path given, printing the id of each memory once it is kept; killed by its parent. */
import { openDatabase } from '../../src/database/open.ts'
import { openMemories } from '../../src/memory/open.ts'
import { migrationsDir } from '../database/fixtures.ts'
import { embedderModel } from '../support/model.ts'

const path = process.argv[2]!
const database = await openDatabase({ path, migrationsDir })
const { memories } = await openMemories({ database, path, embedder: await embedderModel(), log: console.error })
const round = process.argv[3]!
for (let i = 0; ; i++) {
  const { ids } = await memories.remember({ tenant: 'house', user: `user ${i % 3}` }, [{ kind: 'turn', text: `Turn ${i} of round ${round}.`, session: round, externalId: `${round}/${i}` }])
  process.stdout.write(`${ids[0]}\n`)
}
