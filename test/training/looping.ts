import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { openCanaries } from '../../src/canary/open.ts'
import { problem } from '../../src/errors.ts'
import { openLineages } from '../../src/lineage/open.ts'
import { openLoops } from '../../src/training/loop.ts'
import type { LoopSettings } from '../../src/training/loops.ts'
import { openTraining } from '../../src/training/open.ts'
import type { Estimate } from '../../src/training/training.ts'
import type { Decision } from '../../src/training/verdict.ts'
import { arriving, registryOf, tinyAdapter, writeBase } from '../adapters/opened.ts'
import { tenant, world as datasetsWorld } from '../datasets/fixtures.ts'
import { good } from './candidate.ts'

/** What the stand-in for a trainer comes to; may be changed while it goes on. */
export interface Trainer {
  decision: Decision
  /** Milliseconds it takes. */
  takes: number
  estimate: Estimate
  /** Errors that the next ones end with. */
  failures: Error[]
}

export const settings: LoopSettings = {
  tenant,
  name: 'house',
  filters: {},
  training: { base: null, method: null, hyper: {}, checks: [], examples: 3, judge: null },
  cron: null,
  rows: 20,
  cooldown: 0,
  budget: { minutes: null, rows: null },
  canary: { percent: 50, smallest: 0.3 },
  approval: 'gate',
  retrain: true,
  paused: false
}

/**
 * Loops over everything that they drive: real data sets, runs, adapters,
 * canaries and lineage in one database. Only what trains is a stand-in: its
 * adapter's bytes follow from the rows, as those of the real one do.
 */
export async function world (t: Test, path?: string) {
  const made = await datasetsWorld(t, path)
  const { database, datasets } = made
  const folder = dirname(made.path)
  const base = await writeBase(folder, 'tiny')
  const adapters = await registryOf(database, folder, base)
  const logged: string[] = []
  const log = (message: string): void => { logged.push(message) }
  const time = { now: Date.now() }
  const now = (): number => Math.max(time.now, Date.now())
  const trainer: Trainer = { decision: 'promote', takes: 5, estimate: { seconds: 60, bytes: 1, runs: 1 }, failures: [] }
  const training = openTraining({
    database,
    datasets,
    folder: join(folder, 'training'),
    baseOf: () => base.digest,
    check: async ({ name }) => { if (name === 'tiny') throw problem('name_taken', { name }) },
    estimate: async () => trainer.estimate,
    async perform ({ wanted }, _folder, told, signal) {
      await told.stage('training', { method: 'sft' })
      const rows: string[] = []
      for await (const { id } of datasets.rows(wanted.dataset, 'train')) rows.push(id)
      for (const until = Date.now() + trainer.takes; Date.now() < until;) {
        signal.throwIfAborted()
        await new Promise(resolve => setTimeout(resolve, 5))
      }
      const failure = trainer.failures.shift()
      if (failure !== undefined) throw failure
      await told.stage('evaluating')
      const content = tinyAdapter(createHash('sha256').update(rows.join()).digest().readUInt32LE())
      const { version } = trainer.decision === 'promote' || trainer.decision === 'person' ? await adapters.add({ name: wanted.name, base: null, content: arriving(content) }, 'training') : { version: null }
      return { measured: good(), verdict: { decision: trainer.decision, words: `The gate says ${trainer.decision}.`, steps: [] }, version: version?.version ?? null, digest: createHash('sha256').update(content).digest('hex') }
    },
    log,
    now
  })
  const canaries = openCanaries({ database, adapters, log, now })
  const loops = openLoops({ database, datasets, training, adapters, canaries, lineages: openLineages(database), log, now })
  t.teardown(async () => {
    await loops.close()
    await training.close()
    await canaries.close()
  })

  /** Looks until the loop is so. */
  async function until (is: (loop: Awaited<ReturnType<typeof loops.find>>) => boolean): Promise<Awaited<ReturnType<typeof loops.find>>> {
    const give = Date.now() + 30_000
    for (;;) {
      await loops.tick()
      const now = await loops.find('house')
      if (is(now)) return now
      if (Date.now() > give) throw new Error(`it stays at ${JSON.stringify(now)}`)
      await new Promise(resolve => setTimeout(resolve, 10))
    }
  }
  return { ...made, adapters, canaries, training, trainer, loops, logged, time, until }
}
