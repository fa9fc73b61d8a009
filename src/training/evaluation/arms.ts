import type { Row } from '../../datasets/row.ts'
import type { Arm, ArmName, Interval, Measured } from '../measured.ts'
import type { Asking, Side } from './asking.ts'
import { meanOf, type Observation } from './bootstrap.ts'
import type { CompiledCheck } from './checks.ts'
import type { Pace } from './pace.ts'
import { approvedText, type Situation } from './prompts.ts'
import { wordsOf } from './words.ts'

/** Who competes, and what they are asked with. */
export interface Contender { readonly name: ArmName, readonly side: Side, readonly situation: Situation }

const contenders: readonly Contender[] = [
  { name: 'base', side: 'base', situation: 'bare' },
  { name: 'base + examples', side: 'base', situation: 'examples' },
  { name: 'base + memory', side: 'base', situation: 'recorded' },
  { name: 'adapter', side: 'adapter', situation: 'bare' },
  { name: 'adapter + memory', side: 'adapter', situation: 'recorded' }
]

/** Without memories in any row the arms with memory are those without. */
export function contendersFor (rows: readonly Row[], examples: readonly Row[]): readonly Contender[] {
  const remembered = rows.some(row => row.remembered)
  return contenders.filter(({ situation }) => situation === 'examples' ? examples.length > 0 : situation === 'bare' || remembered)
}

/** A greedy answer, and what it keeps to. */
export interface Reply {
  readonly text: string
  readonly words: number
  readonly firstToken: number
  readonly promptTokens: number
  readonly checks: Readonly<Record<string, boolean>>
  /** Checks whose pattern took too long on it. */
  readonly late: readonly string[]
}

/** What one of them did, by row id. */
export interface Taken {
  readonly replies: ReadonlyMap<string, Reply>
  /** Mean log-likelihood of the approved answer, nat a token. */
  readonly likelihoods: ReadonlyMap<string, number>
}

/** Gains on prompts as they were recorded are those between these two. */
export const recordedBase: Omit<Contender, 'name'> = { side: 'base', situation: 'recorded' }
export const recordedAdapter: Omit<Contender, 'name'> = { side: 'adapter', situation: 'recorded' }

export async function repliesOf (rows: readonly Row[], { side, situation }: Omit<Contender, 'name'>, asking: Asking, checks: readonly CompiledCheck[], pace: Pace): Promise<ReadonlyMap<string, Reply>> {
  const replies = new Map<string, Reply>()
  for (const row of rows) {
    const { text, firstToken, promptTokens } = await asking.answer(row, situation, side)
    const judged = checks.map(({ name, judge }) => ({ name, judged: judge(text, approvedText(row)) }))
    replies.set(row.id, {
      text,
      words: wordsOf(text),
      firstToken,
      promptTokens,
      checks: Object.fromEntries(judged.map(({ name, judged }) => [name, judged === 'kept'])),
      late: judged.flatMap(({ name, judged }) => judged === 'late' ? [name] : [])
    })
    pace.step(`answers of the ${side}`, 'answer')
  }
  return replies
}

export async function likelihoodsOf (rows: readonly Row[], { side, situation }: Omit<Contender, 'name'>, asking: Asking, pace: Pace, which: 'approved' | 'disapproved' = 'approved'): Promise<ReadonlyMap<string, number>> {
  const likelihoods = new Map<string, number>()
  for (const row of rows) {
    const likelihood = await asking.likelihood(row, situation, side, which)
    if (likelihood !== null) likelihoods.set(row.id, likelihood)
    pace.step(`likelihood of ${which} answers by the ${side}`, 'score')
  }
  return likelihoods
}

export function armOf (name: ArmName, rows: readonly Row[], { replies, likelihoods }: Taken, checks: readonly CompiledCheck[]): Arm {
  const all = [...replies.values()]
  return {
    name,
    rows: replies.size,
    checks: perCheck(checks, name => meanOf(observed(rows, id => kept(replies.get(id), name)))),
    all: checks.length === 0 ? null : meanOf(observed(rows, id => allKept(replies.get(id)))),
    nll: meanOf(observed(rows, id => difference(0, likelihoods.get(id)))),
    firstToken: median(all.map(({ firstToken }) => firstToken)),
    promptTokens: mean(all.map(({ promptTokens }) => promptTokens)),
    words: mean(all.map(({ words }) => words))
  }
}

export type Gain = Pick<Measured['gain'], 'nll' | 'checks' | 'all'>

/** What the one did better than the other, paired by row. */
export function gainOf (rows: readonly Row[], of: Taken, over: Taken, checks: readonly CompiledCheck[]): Gain {
  const better = (keeps: (reply: Reply | undefined) => number | undefined): Interval | null => meanOf(observed(rows, id => difference(keeps(of.replies.get(id)), keeps(over.replies.get(id)))))
  return {
    nll: meanOf(observed(rows, id => difference(of.likelihoods.get(id), over.likelihoods.get(id)))),
    checks: perCheck(checks, name => better(reply => kept(reply, name))),
    all: checks.length === 0 ? null : better(allKept)
  }
}

/** nat a token by which an answer must become likelier to count as won (trainer notes, §10). */
const tie = 0.02

export function winsOf (rows: readonly Row[], of: Taken, over: Taken): Interval | null {
  return meanOf(observed(rows, id => {
    const gain = difference(of.likelihoods.get(id), over.likelihoods.get(id))
    return gain === undefined ? undefined : Math.abs(gain) <= tie ? 0.5 : gain > 0 ? 1 : 0
  }))
}

/** What is found on each row, where it is. */
export function observed (rows: readonly Row[], value: (id: string) => number | undefined): Observation[] {
  return rows.flatMap(({ id, group }) => {
    const found = value(id)
    return found === undefined ? [] : [{ person: group, value: found }]
  })
}

export function difference (one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : one - other
}

function kept (reply: Reply | undefined, name: string): number | undefined { return reply === undefined ? undefined : Number(reply.checks[name]) }

/** 1 where a reply keeps to all checks, else 0. */
export function allKept (reply: Reply | undefined): number | undefined {
  return reply === undefined ? undefined : Number(Object.values(reply.checks).every(kept => kept))
}

function perCheck (checks: readonly CompiledCheck[], interval: (name: string) => Interval | null): Record<string, Interval> {
  return Object.fromEntries(checks.flatMap(({ name }) => {
    const found = interval(name)
    return found === null ? [] : [[name, found]]
  }))
}

export function mean (values: readonly number[]): number { return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length }

function median (values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.ceil((sorted.length - 1) / 2)]]
  return low === undefined || high === undefined ? 0 : (low + high) / 2
}
