import { setPriority, constants } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import type { Database } from '../database/database.ts'
import { openReader } from '../database/reader.ts'
import { wire } from '../wire.ts'
import { build, type BuildParts, diff, preview } from './build.ts'
import type { JobOptions, Parent } from './protocol.ts'
import { Spill } from './spill.ts'

/**
 * The thread in which one version is built, or tried, or compared, and which
 * ends with it: what it held in memory goes with it, and it can be ended at any
 * moment. What is to be written is committed by the database's worker, through
 * the parent.
 */
const { path, folder, code, job } = workerData as JobOptions

/** What the parent may ask. */
export type Thread = { run (_: undefined): Promise<unknown> }

// On Linux this is of the calling thread alone; elsewhere it would slow down the answers too.
if (process.platform === 'linux') setPriority(0, constants.priority.PRIORITY_LOW)

const ready = Promise.withResolvers<Thread>()
const parent = wire<Parent>(parentPort!, ready.promise)
ready.resolve({ run })

async function run (): Promise<unknown> {
  const reader = openReader(path)
  const database: BuildParts['database'] = {
    all: (async (query: Parameters<Database['all']>[0]) => reader.all(query.sql, ...query.parameters)) as Database['all'],
    commit: async queries => await parent.ask('commit', queries.map(({ sql, parameters }) => ({ sql, parameters })))
  }
  try {
    const parts: BuildParts = {
      database,
      spill: new Spill(folder),
      code,
      gate: async () => { await parent.ask('gate', undefined) },
      progress: progress => { void parent.ask('progress', progress) }
    }
    switch (job.type) {
      case 'build': return await build(parts, job.version, job.wanted)
      case 'preview': return await preview(parts, job.wanted)
      case 'diff': return await diff(parts, job.version, job.against)
    }
  } finally {
    reader.close()
  }
}
