import type { Adapters } from '../adapters/adapters.ts'
import type { Canaries, Told } from '../canary/canaries.ts'
import type { Datasets, Version } from '../datasets/datasets.ts'
import { PublicError } from '../errors.ts'
import type { LoopSettings, Round } from './loops.ts'
import type { Run, Training } from './training.ts'

export interface PhaseParts {
  readonly datasets: Pick<Datasets, 'find'>
  readonly training: Pick<Training, 'find'>
  readonly adapters: Pick<Adapters, 'find'>
  readonly canaries: Pick<Canaries, 'find'>
}

/**
 * What a round under way has come to, read from what it began: nothing of it
 * is kept twice, so nothing can disagree after a crash.
 */
export type Phase =
  | { readonly at: 'begun' }
  | { readonly at: 'building' | 'built' | 'unbuilt', readonly data: Version }
  | { readonly at: 'running' | 'judged' | 'broken', readonly run: Run }
  /** The gate let a version in; `person`: somebody must say what becomes of it. */
  | { readonly at: 'passed', readonly run: Run, readonly version: number, readonly person: boolean }
  | { readonly at: 'live', readonly run: Run, readonly version: number }
  | { readonly at: 'canary', readonly run: Run, readonly told: Told }

/** Reads what it has come to. */
export async function phaseOf ({ datasets, training, adapters, canaries }: PhaseParts, { name, approval }: LoopSettings, { began, dataset, run: id, version, canary }: Round): Promise<Phase> {
  if (dataset === null) return { at: 'begun' }
  if (id === null) {
    const data = await datasets.find(dataset)
    return { at: data.state === 'ready' ? 'built' : data.state === 'building' ? 'building' : 'unbuilt', data }
  }
  const run = await training.find(id)
  if (run.stage === 'failed' || run.stage === 'cancelled') return { at: 'broken', run }
  if (run.stage !== 'done') return { at: 'running', run }
  if (version === null) return { at: 'judged', run }
  const info = adapters.find(name)
  const newest = info === null ? null : await canaries.find(name).catch(noCanary)
  // One that a person began is as good as its own.
  if (newest !== null && (newest.id === canary || (newest.candidate === version && (newest.ended === null || newest.began >= began)))) return { at: 'canary', run, told: newest }
  if (info?.live === version) return { at: 'live', run, version }
  // Where somebody took the name off, only a person puts it on again; nor is what was tried once tried again unasked.
  const retired = info?.live == null && info?.previous != null
  return { at: 'passed', run, version, person: approval === 'person' || run.verdict?.decision !== 'promote' || retired || canary !== null }
}

/** Whether something is judged that could still go live. */
export function isCandidate (phase: Phase): phase is Extract<Phase, { readonly run: Run }> {
  return phase.at === 'judged' || phase.at === 'passed' || (phase.at === 'canary' && phase.told.outcome !== 'promoted')
}

function noCanary (error: unknown): null {
  if (error instanceof PublicError && error.code === 'canary_not_found') return null
  throw error
}
