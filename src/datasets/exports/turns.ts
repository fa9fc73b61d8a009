import type { Message } from '../../inference/engine.ts'
import type { Answer, Row } from '../row.ts'
import type { Converted } from './format.ts'

/** A message as most formats have it. */
export interface Turn<Role = 'system' | 'user' | 'assistant'> {
  readonly role: Role
  readonly content: string
}

/** A conversation whose system prompt stands apart and whose turns alternate, the first and the last being the user's. */
export interface Alternating {
  readonly system: string
  readonly turns: readonly Turn<'user' | 'assistant'>[]
}

/** Reasons that several formats have. */
export const reasons = {
  verdict: 'it is a verdict, which teaches no better answer: trl-kto holds those',
  preference: 'nobody said that the preferred answer is a good one: openai-dpo and trl-dpo hold preferences',
  single: 'nothing was rejected: it is no pair',
  unjudged: 'it has no verdict',
  tools: 'it has tools: openai-sft holds those',
  empty: 'the answer is empty',
  silent: 'a turn is empty',
  ending: 'the conversation does not end with the user',
  order: 'the roles do not alternate between user and assistant',
  system: 'a system message stands in the middle'
} as const

/** The plain turns of a row, for formats without tools. */
export function plain (row: Row, answers: readonly Answer[]): Converted<readonly Turn[]> {
  if (row.tools.length > 0 || row.prompt.some(usesTools) || answers.some(({ calls = [] }) => calls.length > 0)) return { skip: reasons.tools }
  if (answers.some(({ content }) => content.trim() === '')) return { skip: reasons.empty }
  if (row.prompt.at(-1)?.role !== 'user') return { skip: reasons.ending }
  const turns = spoken(row)
  return 'skip' in turns ? turns : { record: turns.record.map(({ role, content }) => ({ role: role as Turn['role'], content })) }
}

/** The prompt without system messages that say nothing: readers refuse any message without words. */
export function spoken ({ prompt }: Row): Converted<readonly Message[]> {
  const said = prompt.filter(({ role, content }) => role !== 'system' || content.trim() !== '')
  return said.some(({ content, calls = [] }) => content.trim() === '' && calls.length === 0) ? { skip: reasons.silent } : { record: said }
}

/** The same, for formats that know nothing but questions and answers in turn. */
export function alternating (row: Row, answers: readonly Answer[]): Converted<Alternating> {
  const converted = plain(row, answers)
  if ('skip' in converted) return converted
  const turns = converted.record
  const start = turns.findIndex(({ role }) => role !== 'system')
  const rest = turns.slice(start)
  if (rest.some(({ role }) => role === 'system')) return { skip: reasons.system }
  if (rest.some(({ role }, i) => role !== (i % 2 === 0 ? 'user' : 'assistant'))) return { skip: reasons.order }
  return { record: { system: turns.slice(0, start).map(({ content }) => content).join('\n\n'), turns: rest as readonly Turn<'user' | 'assistant'>[] } }
}

/** What is taught by a row that says what a good answer is. */
export function taught (row: Row): Converted<Answer> {
  if (row.kind === 'demonstration') return { record: row.answer }
  return { skip: reasons[row.kind] }
}

/** The better and the worse answer of a row that has both. */
export function pair (row: Row): Converted<{ readonly better: Answer, readonly worse: Answer }> {
  if (row.kind === 'verdict' || row.rejected === null) return { skip: reasons.single }
  return { record: { better: row.answer, worse: row.rejected } }
}

/** Does one step after another, until one has a reason against it. */
export function then<From, To> (converted: Converted<From>, next: (record: From) => Converted<To>): Converted<To> {
  return 'skip' in converted ? converted : next(converted.record)
}

export function usesTools ({ role, calls = [] }: Message): boolean { return role === 'tool' || calls.length > 0 }
