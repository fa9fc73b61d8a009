import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { problem } from '../../errors.ts'
import type { JobFolder, TokenRow } from '../trainer.ts'
import { Lines, stored } from './files.ts'
import { jobOf, makeJob, type Job } from './job.ts'

/**
 * The same job with the rows of a share of its people, for the learning curve:
 * drawn by the job's seed, and those of a quarter are among those of a half.
 * `path`: the folder it becomes. Throws `storage_full`, `storage_failed`.
 */
export async function shareOf (whole: JobFolder, share: number, path: string): Promise<{ readonly job: JobFolder, readonly rows: number }> {
  const job = await jobOf(whole.path)
  if (job?.data.train === undefined) throw problem('storage_failed', {}, { cause: new Error(`${whole.path} holds no job`) })
  const { file } = job.data.train
  const people = new Set<string>()
  for await (const { group } of rowsOf(join(whole.path, file))) people.add(group)
  const kept = drawn(people, share, job.hyper.seed ?? 0)

  let rows = 0
  const made = await makeJob(path, job.adapter === undefined ? null : join(whole.path, job.adapter), async part => {
    await using lines = await Lines.into(join(part, file))
    for await (const row of rowsOf(join(whole.path, file))) {
      if (!kept.has(row.group)) continue
      await lines.add(row)
      rows++
    }
    const train = { file, sha256: await lines.end() }
    for (const other of [job.data.valid, job.data.replay]) {
      if (other !== undefined) await stored(async () => await copyFile(join(whole.path, other.file), join(part, other.file)))
    }
    return { ...job, run_id: `${job.run_id}-${Math.round(share * 100)}`, data: { ...job.data, train } } satisfies Job
  })
  return { job: made, rows }
}

function drawn (people: ReadonlySet<string>, share: number, seed: unknown): ReadonlySet<string> {
  const inTurn = [...people].map(group => ({ group, place: createHash('sha256').update(JSON.stringify([seed, group])).digest('hex') })).sort((a, b) => a.place < b.place ? -1 : 1)
  return new Set(inTurn.slice(0, Math.ceil(share * people.size)).map(({ group }) => group))
}

async function * rowsOf (path: string): AsyncGenerator<TokenRow> {
  for await (const line of createInterface({ input: createReadStream(path) })) yield JSON.parse(line) as TokenRow
}
