import { answerText, questionText } from '../../datasets/curation/texts.ts'
import type { Answer, Row } from '../../datasets/row.ts'
import type { Input, Message } from '../../inference/engine.ts'
import { withoutBlock } from '../../memory/block.ts'
import { withoutFrame } from '../../memory/profile/frame.ts'
import { inTurn } from './choice.ts'

/** What a conversation is answered from. */
export type Chat = Extract<Input, { type: 'chat' }>

/** What a row is asked with: as it was recorded, without what was remembered, or with examples before its question. */
export type Situation = 'recorded' | 'bare' | 'examples'

/** The answer that a person approved of; null: the row shows none. */
export function approvedOf (row: Row): Answer | null { return row.kind === 'verdict' && !row.good ? null : row.answer }

/** The same as text. */
export function approvedText (row: Row): string | null {
  const answer = approvedOf(row)
  return answer === null ? null : answerText(answer)
}

/** The answer that a person did not want; null: the row shows none. */
export function disapprovedOf (row: Row): Answer | null {
  if (row.kind === 'verdict') return row.good ? null : row.answer
  return row.rejected
}

export function recorded (row: Row): Chat { return inputOf(row, row.prompt) }

/** Without memories and profile in the turns of the user. */
export function bare (row: Row): Chat { return inputOf(row, row.prompt.map(unremembered)) }

/** As it was recorded, with examples as turns before the last question. */
export function withExamples (row: Row, examples: readonly Row[]): Chat {
  const last = Math.max(0, row.prompt.findLastIndex(({ role }) => role === 'user'))
  return inputOf(row, [...row.prompt.slice(0, last), ...examples.flatMap(turnsOf), ...row.prompt.slice(last)])
}

/** An example is a question and its answer and nothing else; a longer one costs every prompt more than it shows. */
const longestExample = 2_000

/** Examples of different people, drawn from the rows that were learnt from: fewer where there are not so many. */
export function examplesOf (trained: readonly Row[], count: number): readonly Row[] {
  const fit = trained.filter(row => approvedOf(row) !== null && row.tools.length === 0 && row.answer.calls === undefined && questionText(row).length + row.answer.content.length <= longestExample)
  return [...Map.groupBy(inTurn(fit, 'examples'), ({ group }) => group).values()].map(([row]) => row!).slice(0, count)
}

function turnsOf (row: Row): Message[] {
  const question = row.prompt.findLast(({ role }) => role === 'user')
  return question === undefined ? [] : [unremembered(question), { role: 'assistant', content: row.answer.content }]
}

function unremembered (message: Message): Message {
  return message.role === 'user' ? { ...message, content: withoutBlock(withoutFrame(message.content)) } : message
}

function inputOf ({ tools }: Row, messages: readonly Message[]): Chat {
  const [first, ...others] = tools
  return { type: 'chat', messages, tools: first === undefined ? null : { list: [first, ...others], choice: 'auto', parallel: true }, effort: null }
}
