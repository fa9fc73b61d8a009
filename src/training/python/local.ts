import { join } from 'node:path'
import type { Trainer } from '../trainer.ts'
import { eventOf } from './events.ts'
import { runTrainer, type Program } from './program.ts'

/** Trains on this machine, in a process of its own. */
export function openLocalTrainer (program: Program): Trainer {
  return {
    async train (job, out, listen, signal) {
      await runTrainer(program, ['train', '--job', join(job.path, 'job.json'), '--out', out, '--base', job.base, '--resume'], said => {
        const event = eventOf(said)
        if (event !== null) listen(event)
      }, signal)
    }
  }
}
