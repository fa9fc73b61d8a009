import type { Answer, Filter, Row } from '../row.ts'
import { refuses } from './refusal.ts'
import { isRude } from './rude.ts'
import { hash } from './words.ts'

export { refuses } from './refusal.ts'

export interface ToneSettings {
  /** Whether rude answers to learn from are dropped. */
  readonly rude: boolean
  /** The largest share of answers to learn from that decline. */
  readonly refusals: number
  /** The largest share of rude words among the prompts: a model answers in the tone it is spoken to. */
  readonly rudePrompts: number
  /** How many times the share of refusals, or of blame, of one group may be that of all, where the group is large enough to tell. */
  readonly balance: number
}

/**
 * A tenth is where somebody should look, not a measured limit: what is right
 * depends on what a model is for. Balance: the four-fifths rule of the United
 * States (29 CFR 1607.4 D) is about what is granted; of what is rare, twice.
 */
export const toneDefaults: ToneSettings = { rude: true, refusals: 0.1, rudePrompts: 0.1, balance: 2 }

/** Rows of a group below which its shares say nothing. */
const leastRows = 30
/** Standard deviations of a binomial that a group must be over: about one group in a thousand is by chance. */
const deviations = 3

interface Group { rows: number, refusals: number, blamed: number }

/** A measure that is over its threshold. The card warns of it and nothing fails: what is right depends on what a model is for. */
export interface Finding { readonly measure: string, readonly value: number, readonly threshold: number, readonly groups?: number }

/**
 * Drops rude answers to learn from, and finds what no row shows alone: too many
 * refusals, rude prompts, people who are declined or blamed far more often than
 * others. `findings` of the report holds what is over its threshold.
 */
export function tone (settings: Partial<ToneSettings> = {}): Filter {
  const { rude, refusals, rudePrompts, balance } = { ...toneDefaults, ...settings }
  const groups = new Map<number, Group>()
  const all: Group & { taught: number, rudePrompts: number } = { rows: 0, refusals: 0, blamed: 0, taught: 0, rudePrompts: 0 }

  function count (row: Row): void {
    const key = hash(row.group)
    const group = groups.get(key) ?? { rows: 0, refusals: 0, blamed: 0 }
    groups.set(key, group)
    const declines = teaches(row) && refuses(row.answer.content)
    const blamed = row.kind === 'verdict' && !row.good
    for (const one of [group, all]) {
      one.rows++
      if (declines) one.refusals++
      if (blamed) one.blamed++
    }
    if (teaches(row)) all.taught++
    if (row.prompt.some(({ role, content }) => role === 'user' && isRude(content))) all.rudePrompts++
  }

  function unbalanced (part: 'refusals' | 'blamed'): number {
    const share = all.rows === 0 ? 0 : all[part] / all.rows
    return [...groups.values()].filter(group => {
      if (group.rows < leastRows) return false
      const expected = share * group.rows
      return group[part] > balance * expected && group[part] > expected + deviations * Math.sqrt(expected * (1 - share))
    }).length
  }

  function findings (): Finding[] {
    const shares: Finding[] = [
      { measure: 'refusals', value: part(all.refusals, all.taught), threshold: refusals },
      { measure: 'rude prompts', value: part(all.rudePrompts, all.rows), threshold: rudePrompts }
    ]
    const sides: Finding[] = (['refusals', 'blamed'] as const).map(side => {
      const over = unbalanced(side)
      return { measure: `groups with more ${side === 'blamed' ? 'blame' : 'refusals'} than others`, value: over, threshold: 0, groups: over }
    })
    return [...shares, ...sides].filter(({ value, threshold }) => value > threshold)
  }

  return {
    name: 'tone',
    about: 'Drops rude answers to learn from; tells where too much is declined, and whom more than others.',
    settings: { rude, refusals, rudePrompts, balance },
    judge (row) {
      if (rude && taughtOf(row).some(({ content }) => isRude(content))) return { drop: 'a rude answer' }
      count(row)
      return { keep: row }
    },
    report: () => ({
      refusals: part(all.refusals, all.taught),
      rudePrompts: part(all.rudePrompts, all.rows),
      blamed: part(all.blamed, all.rows),
      groups: groups.size,
      largestGroup: part([...groups.values()].reduce((most, { rows }) => Math.max(most, rows), 0), all.rows),
      findings: findings()
    })
  }
}

/** What is blamed or rejected may be rude: that is what it warns of. */
function taughtOf (row: Row): Answer[] { return teaches(row) ? [row.answer] : [] }

function teaches (row: Row): boolean { return row.kind !== 'verdict' || row.good }

function part (of: number, all: number): number { return all === 0 ? 0 : Math.round(of / all * 10_000) / 10_000 }
