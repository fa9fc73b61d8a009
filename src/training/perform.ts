import type { Measured } from './measured.ts'
import type { Change, Kept } from './store.ts'
import type { LossPoint, Progress, Stage } from './training.ts'
import type { Verdict } from './verdict.ts'

/** Who is told how far a run is. */
export interface Told {
  stage (next: Stage, change?: Omit<Change, 'stage' | 'took' | 'losses'>): Promise<void>
  progress (progress: Progress): void
  loss (point: LossPoint): void
}

/** What a run came to. `version`: which one it became; null: it was not let in. */
export interface Outcome { readonly measured: Measured, readonly verdict: Verdict, readonly version: number | null, readonly digest: string }

/**
 * Does one run from its beginning to its verdict, in a folder of its own. Done
 * again in the same folder it uses what is there already and true. Throws the
 * signal's reason where that fires.
 */
export type Perform = (run: Kept, folder: string, told: Told, signal: AbortSignal) => Promise<Outcome>
