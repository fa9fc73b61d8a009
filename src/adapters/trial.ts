import { problem } from '../errors.ts'
import type { Probe, ProbeAdapter } from '../inference/engine.ts'
import type { BaseFile } from './adapters.ts'
import { type AdapterFacts, checkAdapter, openBase } from './check.ts'

/** What every file must pass before it is registered. */
export interface Trials {
  /** What the file says, then what it does on the base of this name. Throws the error of the first check that fails. */
  examine (path: string, base: string): Promise<AdapterFacts>
}

/** Reads the bases' own shapes once. Throws `GgufError` when a base's file is no longer what it was. */
export async function openTrials (bases: readonly BaseFile[], probe: ProbeAdapter): Promise<Trials> {
  const shapes = new Map(await Promise.all(bases.map(async base => [base.name, await openBase(base)] as const)))
  return {
    async examine (path, base) {
      const shape = shapes.get(base)
      if (shape === undefined) throw problem('model_not_found', { model: base }, { param: 'base' })
      const facts = await checkAdapter(path, shape)
      judge(await probe(base, path))
      return facts
    }
  }
}

/**
 * Logits lie around ±20, where single precision resolves about 1e-6, and are
 * sums of hundreds of products. A change below 1e-4 could be rounding, and
 * moves no probability by more than a hundredth of a percent: nobody could read it.
 */
const leastChange = 1e-4

function judge ({ finite, change, reversible }: Probe): void {
  if (!finite) throw problem('adapter_not_finite', { detail: 'with it on, the logits of a trial text are not finite' })
  if (!reversible) throw problem('adapter_load_failed', { detail: 'at scale 0, or once it is taken off, the base does not answer as it did before' })
  if (!(change > leastChange)) throw problem('adapter_no_effect', { detail: `with it on, no logit of a trial text changes by more than ${leastChange}` })
}
