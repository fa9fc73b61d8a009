import { copyFile, mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { JobFolder } from '../trainer.ts'
import type { Method, Wanted } from '../training.ts'
import { stored, writeWhole } from './files.ts'
import type { Order } from './probe.ts'

export type DataName = 'train' | 'valid' | 'replay'

/** `job.json` of the trainer (trainer notes, §11). */
export interface Job {
  readonly run_id: string
  readonly method: Method
  readonly base: string
  readonly base_sha256: string
  readonly eot: readonly number[]
  /** Splits without a row are left out. */
  readonly data: Readonly<Partial<Record<DataName, { readonly file: string, readonly sha256: string }>>>
  readonly hyper: Wanted['hyper']
  readonly limits: { readonly threads: number, readonly rss_mb?: number }
  readonly qk: Order
  /** `dpo`: the folder with the adapter that it goes on from. */
  readonly adapter?: string
}

/** What PEFT keeps of an adapter. */
const peftFiles = ['adapter_config.json', 'adapter_model.safetensors']
const parent = 'parent'

/**
 * Makes a job's folder whole or not at all: it is written beside its place and
 * then moved there. `write` puts the files of rows into it. Where the same job
 * with other limits was there, it keeps those: what has been trained of it goes
 * on with the very same `job.json` only. Throws `storage_full`, `storage_failed`.
 */
export async function makeJob (path: string, parentPeft: string | null, write: (part: string) => Promise<Job>): Promise<JobFolder> {
  const part = `${path}.part`
  await stored(async () => {
    await rm(part, { recursive: true, force: true })
    await mkdir(part, { recursive: true, mode: 0o700 })
  })
  try {
    const job = await write(part)
    const whole: Job = parentPeft === null ? job : { ...job, adapter: parent }
    if (parentPeft !== null) await copyPeft(parentPeft, join(part, parent))
    await writeWhole(join(part, 'job.json'), `${JSON.stringify(withLimitsOf(await jobOf(path), whole), null, 2)}\n`)
    await stored(async () => {
      await rm(path, { recursive: true, force: true })
      await rename(part, path)
    })
    return { path, base: job.base, baseDigest: job.base_sha256 }
  } finally {
    await rm(part, { recursive: true, force: true })
  }
}

/** The job in a folder; null: there is none. */
export async function jobOf (path: string): Promise<Job | null> {
  try {
    return JSON.parse(await readFile(join(path, 'job.json'), 'utf8')) as Job
  } catch {
    return null
  }
}

function withLimitsOf (before: Job | null, now: Job): Job {
  const same = before !== null && JSON.stringify({ ...before, limits: null }) === JSON.stringify({ ...now, limits: null })
  return same ? before : now
}

async function copyPeft (from: string, to: string): Promise<void> {
  await stored(async () => {
    await mkdir(to, { mode: 0o700 })
    for (const file of peftFiles) await copyFile(join(from, file), join(to, file))
  })
}
