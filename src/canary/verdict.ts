import type { Both, Judged, Look, Plan, Seen } from './canaries.ts'
import { compare, type Person } from './interval.ts'
import { seen } from './plan.ts'

/**
 * Standard errors that a worse candidate must be beyond at a look before the
 * horizon: Pocock's boundary for ten looks at a two-sided 5 % (Jennison and
 * Turnbull, Group Sequential Methods (2000), table 2.1), one side of it. The
 * same at every look, so that what is far worse ends early. Nothing is promoted
 * early, so these looks do not add to what is promoted by chance.
 */
const harm = 2.555

/** Standard errors at the horizon and at each one that was added to it: half as much chance each time, so that all together stay below twice 5 %. */
const horizons = [seen, 2.241, 2.498, 2.734] as const
/** How often a canary can be extended. */
export const mostExtensions = horizons.length - 1

/**
 * Fewer people in the candidate's arm promote nothing by rule: below 20 people
 * an interval over people is too narrow (the trainer's notes, §10).
 */
const fewestPeople = 20

/** What a look leads to. `person`: only a person can decide now. */
export interface Judgement { readonly look: Look | null, readonly next: 'go on' | 'end' | 'promote' | 'person', readonly words: string }

interface Standing { readonly plan: Plan, readonly extensions: number, readonly looks: readonly Look[] }

/** Looks at what was said, if it is time for a look: at every tenth of the judged answers that are needed. */
export function judge (canary: Standing, people: Both<readonly Person[]>, at: number): Judgement {
  const { plan, extensions, looks } = canary
  const { candidate, live } = compare(people.candidate, people.live, seen)
  const horizon = horizonOf(canary)
  const tenths = Math.min(horizon, Math.floor(10 * Math.min(candidate.answers / plan.needed.candidate, live.answers / plan.needed.live)))
  const words = standing(canary, { candidate, live })
  if (waits(canary)) return { look: null, next: 'person', words: looks.at(-1)!.words }
  if (tenths <= (looks.at(-1)?.tenths ?? 0) || (extensions > 0 && tenths < horizon)) return { look: null, next: 'go on', words }
  const last = tenths === horizon
  const shown = compare(people.candidate, people.live, last ? horizons[extensions] ?? harm : harm)
  const judgement = last ? atHorizon(shown) : shown.difference!.high < 0 ? { next: 'end' as const, words: worse(shown) } : { next: 'go on' as const, words }
  return { ...judgement, look: { ...shown, at, tenths, words: judgement.words } }
}

/** Whether it has come to its horizon, and only a person can decide it. */
export function waits (canary: Standing): boolean { return (canary.looks.at(-1)?.tenths ?? 0) >= horizonOf(canary) }

function horizonOf ({ extensions }: Standing): number { return 10 * (extensions + 1) }

function atHorizon (shown: Seen): Pick<Judgement, 'next' | 'words'> {
  const { low, high } = shown.difference!
  const { people } = shown.candidate
  if (high < 0) return { next: 'end', words: worse(shown) }
  if (low <= 0) return { next: 'person', words: `No difference was seen: ${told(shown)}. Promote it, end it, or extend the canary.` }
  if (people < fewestPeople) return { next: 'person', words: `The candidate is better (${told(shown)}), but by the word of ${people} people, where a rule needs ${fewestPeople}. Promote it, end it, or extend the canary.` }
  return { next: 'promote', words: `The candidate is better: ${told(shown)}.` }
}

function worse (shown: Seen): string { return `The candidate is worse: ${told(shown)}.` }

/** Judged answers of those needed by now. */
function standing ({ plan: { needed }, extensions }: Standing, { candidate, live }: Both<Judged>): string {
  const of = (count: number) => count * (extensions + 1)
  return `It goes on: ${candidate.answers} of ${of(needed.candidate)} judged answers of the candidate, ${live.answers} of ${of(needed.live)} of the live version.`
}

function told ({ candidate, live, difference }: Seen): string {
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
  const points = (share: number): string => `${share < 0 ? '−' : '+'}${Math.abs(share * 100).toFixed(1)}`
  return `${percent(candidate.rate!)} of ${candidate.answers} answers by ${candidate.people} people are good, against ${percent(live.rate!)} of ${live.answers} by ${live.people} (${points(difference!.mean)} points, ${points(difference!.low)} to ${points(difference!.high)})`
}
