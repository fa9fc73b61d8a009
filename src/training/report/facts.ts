import type { Counts, Split } from '../../datasets/datasets.ts'
import type { Measured } from '../measured.ts'
import type { LossPoint, Method, Run } from '../training.ts'
import type { Decision, Verdict } from '../verdict.ts'

/** All that a report tells of. */
export interface Facts {
  readonly run: Run
  readonly measured: Measured
  readonly verdict: Verdict
  readonly losses: readonly LossPoint[]
  readonly dataset: { readonly name: string, readonly version: number, readonly sha256: string, readonly counts: Readonly<Record<Split, Counts>> }
  readonly base: { readonly name: string, readonly digest: string, readonly licence: string | null }
  /** `torch` null: nothing was trained or scored with it. */
  readonly versions: { readonly engraft: string, readonly torch: string | null }
}

export const decisions: Readonly<Record<Decision, string>> = {
  promote: 'It may go live',
  person: 'A person decides',
  prompt: 'Do not fine-tune',
  refuse: 'Refused'
}

export const methods: Readonly<Record<Method, string>> = {
  sft: 'SFT: it learns corrected and approved answers, and is held to the base elsewhere',
  kto: 'KTO: it learns from thumbs up and down',
  dpo: 'DPO: it learns to prefer corrected answers to those before the correction'
}

/** What the trainer takes where nothing is asked for (trainer/engraft_trainer/job.py). */
const defaultSeed = 0

export function seedOf ({ wanted }: Run): string { return String(wanted.hyper.seed ?? defaultSeed) }

export function datasetOf ({ name, version }: Facts['dataset']): string { return `${name}@${version}` }

export function day (time: number): string { return new Date(time).toISOString().slice(0, 10) }
