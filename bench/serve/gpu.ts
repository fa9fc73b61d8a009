import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { baseModel } from '../../test/support/model.ts'
import { usualAdapters, type Shape } from './adapters.ts'
import { defaultThreads, openContestants } from './contestants.ts'
import { inTurn, printPairs } from './pairs.ts'
import { writeRandomModel } from './random-model.ts'
import { each, together } from './sections.ts'
import { wholeRate } from './stream.ts'

/** Llama 3.2 1B, but for the vocabulary, which is the default model's. */
const shape: Shape = { layers: 16, width: 2048, keys: 512, inner: 8192 }
const adapters = 8

/** Eight adapters under 8 and 32 streams with everything on the GPU; where there is none, one line that says so. */
export async function onGpu (pairs: number): Promise<void> {
  const found = spawnSync('nvidia-smi', ['--query-gpu=name', '--format=csv,noheader'], { encoding: 'utf8' })
  if (found.status !== 0) return console.log('not run: no GPU')
  console.log(found.stdout.trim())
  const folder = await mkdtemp(join(tmpdir(), 'engraft-bench-model-'))
  try {
    const model = join(folder, 'random-1b.gguf')
    await writeRandomModel((await baseModel()).path, model, shape)
    const both = await openContestants({ model, threads: defaultThreads, slots: 32, context: 1024, gpu: true, adapters: usualAdapters(shape, adapters) })
    try {
      for (const streams of [8, 32]) {
        // Of whole answers: llama-server serves one adapter after the other, so that there is no time in which all are written.
        const taken = await inTurn(pairs, () => together(both.engraft, streams, 128, stream => stream % adapters), () => together(both.llama, streams, 128, stream => stream % adapters))
        printPairs(`tokens/s, ${streams} streams of ${adapters} adapters`, each(taken, wholeRate))
      }
    } finally {
      await both.close()
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}
