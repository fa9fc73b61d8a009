import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { problem } from '../../errors.ts'
import type { Torch, TorchScore } from '../trainer.ts'
import { positive } from './events.ts'
import { runTrainer, type Program } from './program.ts'

/** The machine's own PyTorch. */
export function openTorch (program: Program): Torch {
  const threads = ['--threads', String(program.threads)]
  return {
    async score (base, rows, peft, signal) {
      const folder = await mkdtemp(join(tmpdir(), 'engraft-scores-'))
      try {
        const out = join(folder, 'scores.jsonl')
        await runTrainer(program, ['score', '--base', base, '--rows', rows, '--out', out, ...(peft === null ? [] : ['--peft', peft]), ...threads], () => {}, signal)
        return (await readFile(out, 'utf8')).trimEnd().split('\n').map(scoreOf)
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
    async probe (base, out, signal) {
      await runTrainer(program, ['probe', '--base', base, '--out', out, ...threads], () => {}, signal)
    },
    async doctor (base, signal) {
      let trainRate: number | null = null
      let rssMb: number | null = null
      let gpu: string | null = null
      await runTrainer(program, ['doctor', '--base', base, ...threads], said => {
        trainRate = positive(said.train_tok_s) ?? trainRate
        rssMb = positive(said.rss_mb) ?? rssMb
        if (typeof said.gpu === 'string') gpu = said.gpu
      }, signal)
      if (trainRate === null || rssMb === null) throw problem('training_failed', { detail: 'its doctor says no speed' })
      return { trainRate, rssMb, gpu }
    }
  }
}

/** One line of the scores. Python writes what is no number in a way that JSON does not know. */
function scoreOf (line: string): TorchScore {
  try {
    return { kl: null, agree: null, ...JSON.parse(line) as Pick<TorchScore, 'id' | 'nll' | 'logp'> }
  } catch (cause) {
    throw problem('training_diverged', { detail: 'PyTorch finds log-probabilities that are not finite numbers' }, { cause })
  }
}
