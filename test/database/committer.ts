/**
 * Commits pairs of rows from four callers at once and prints the first id of
 * each pair once it is acknowledged, until it is killed or a commit fails.
 *   node committer.ts DATABASE FIRST_ID BYTES_PER_ROW
 */
import { writeSync } from 'node:fs'
import { openDatabase } from '../../src/database/open.ts'
import { publicError } from '../../src/errors.ts'
import { ids, migrationsDir, row } from './fixtures.ts'

const [path, first, bytes] = process.argv.slice(2) as [string, string, string]
// Past a file size limit the write fails with EFBIG, as long as somebody listens; otherwise the process ends.
process.on('SIGXFSZ', () => {})
let next = Number(first)
let deaths = 0
const database = await openDatabase({ path, migrationsDir, onDeath: () => { deaths++ } })

async function commitForEver (): Promise<void> {
  for (;;) {
    const id = next
    next += 2
    await database.commit([row(id, Number(bytes)), row(id + 1)])
    // Straight to the descriptor: what was acknowledged must be out before a kill can come.
    writeSync(1, `${id}\n`)
  }
}

const failures = await Promise.allSettled([1, 2, 3, 4].map(commitForEver))
const later = await Promise.allSettled([ids(database), database.commit([row(next)])])
writeSync(2, JSON.stringify({ deaths, failed: [...failures, ...later].map(result => result.status === 'rejected' ? publicError(result.reason).code : 'none') }))
await database.close().catch(() => {})
