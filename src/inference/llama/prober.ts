import { problem, PublicError } from '../../errors.ts'
import type { Probe, ProbeAdapter } from '../engine.ts'
import { Child } from './child-process.ts'
import type { NativeOptions } from './native.ts'
import type { Word } from './protocol.ts'

/** Enough for the probe's text, so that the trial costs little memory beside the weights, which the page cache shares. */
const context = 256

/**
 * Trial loads, each in a child of its own that ends with it: what kills the
 * child kills no answer. One at a time, since each holds the base once more.
 */
export function createProber (optionsOf: (base: string) => Omit<NativeOptions, 'threads'>): ProbeAdapter {
  let turn: Promise<unknown> = Promise.resolve()
  return async (base, path) => {
    const mine = turn.then(() => tryOn(optionsOf(base), path))
    turn = mine.catch(() => {})
    return await mine
  }
}

async function tryOn (options: Omit<NativeOptions, 'threads'>, path: string): Promise<Probe> {
  const told = Promise.withResolvers<Probe>()
  const child = new Child({ ...options, slots: 1, context, threads: 1 }, 1, (word: Word) => {
    if (word.type === 'probed') told.resolve(word.probe)
    else if (word.type === 'failed') told.reject(PublicError.revive(word.code, word.message))
  })
  void child.gone.then(() => told.reject(problem('adapter_load_failed', { detail: 'it kills the process that loads it' })))
  told.promise.catch(() => {})
  try {
    await child.ready
    child.tell({ type: 'probe', id: 1, path })
    return await told.promise
  } finally {
    await child.stop()
  }
}
