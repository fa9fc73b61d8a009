import { parentPort, workerData } from 'node:worker_threads'
import { groupCommit } from './commits.ts'
import { failureOf, openingError } from './failure.ts'
import { checkPages, checkReferences, copyTo, openFile } from './file.ts'
import type { Call, Opening, Query, Reply } from './protocol.ts'
import { statements } from './statements.ts'

/**
 * The thread that alone has the database open.
 *
 * Reads are answered as they come. Commits are put aside until all messages
 * that wait have been taken, then made durable together with one sync; while
 * that sync runs, the next ones gather. So the busier it is, the fewer syncs
 * each commit costs, and a lone commit waits for nobody.
 */
const port = parentPort!
const opening = workerData as Opening

try {
  await serve()
  port.postMessage({ id: 0, value: null } satisfies Reply)
} catch (thrown) {
  port.postMessage({ id: 0, failure: failureOf(openingError(thrown, opening.path)), opening: true } satisfies Reply)
  port.close()
}

async function serve (): Promise<void> {
  const { db, unlock } = await openFile(opening)
  const prepare = statements(db)
  const together = groupCommit(db, prepare)
  const backups = new Set<Promise<void>>()
  let waiting: { readonly id: number, readonly queries: readonly Query[] }[] = []

  function settleCommits (): void {
    const group = waiting
    waiting = []
    if (group.length === 0) return
    // An I/O error ends this thread: its parent rejects everything, and a restart reads what did reach the disk.
    const outcomes = together(group.map(call => call.queries))
    group.forEach(({ id }, index) => {
      const outcome = outcomes[index]!
      port.postMessage(('changes' in outcome ? { id, value: outcome.changes } : { id, failure: outcome.failure }) satisfies Reply)
    })
  }

  async function run (call: Exclude<Call, { verb: 'commit' }>): Promise<unknown> {
    switch (call.verb) {
      case 'all': return read(call.query)
      case 'backup': return await backup(call.path)
      case 'check': return check()
      case 'checkpoint': return checkpoint()
      case 'rewrite': return await rewrite()
      case 'close': return await close()
    }
  }

  function read (query: Query): unknown[] {
    const statement = prepare(query.sql)
    if (!statement.readonly) throw new Error('a query that writes belongs in commit, not in all')
    return statement.all(...query.parameters)
  }

  async function backup (path: string): Promise<void> {
    const copy = copyTo(db, path, opening.role)
    backups.add(copy)
    try {
      await copy
    } finally {
      backups.delete(copy)
    }
  }

  function check (): void {
    checkPages(db, opening.path, 'integrity_check')
    checkReferences(db, opening.path)
  }

  function checkpoint (): boolean {
    // Who reads is done in milliseconds, and everyone waits meanwhile: better asked again.
    db.pragma('busy_timeout = 20')
    try {
      const [outcome] = db.pragma('wal_checkpoint(truncate)') as { busy: number }[]
      return outcome?.busy === 0
    } finally {
      db.pragma('busy_timeout = 5000')
    }
  }

  async function rewrite (): Promise<void> {
    // A copy under way would begin anew.
    await Promise.allSettled(backups)
    db.exec('vacuum')
  }

  async function close (): Promise<void> {
    try {
      settleCommits()
      await Promise.allSettled(backups)
      db.pragma('wal_checkpoint(truncate)')
    } finally {
      db.close()
      unlock()
    }
  }

  port.on('message', (call: Call) => {
    if (call.verb === 'commit') {
      // setImmediate fires once the messages that wait have all been taken.
      if (waiting.push(call) === 1) setImmediate(settleCommits)
      return
    }
    run(call).then(
      value => { port.postMessage({ id: call.id, value } satisfies Reply) },
      (thrown: unknown) => { port.postMessage({ id: call.id, failure: failureOf(thrown) } satisfies Reply) }
    ).finally(() => { if (call.verb === 'close') port.close() })
  })
}
