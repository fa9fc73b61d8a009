import t from 'tap'
import { openReader } from '../../src/database/reader.ts'
import { vectorExtension } from '../../src/memory/sqlite/extension.ts'
import { SqliteStore } from '../../src/memory/sqlite/store.ts'
import { storeContract } from '../contracts/memory-store.ts'
import { freshPath, opened } from '../database/fixtures.ts'

storeContract(t, async t => {
  const path = freshPath(t)
  const database = await opened(t, path)
  const reader = openReader(path, [vectorExtension()])
  t.teardown(() => { reader.close() })
  return new SqliteStore(reader, async queries => await database.commit(queries))
})
