import type { Check } from './check.ts'
import type { Verdict } from './verdict.ts'
import type { Measured } from './measured.ts'

export type Method = 'sft' | 'kto' | 'dpo'

/** What is to be trained, on what, and how it is judged. */
export interface Wanted {
  readonly tenant: string
  /** The adapter's name: what passes becomes its next version. */
  readonly name: string
  /** Id of a ready version of a data set of the same tenant. */
  readonly dataset: string
  /** The base's public name; null: the default one. */
  readonly base: string | null
  /** null: `sft` where the rows show answers, `kto` where they are thumbs. `dpo` goes on from `parent`. */
  readonly method: Method | null
  /** `dpo` only: id of the run whose SFT adapter it goes on from. */
  readonly parent: string | null
  /** `NAME@VERSION` of an adapter that exists: nothing is trained, and it is measured on the rows of people whom it was not trained on. null: one is trained. */
  readonly candidate: string | null
  /** Keys of the trainer's `hyper` (trainer/engraft_trainer/job.py) that differ from its defaults. */
  readonly hyper: Readonly<Record<string, unknown>>
  /** What a generated answer must keep to; each is measured by itself. */
  readonly checks: readonly Check[]
  /** How many training rows are put in the prompt of the rival that needs no training; 0: it does not compete. */
  readonly examples: number
  /** Name of a served base that compares answers; null: nobody does. */
  readonly judge: string | null
  /** Train on a quarter and a half of the rows too, to say whether more data would help. */
  readonly curve: boolean
}

/** What a run does now; in this order. `waiting`: others are before it. */
export type Stage = 'waiting' | 'preparing' | 'training' | 'evaluating' | 'done' | 'failed' | 'cancelled'

/** How far a stage is. */
export interface Progress {
  /** In a few words: `reads the rows`, `trains`, `answers of the adapter`, … */
  readonly what: string
  readonly done: number
  /** null: not known. */
  readonly total: number | null
  /** While it trains: of the last step. */
  readonly loss?: number
  readonly tokensPerSecond?: number
  /** Seconds until this stage ends; null: not known yet. */
  readonly eta: number | null
}

/** One step of a training, as it is plotted. */
export interface LossPoint {
  readonly step: number
  readonly loss: number
  /** Of the validation rows, where it was taken. */
  readonly valid?: number
}

export interface Estimate {
  readonly seconds: number
  readonly bytes: number
  /** How many runs on this base it was learnt from; 0: from a test of a second. */
  readonly runs: number
}

export interface Run {
  /** `run_` and 24 hex digits. */
  readonly id: string
  readonly wanted: Wanted
  readonly method: Method | null
  /** Milliseconds since 1970 in UTC. */
  readonly created: number
  readonly ended: number | null
  readonly stage: Stage
  /** null: it is not under way. */
  readonly progress: Progress | null
  readonly estimate: Estimate | null
  /** Milliseconds that each stage took, those that are over. */
  readonly took: Readonly<Partial<Record<Stage, number>>>
  /** Code and message of what ended it; null: nothing did. */
  readonly failure: { readonly code: string, readonly message: string } | null
  /** null until it is done. */
  readonly verdict: Verdict | null
  /** Where the verdict let it in: the version it became. */
  readonly adapter: { readonly name: string, readonly version: number } | null
  /** sha256 (hex) of its GGUF file; null until it is trained. */
  readonly digest: string | null
  /** How many of its data set's rows have been erased since: above 0 it should be trained anew. */
  readonly erased: number
}

/** The files of a report, by what they are asked for as. */
export type ReportFile = 'report.md' | 'report.json' | 'card.md' | `${'loss' | 'gain' | 'slices' | 'arena' | 'curve'}.svg`

/** Runs: one at a time, the others wait; each goes on where it was after a crash. Throws `training_not_found` for what does not exist. */
export interface Training {
  /** Begins a run. Throws `dataset_not_found`, `dataset_not_ready`, `model_not_found`, `invalid_request`, `python_missing`, `training_too_few` (fewer than 40 rows). */
  start (wanted: Wanted): Promise<Run>
  /** Throws what `start` would throw at once, but for what is wrong with the data set. */
  check (wanted: Wanted): Promise<void>
  /** How long it would take and how much memory, before anything is done. */
  estimate (wanted: Wanted): Promise<Estimate>
  /** The newest first; `tenant` null: of all. */
  list (tenant: string | null): Promise<readonly Run[]>
  find (id: string): Promise<Run>
  /** The losses of a run so far. */
  losses (id: string): Promise<readonly LossPoint[]>
  /** Ends it at its next step. What it has trained stays until it is removed. */
  cancel (id: string): Promise<Run>
  /** Throws `training_not_done`. */
  measured (id: string): Promise<Measured>
  /** A file of its report. Throws `training_not_done`, `not_found` for one that this report has not. */
  report (id: string, file: ReportFile): Promise<string>
}
