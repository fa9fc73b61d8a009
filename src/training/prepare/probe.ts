import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { problem } from '../../errors.ts'
import type { Served } from '../served.ts'
import type { TokenRow, Torch, TorchScore } from '../trainer.ts'
import { folderOf } from './base-answers.ts'
import { sha256Of, stored, writeWhole } from './files.ts'
import { errorOf } from './parity.ts'

/** Which order of the rows of q and k a base's adapters are written in. */
export type Order = 'permuted' | 'plain'

/**
 * Mean |Δp| up to which engine and PyTorch agree on the probing adapter. A
 * quantised base is off by 0.005 to 0.014 with any adapter (trainer notes, §4);
 * this one changes q and k far more than a trained one does.
 */
const agreeing = 0.05
/** How many times worse the wrong order must be: it was 3.4 to 10 times with quantised bases, 100 and more with others. */
const apart = 2.5

export interface ProbeParts {
  readonly served: Pick<Served, 'digest' | 'path' | 'score'>
  readonly torch: Pick<Torch, 'probe'>
  /** The folder of all bases. */
  readonly bases: string
}

/**
 * The order of q and k that a base wants: found once by trying both, and kept.
 * Throws `training_bad_base` where neither agrees with PyTorch, or both do
 * alike; what PyTorch and the engine throw; `storage_full`, `storage_failed`.
 */
export async function orderOf ({ served, torch, bases }: ProbeParts, signal: AbortSignal): Promise<Order> {
  const folder = folderOf(bases, served.digest)
  const kept = join(folder, 'qk.json')
  const known = await knownOf(kept)
  if (known !== null) return known

  const out = join(folder, 'probe')
  try {
    await stored(async () => {
      await rm(out, { recursive: true, force: true })
      await mkdir(out, { recursive: true, mode: 0o700 })
    })
    await torch.probe(served.path, out, signal)
    const rows = await linesOf<TokenRow>(join(out, 'rows.jsonl'))
    const scores = await linesOf<TorchScore>(join(out, 'scores.jsonl'))
    const errors: Record<Order, number> = { permuted: NaN, plain: NaN }
    for (const order of ['permuted', 'plain'] as const) {
      const path = join(out, `${order}.gguf`)
      const adapter = { digest: await sha256Of(path), path, scale: 1 }
      errors[order] = errorOf(await served.score(rows, adapter, signal), scores)
    }
    const order = chosen(errors)
    await writeWhole(kept, `${JSON.stringify({ order, errors })}\n`)
    return order
  } finally {
    await rm(out, { recursive: true, force: true })
  }
}

/** The order whose error is smaller, where that is clear. Throws `training_bad_base`. */
export function chosen ({ permuted, plain }: Readonly<Record<Order, number>>): Order {
  const [order, best, other]: [Order, number, number] = permuted <= plain ? ['permuted', permuted, plain] : ['plain', plain, permuted]
  // Written so that what is not a number agrees with nothing.
  if (best <= agreeing && best * apart < other) return order
  throw problem('training_bad_base', { detail: `the engine and PyTorch do not agree on an adapter of it in either order of q and k (mean error of a probability ${permuted.toFixed(4)} permuted, ${plain.toFixed(4)} plain; one of them must be at most ${agreeing}, and the other ${apart} times that)` })
}

async function knownOf (path: string): Promise<Order | null> {
  try {
    const { order } = JSON.parse(await readFile(path, 'utf8')) as { order: unknown }
    return order === 'permuted' || order === 'plain' ? order : null
  } catch {
    // Not there, or damaged: it is found again.
    return null
  }
}

async function linesOf<T> (path: string): Promise<T[]> {
  const text = await stored(async () => await readFile(path, 'utf8'))
  try {
    return text.trimEnd().split('\n').map(line => JSON.parse(line) as T)
  } catch (cause) {
    // Python writes what is no number in a way that JSON does not know.
    throw problem('training_bad_base', { detail: 'PyTorch finds log-probabilities of it that are not finite numbers' }, { cause })
  }
}
