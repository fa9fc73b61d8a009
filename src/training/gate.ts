import { examples, gain, relevance } from './gate/gain.ts'
import type { Step } from './gate/finding.ts'
import { extraction, forgetting, tone } from './gate/harm.ts'
import { data, evidence, parity } from './gate/trust.ts'
import type { Measured } from './measured.ts'
import type { Method } from './training.ts'
import type { GateStep, Verdict } from './verdict.ts'

/**
 * The steps in order, each with what it must be able to read: what can be
 * believed first, then what it gains, then what it harms. The first that fails
 * makes the decision.
 */
const steps: readonly (readonly [GateStep['name'], readonly (keyof Measured)[], Step])[] = [
  ['data', ['data'], data],
  ['parity', ['parity'], parity],
  ['evidence', ['rows', 'people'], evidence],
  ['gain', ['gain', 'arms', 'withMemory', 'slices', 'curve', 'judge', 'bestEpoch'], gain],
  ['examples', ['overExamples'], examples],
  ['relevance', ['relevance'], relevance],
  ['forgetting', ['forgetting'], forgetting],
  ['tone', ['tone'], tone],
  ['extraction', ['extraction'], extraction]
]

/** Whether a candidate may be served. All steps are told, also those after the one that decides. Limits: gate/limits.ts; reasons: docs/decisions/023-gate.md. */
export function judge (measured: Measured, method: Method): Verdict {
  const found = steps.map(([name, keys, step]): GateStep => {
    const broken = keys.flatMap(key => unreadable(measured[key], key))
    // What is not a number passes or fails no comparison that one could trust.
    if (broken.length > 0) return { name, passed: false, words: `Something went wrong while it was measured: ${broken.join(', ')} ${broken.length === 1 ? 'is not a number' : 'are not numbers'}.`, figures: { unreadable: broken.length } }
    return { name, ...step(measured, method) }
  })
  return { ...decided(found, measured), steps: found }
}

function decided (found: readonly GateStep[], { people, rows }: Measured): Omit<Verdict, 'steps'> {
  const failed = found.find(({ passed }) => passed === false)
  if (failed?.name === 'examples' && failed.figures.unreadable === undefined) return { decision: 'prompt', words: failed.words }
  if (failed !== undefined) return { decision: 'refuse', words: `Refused at the step “${failed.name}”. ${failed.words}` }
  const unknown = found.filter(({ passed }) => passed === null)
  if (unknown.length > 0) return { decision: 'person', words: `A person decides: no step failed, and ${unknown.length === 1 ? 'one' : unknown.length} could not be judged. ${unknown.map(({ words }) => words).join(' ')}` }
  return { decision: 'promote', words: `It may go live: it passed every step, on ${rows} rows of ${people} people who were not learnt from.` }
}

/** Paths of numbers that are none. */
function unreadable (value: unknown, path: string): string[] {
  if (typeof value === 'number') return Number.isFinite(value) ? [] : [path]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => unreadable(inner, `${path}.${key}`))
}
