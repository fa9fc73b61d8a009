import { readFile } from 'node:fs/promises'
import type { NewMemory } from '../src/memory/memories.ts'
import { seeded } from '../test/database/fixtures.ts'

/** One conversation of a LoCoMo-format file. */
export interface Conversation {
  readonly id: string
  readonly turns: readonly NewMemory[]
  readonly questions: readonly Asked[]
}

export interface Asked {
  readonly question: string
  /** 1: several hops, 2: time, 3: open, 4: one hop. The fifth, which cannot be answered, is left out. */
  readonly category: number
  /** `D3:7`: turn 7 of session 3. */
  readonly gold: readonly string[]
}

/** What one question scored, each from 0 to 1. */
export type Scores = Readonly<Record<string, number>>

interface Turn { readonly speaker: string, readonly dia_id: string, readonly text: string, readonly blip_caption?: string }
interface Sample {
  readonly sample_id: string
  readonly conversation: Readonly<Record<string, unknown>>
  readonly qa: readonly { readonly question: string, readonly category: number, readonly evidence: readonly string[] }[]
}

export async function readConversations (path: string): Promise<Conversation[]> {
  const samples = JSON.parse(await readFile(path, 'utf8')) as Sample[]
  return samples.map(({ sample_id: id, conversation, qa }) => {
    const turns = Object.entries(conversation).flatMap(([session, turns]) => !Array.isArray(turns)
      ? []
      : (turns as Turn[]).map((turn, position): NewMemory => ({
          kind: 'turn',
          // A photo that was shared is known by its caption.
          text: turn.blip_caption === undefined ? turn.text : `${turn.text} [photo: ${turn.blip_caption}]`,
          session,
          position,
          speaker: turn.speaker,
          at: timeOf(conversation[`${session}_date_time`] as string) + position * 1000,
          externalId: turn.dia_id
        })))
    const said = new Set(turns.map(({ externalId }) => externalId))
    const questions = qa.filter(({ category }) => category !== 5).map(({ question, category, evidence }) => ({
      question,
      category,
      gold: [...new Set(evidence.flatMap(text => text.match(/D\d+:\d+/g) ?? []))].filter(id => said.has(id))
    })).filter(({ gold }) => gold.length > 0)
    return { id, turns, questions }
  })
}

/** `1:56 pm on 8 May, 2023`. */
function timeOf (text: string): number {
  const [, time, half, day, month, year] = /^(\S+) (am|pm) on (\d+) (\w+), (\d+)$/.exec(text) ?? []
  return Date.parse(`${day} ${month} ${year} ${time} ${half} UTC`)
}

/** Any, all and the fraction of the turns that are needed among the first k, and of their sessions, which come in the order of their best turns. */
export function scoresOf (gold: readonly string[], found: readonly string[]): Scores {
  const sessionOf = (id: string): string => id.split(':')[0]!
  return { ...ranked('turns', gold, found), ...ranked('sessions', [...new Set(gold.map(sessionOf))], [...new Set(found.map(sessionOf))]) }
}

function ranked (what: string, gold: readonly string[], found: readonly string[]): Scores {
  return Object.fromEntries([5, 10, 20].flatMap(k => {
    const first = new Set(found.slice(0, k))
    const hits = gold.filter(id => first.has(id)).length
    return [[`${what} any@${k}`, hits > 0 ? 1 : 0], [`${what} all@${k}`, hits === gold.length ? 1 : 0], [`${what} R@${k}`, hits / gold.length]]
  }))
}

/** `84.9 [80.6, 88.9]`: the mean in percent, and between which two 95 of 100 means of as many draws from the same questions lie. */
export function withInterval (values: readonly number[]): string {
  const random = seeded(1)
  const mean = (values: readonly number[]): number => 100 * values.reduce((sum, value) => sum + value, 0) / values.length
  const means = Array.from({ length: 2_000 }, () => mean(values.map(() => values[Math.floor(random() * values.length)]!))).sort((a, b) => a - b)
  return `${mean(values).toFixed(1)} [${means[50]!.toFixed(1)}, ${means[1_949]!.toFixed(1)}]`
}

/** A line a measure, a column a category. */
export function printScores (results: readonly { readonly category: number, readonly scores: Scores }[]): void {
  const groups = [['all', results] as const, ...[1, 2, 3, 4].map(category => [`category ${category}`, results.filter(result => result.category === category)] as const)].filter(([, group]) => group.length > 0)
  console.log(['', ...groups.map(([name, { length }]) => `${name} (${length})`)].join(' | '))
  for (const measure of Object.keys(results[0]?.scores ?? {})) {
    console.log([measure, ...groups.map(([, group]) => withInterval(group.map(({ scores }) => scores[measure]!)))].join(' | '))
  }
}
