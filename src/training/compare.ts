import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Row } from '../datasets/row.ts'
import { problem } from '../errors.ts'
import type { AppliedAdapter } from '../inference/engine.ts'
import { baseError, baseNll } from './gate/limits.ts'
import type { Measured, Parity } from './measured.ts'
import { baseAnswers } from './prepare/base-answers.ts'
import { writeRows } from './prepare/files.ts'
import { forgettingOf } from './prepare/forgetting.ts'
import { changeOf, gainOf, type Logps, parityOf, parityRows } from './prepare/parity.ts'
import type { Order } from './prepare/probe.ts'
import type { Served } from './served.ts'
import type { TokenRow, Torch, TorchScore } from './trainer.ts'
import type { Progress } from './training.ts'

export interface ComparisonParts {
  readonly served: Served
  readonly torch: Pick<Torch, 'score'>
  /** The folder of all bases, and one for what is compared on, which holds people's text as token ids. */
  readonly bases: string
  readonly folder: string
  readonly held: AsyncIterable<Row>
}

/** The engine and PyTorch on one base: what is trained by the one must be what is served by the other. */
export interface Comparison {
  readonly before: Parity
  /** What the trained weights do, as a file that the engine reads and as the folder that PyTorch does. */
  adapter (adapter: AppliedAdapter, peft: string, qk: Order, signal: AbortSignal): Promise<Pick<Measured, 'parity' | 'forgetting'>>
}

/**
 * Scores held-out rows and answers of the base itself by both. Throws
 * `training_bad_base` where they disagree on the base alone: nothing that is
 * trained on it could be trusted.
 */
export async function compare ({ served, torch, bases, folder, held }: ComparisonParts, tell: (progress: Progress) => void, signal: AbortSignal): Promise<Comparison> {
  const general = await baseAnswers('general', { served, bases }, tell, signal)
  const rows = await parityRows(served, held, general)
  const says = (what: string): void => tell({ what, done: 0, total: null, eta: null })
  says('compares the base in PyTorch and in the engine')
  const path = join(folder, 'compared.jsonl')
  const torchOf = async (rows: readonly TokenRow[], peft: string | null, signal: AbortSignal): Promise<readonly TorchScore[]> => {
    await writeRows(path, rows)
    try {
      return await torch.score(served.path, path, peft, signal)
    } finally {
      await rm(path, { force: true })
    }
  }
  const base = await served.score(rows, null, signal)
  const inTorch = await torchOf(rows, null, signal)
  const before = parityOf(base, inTorch)
  // Written so that what is not a number agrees with nothing.
  if (!(before.error <= baseError && before.meanNll <= baseNll)) {
    throw problem('training_bad_base', { detail: `PyTorch does not answer as the engine does with it (mean error of a probability ${before.error.toFixed(4)}, at most ${baseError}; of a row ${before.meanNll.toFixed(3)} nat, at most ${baseNll})` })
  }

  return {
    before,
    async adapter (adapter, peft, qk, signal) {
      says('compares the adapter in PyTorch and in the engine')
      const known = new Set(rows.map(({ id }) => id))
      const others = general.filter(({ id }) => !known.has(id))
      const all = [...rows, ...others]
      const adapted = await served.score(all, adapter, signal)
      const off = await served.score(rows, { ...adapter, scale: 0 }, signal)
      const scores = await torchOf(all, peft, signal)
      const compared = scores.slice(0, rows.length)
      const ofGeneral = <T>(values: readonly T[]): T[] => values.filter((_, i) => all[i]!.group === 'base')
      const beforeAll: Logps = [...base, ...await served.score(others, null, signal)]
      return {
        parity: {
          qk,
          before,
          after: parityOf(adapted.slice(0, rows.length), compared),
          gain: { engine: gainOf(base, adapted.slice(0, rows.length)), torch: gainOf(logpsOf(inTorch), logpsOf(compared)) },
          atZero: changeOf(off, base)
        },
        forgetting: forgettingOf(ofGeneral(scores), ofGeneral(beforeAll), ofGeneral(adapted))
      }
    }
  }
}

function logpsOf (scores: readonly TorchScore[]): Logps { return scores.map(({ logp }) => logp) }
