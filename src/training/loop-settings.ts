import type { Datasets } from '../datasets/datasets.ts'
import { dueAfter } from '../datasets/due.ts'
import { problem } from '../errors.ts'
import type { LoopSettings } from './loops.ts'
import type { Training, Wanted } from './training.ts'

/** As a name of an adapter. */
const validName = /^[a-z0-9][a-z0-9._-]{0,99}$/i

/** Throws `loop_invalid`, `name_invalid`, and what data sets and trainings throw at once. */
export async function checkSettings ({ datasets, training }: { readonly datasets: Pick<Datasets, 'check'>, readonly training: Pick<Training, 'check'> }, settings: LoopSettings, now: number): Promise<void> {
  const { name, filters, cron, rows } = settings
  if (!validName.test(name)) throw problem('name_invalid', { name }, { param: 'name' })
  if ((cron === null) === (rows === null)) throw problem('loop_invalid', { detail: "Say either 'cron', when a round begins, or 'rows', how much new evidence makes it begin." }, { param: 'cron' })
  if (cron !== null && nextOf(cron, now) === null) throw problem('loop_invalid', { detail: `'${cron}' names no time. A cron expression has five parts, as '0 3 * * 1' for Mondays at three.` }, { param: 'cron' })
  datasets.check(filters)
  await training.check(wantedOf(settings, ''))
}

/** What a round asks to be trained. */
export function wantedOf ({ tenant, name, training }: LoopSettings, dataset: string): Wanted {
  return { tenant, name, dataset, ...training, parent: null, candidate: null, curve: false }
}

function nextOf (cron: string, after: number): number | null {
  try {
    return dueAfter(cron, after)
  } catch {
    return null
  }
}
