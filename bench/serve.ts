/**
 * Speed against llama-server of the same llama.cpp release: both on the same
 * model file with the same threads, slots, context, prompts and sampling, in
 * alternating pairs. Prints medians, and the median ratio with its 95 %
 * interval. Builds llama-server once (about 10 minutes) into the user's cache.
 *
 *   npm run bench:serve [-- quick] [-- SECTION …]   sections: writing processor reading stall product overhead schema
 *   npm run bench:serve -- --gpu [quick]            8 and 32 streams with 8 adapters on CUDA
 */
import { cpus, loadavg } from 'node:os'
import { usualAdapters, defaultShape } from './serve/adapters.ts'
import { defaultThreads, openContestants, type Arena } from './serve/contestants.ts'
import { onGpu } from './serve/gpu.ts'
import { openRawLoop } from './serve/raw.ts'
import { sections } from './serve/sections.ts'
import { baseModel } from '../test/support/model.ts'

const words = process.argv.slice(2)
// 11 pairs are the fewest whose interval says something; 3 only show that all runs.
const pairs = words.includes('quick') ? 3 : 11
const wanted = words.filter(word => word !== 'quick' && word !== '--gpu')
const unknown = wanted.filter(word => !(word in sections))
if (unknown.length > 0) throw new Error(`There is no section ${unknown.join(', ')}; there are ${Object.keys(sections).join(', ')}.`)

console.log(`${cpus().length} × ${cpus()[0]?.model}, load before the start ${loadavg()[0]?.toFixed(2)}, ${pairs} pairs`)
if (words.includes('--gpu')) await onGpu(pairs)
else await onCpu()

async function onCpu (): Promise<void> {
  const { path } = await baseModel()
  const arena: Arena = { model: path, threads: defaultThreads, slots: 8, context: 2048, gpu: false, adapters: usualAdapters(defaultShape, 4) }
  const both = await openContestants(arena)
  const raw = () => openRawLoop({ path, gpu: 'off', gpuLayers: 'auto', slots: arena.slots, context: arena.context, batch: 0, threads: arena.threads, kvType: 'f16', flashAttention: 'auto' })
  try {
    for (const [name, run] of Object.entries(sections)) {
      if (wanted.length > 0 && !wanted.includes(name)) continue
      const began = performance.now()
      console.log(name)
      await run({ both, pairs, raw })
      console.log(`  (${((performance.now() - began) / 1000).toFixed(0)} s)`)
    }
  } finally {
    await both.close()
  }
}
