import { problem } from '../errors.ts'
import type { Version } from '../datasets/datasets.ts'
import type { Check } from '../training/check.ts'
import type { LoopSettings } from '../training/loops.ts'
import type { Progress, Run, Wanted } from '../training/training.ts'
import type { Datasets } from './ports.ts'
import type { CheckWire, TrainingBodyWire, TrainingRunWire } from './schemas/training.ts'

/** Rows that the rival without training is shown: 3 brought the house's form to 94 % (trainer notes, §5). */
const usualExamples = 3

/** A version of the tenant by its id, its NAME@VERSION, or a NAME: the newest that is ready, else the newest. Throws `dataset_not_found`. */
export async function versionNamed (datasets: Pick<Datasets, 'list'>, tenant: string, dataset: string): Promise<Version> {
  const named = (await datasets.list(tenant)).filter(({ id, name, version }) => [id, name, `${name}@${version}`].includes(dataset))
  const version = named.find(({ state }) => state === 'ready') ?? named[0]
  if (version === undefined) throw problem('dataset_not_found', { id: dataset }, { param: 'dataset' })
  return version
}

/** What a body asks to be trained or measured. Throws a 400 that names the field. */
export function wantedFrom (body: TrainingBodyWire, tenant: string, dataset: Pick<Version, 'id' | 'name'>): Wanted {
  const { name, parent, candidate, curve } = body
  if (candidate != null) {
    const apart = (['method', 'hyper', 'curve'] as const).find(field => body[field] != null && body[field] !== false)
    if (apart !== undefined) throw problem('invalid_request', { detail: `'${apart}' is about training, and a candidate is only measured: leave one of them out.` }, { param: apart })
  }
  return {
    tenant,
    name: name ?? candidate?.split('@')[0] ?? dataset.name,
    dataset: dataset.id,
    parent: parent ?? null,
    candidate: candidate ?? null,
    curve: curve ?? false,
    ...trainingFrom(body)
  }
}

/** How a body asks that is trained and judged, on whatever data. Throws a 400 that names the field. */
export function trainingFrom ({ base, method, hyper, checks, examples, judge }: Pick<TrainingBodyWire, 'base' | 'method' | 'hyper' | 'checks' | 'examples' | 'judge'>): LoopSettings['training'] {
  return {
    base: base ?? null,
    method: method ?? null,
    hyper: Object.fromEntries(Object.entries(hyper ?? {}).filter(([, value]) => value !== null)),
    checks: (checks ?? []).map(checkFrom),
    examples: examples ?? usualExamples,
    judge: judge ?? null
  }
}

/** Each has what its type needs and nothing else; whether it can be used is found where checks are made. */
function checkFrom ({ name, type, pattern, least, most }: CheckWire, i: number): Check {
  const [given, foreign] = type === 'words' ? [{ least, most }, { pattern }] : [{ pattern }, { least, most }]
  for (const [field, value] of Object.entries(given)) if (value == null) throw problem('invalid_request', { detail: `'checks[${i}].${field}' is missing.` }, { param: `checks[${i}].${field}` })
  for (const [field, value] of Object.entries(foreign)) if (value != null) throw problem('invalid_request', { detail: `'checks[${i}].${field}' does not belong to a check of the type '${type}'.` }, { param: `checks[${i}].${field}` })
  return { name, type, ...given } as Check
}

export function runOf ({ id, wanted, method, created, ended, stage, progress, estimate, took, failure, verdict, adapter, digest, erased }: Run): TrainingRunWire {
  return {
    id,
    object: 'training.run',
    ...wanted,
    hyper: { ...wanted.hyper },
    checks: wanted.checks.map(check => ({ ...check })),
    method: method ?? wanted.method,
    created_at: time(created),
    ended_at: ended === null ? null : time(ended),
    stage,
    progress: progress === null ? null : progressOf(progress),
    estimate,
    took: { ...took },
    failure,
    verdict: verdict === null ? null : { ...verdict, steps: verdict.steps.map(step => ({ ...step, figures: { ...step.figures } })) },
    adapter,
    digest,
    erased
  }
}

function progressOf ({ what, done, total, loss, tokensPerSecond, eta }: Progress): NonNullable<TrainingRunWire['progress']> {
  return { what, done, total, loss: loss ?? null, tokens_per_second: tokensPerSecond ?? null, eta }
}

function time (ms: number): string { return new Date(ms).toISOString() }
