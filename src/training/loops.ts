import type { Wanted as Data } from '../datasets/datasets.ts'
import type { Wanted } from './training.ts'

/** What a loop does by itself, and where it stops. */
export interface LoopSettings {
  readonly tenant: string
  /** Of its data set and of its adapter: one loop a name. */
  readonly name: string
  readonly filters: Data['filters']
  /** What is trained and how it is judged. */
  readonly training: Pick<Wanted, 'base' | 'method' | 'hyper' | 'checks' | 'examples' | 'judge'>
  /** A cron expression, when it begins where there is new evidence; or how much new evidence makes it begin. Just one of them. */
  readonly cron: string | null
  readonly rows: number | null
  /** Hours from the begin of a round until the next may begin by itself. */
  readonly cooldown: number
  /** What a round may cost: minutes of training with its evaluation, rows to learn from. null: no limit. */
  readonly budget: { readonly minutes: number | null, readonly rows: number | null }
  /** How what has passed the gate is tried on people, as `Canaries.start` takes it. */
  readonly canary: { readonly percent: number, readonly smallest: number }
  /** Who says that what passed the gate may be tried on people: the gate, or a person each time. */
  readonly approval: 'gate' | 'person'
  /** Train anew when rows that the live version learnt from are erased. */
  readonly retrain: boolean
  /** It takes no next step; what is under way goes on to its end. */
  readonly paused: boolean
}

/** Why a round began: enough new evidence, its time, somebody asked for it, or rows of the live version were erased. */
export type Reason = 'rows' | 'schedule' | 'asked' | 'erased'

/** `live`: its adapter answers. `refused`: what it made was judged, and not good enough. `failed`: it could not be made. `stopped`: by a person. */
export type Outcome = 'live' | 'refused' | 'failed' | 'stopped'

/** One way through the loop, as far as it has come. Times are milliseconds since 1970 in UTC. */
export interface Round {
  /** `round_` and 24 hex digits. */
  readonly id: string
  /** 1, 2, … of its loop. */
  readonly number: number
  readonly reason: Reason
  readonly began: number
  readonly ended: number | null
  /** Id of the version of the data set. */
  readonly dataset: string | null
  /** Id of the run of training. */
  readonly run: string | null
  /** Version of the adapter, once the gate let it in. */
  readonly version: number | null
  readonly canary: string | null
  readonly outcome: Outcome | null
  /** How it ended, for people; null: it is under way. */
  readonly words: string | null
}

/** Where a loop is. `idle`: nothing new was said. `collecting`: something was, and it is not time yet. `waiting`: for a person. */
export type Step = 'idle' | 'collecting' | 'building' | 'training' | 'evaluating' | 'waiting' | 'canary'

/** A loop as it stands. */
export interface Loop {
  readonly settings: LoopSettings
  readonly step: Step
  /** What it waits for, in plain words. */
  readonly words: string
  /** New evidence since the last round. */
  readonly fresh: number
  /** When its cron expression is due next, ms; null: it goes by rows. */
  readonly next: number | null
  /** The round under way; null: none is. */
  readonly round: Round | null
  /** Those that ended, the newest first, at most 20. */
  readonly rounds: readonly Round[]
}

/** What a person says where a loop waits for one: try it on people, let it go live at once, or neither. `refuse` also ends a round that waits for nobody. */
export type Decision = 'canary' | 'live' | 'refuse'

/**
 * Loops: each builds, trains, judges, tries and promotes the next version of
 * one adapter, again and again. Every step is in the database before the next
 * one begins, so a killed server goes on where it was. All but `list` and `set`
 * throw `loop_not_found`. `by` is who asks, for the audit.
 */
export interface Loops {
  list (): Promise<readonly Loop[]>
  find (name: string): Promise<Loop>
  /** Makes a loop, or changes one; a round under way goes on under the new settings. `paused` null: as it was. Throws `loop_invalid`, `name_invalid`, and what `Training.check` throws. */
  set (settings: Omit<LoopSettings, 'paused'> & { readonly paused: boolean | null }, by: string): Promise<Loop>
  pause (name: string, paused: boolean, by: string): Promise<Loop>
  /** Begins a round now, whatever its schedule and cool-down say. Throws `loop_running`, `loop_paused`. */
  run (name: string, by: string): Promise<Loop>
  /** Throws `loop_not_waiting`, and what a promote or a canary throws. */
  decide (name: string, decision: Decision, by: string): Promise<Loop>
  /** Ends its round under way and forgets its settings; what it made stays. */
  remove (name: string, by: string): Promise<void>
}
