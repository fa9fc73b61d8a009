import { problem } from '../../errors.ts'
import type { Method, Wanted } from '../training.ts'

/** What may be set of a training, as `trainer/engraft_trainer/job.py` has it, with its bounds. A test holds the two together. */
const numbers: Readonly<Record<string, { readonly low: number, readonly high: number, readonly whole: boolean }>> = {
  rank: { low: 1, high: 256, whole: true },
  alpha: { low: 0.001, high: 1024, whole: false },
  lr: { low: 1e-8, high: 1, whole: false },
  epochs: { low: 1, high: 100, whole: true },
  batch: { low: 1, high: 256, whole: true },
  seed: { low: 0, high: 2 ** 31 - 1, whole: true },
  max_len: { low: 2, high: 2 ** 20, whole: true },
  kl: { low: 0, high: 100, whole: false },
  replay_batch: { low: 1, high: 64, whole: true },
  patience: { low: 1, high: 100, whole: true },
  beta: { low: 0.0001, high: 10, whole: false },
  sft_weight: { low: 0, high: 100, whole: false }
}
const precisions: readonly unknown[] = ['auto', 'bf16', 'fp32']
const names = [...Object.keys(numbers), 'targets', 'amp']
/** DPO goes on from an adapter, whose shape is settled. */
const ofTheParent: readonly string[] = ['rank', 'alpha', 'targets']

/** Throws `invalid_request`, naming the key. `method` null: it is not chosen yet. */
export function checkHyper (hyper: Wanted['hyper'], method: Method | null): void {
  for (const [key, value] of Object.entries(hyper)) {
    const fault = faultOf(key, value, method)
    if (fault !== null) throw problem('invalid_request', { detail: `hyper.${key} ${fault}.` }, { param: `hyper.${key}` })
  }
}

function faultOf (key: string, value: unknown, method: Method | null): string | null {
  if (!names.includes(key)) return `is nothing that can be set: there are ${names.join(', ')}`
  if (method === 'dpo' && ofTheParent.includes(key)) return 'is that of the adapter which dpo goes on from, and cannot be set'
  if (key === 'amp') return precisions.includes(value) ? null : `is not one of ${precisions.join(', ')}`
  if (key === 'targets') return isNames(value) ? null : 'is not a list of names of modules'
  const { low, high, whole } = numbers[key]!
  const fits = typeof value === 'number' && (!whole || Number.isInteger(value)) && value >= low && value <= high
  return fits ? null : `is not a ${whole ? 'whole ' : ''}number from ${low} to ${high}`
}

function isNames (value: unknown): boolean { return Array.isArray(value) && value.length > 0 && value.every(name => typeof name === 'string' && name !== '') }

/** The hyperparameters that decide how much is read, with the trainer's defaults where none is set. */
export interface Reading {
  readonly epochs: number
  readonly batch: number
  /** Weight of what holds the base, which is done on replayed answers; 0: nothing does. */
  readonly kl: number
  readonly replayBatch: number
  /** Tokens of a row at most. */
  readonly maxLength: number
}

const byMethod = { sft: { batch: 4, kl: 0.5 }, kto: { batch: 8, kl: 0 }, dpo: { batch: 4, kl: 0 } } as const

export function readingOf (hyper: Wanted['hyper'], method: Method, rows: number): Reading {
  const set = (key: string, otherwise: number): number => (hyper[key] as number | undefined) ?? otherwise
  return {
    epochs: set('epochs', epochsFor(method, rows)),
    batch: set('batch', byMethod[method].batch),
    kl: set('kl', byMethod[method].kl),
    replayBatch: set('replay_batch', 1),
    maxLength: set('max_len', 1024)
  }
}

/** Few rows are seen more often (trainer notes, §6). */
function epochsFor (method: Method, rows: number): number {
  if (method === 'sft') return Math.min(4, Math.max(2, Math.ceil(160 / rows)))
  return method === 'kto' ? 2 : 1
}
