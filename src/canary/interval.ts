import type { Judged, Seen } from './canaries.ts'

/** What was said of one person's answers: their scores, from 0 to 1, added up. */
export interface Person { readonly sum: number, readonly answers: number }

/**
 * How alike one person's judgements are, at least: the correlation that the
 * table of false promotions in the trainer's notes was simulated with. A higher
 * one that is found in the answers themselves takes its place.
 */
export const likeness = 0.2

/** How many times as many answers are needed as if each were another person's: Kish, Survey Sampling (1965), §5.4 and §11.7 for unequal numbers. */
export function designOf (people: readonly Pick<Person, 'answers'>[]): number {
  const total = people.reduce((sum, { answers }) => sum + answers, 0)
  const squares = people.reduce((sum, { answers }) => sum + answers ** 2, 0)
  return total === 0 ? 1 : 1 + (squares / total - 1) * likeness
}

/**
 * Both arms and their difference, with an interval `z` standard errors wide to
 * either side: Newcombe's hybrid of two Wilson intervals (Statistics in
 * Medicine 17 (1998) 873, method 10), which holds at 0 and 1 and for few
 * answers, each on as many answers as its people are worth (Rao and Scott,
 * Biometrics 48 (1992) 577).
 */
export function compare (candidate: readonly Person[], live: readonly Person[], z: number): Seen {
  const [one, other] = [wilson(candidate, z), wilson(live, z)]
  return {
    candidate: judgedOf(candidate),
    live: judgedOf(live),
    difference: one === null || other === null
      ? null
      : {
          mean: one.rate - other.rate,
          low: one.rate - other.rate - Math.hypot(one.rate - one.low, other.high - other.rate),
          high: one.rate - other.rate + Math.hypot(one.high - one.rate, other.rate - other.low)
        }
  }
}

function judgedOf (people: readonly Person[]): Judged {
  const answers = people.reduce((sum, person) => sum + person.answers, 0)
  return { answers, people: people.length, rate: answers === 0 ? null : people.reduce((sum, person) => sum + person.sum, 0) / answers }
}

function wilson (people: readonly Person[], z: number): { readonly rate: number, readonly low: number, readonly high: number } | null {
  const { answers, rate } = judgedOf(people)
  if (rate === null) return null
  const n = answers / Math.max(designOf(people), found(people, answers, rate))
  const centre = (rate + z ** 2 / (2 * n)) / (1 + z ** 2 / n)
  const half = z / (1 + z ** 2 / n) * Math.sqrt(rate * (1 - rate) / n + z ** 2 / (4 * n ** 2))
  return { rate, low: centre - half, high: centre + half }
}

/** How much more the rate varies between people than if each answer were another person's; 1 where that cannot be told. */
function found (people: readonly Person[], answers: number, rate: number): number {
  const independent = rate * (1 - rate) / answers
  if (people.length < 2 || independent === 0) return 1
  const between = people.reduce((sum, person) => sum + (person.sum - rate * person.answers) ** 2, 0) / answers ** 2
  return Math.max(1, between * people.length / (people.length - 1) / independent)
}
