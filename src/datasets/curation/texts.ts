import type { Message, ToolCall } from '../../inference/engine.ts'
import type { Answer, Row } from '../row.ts'

/** What an answer says: its text, and the tools it calls. */
export function answerText ({ content, calls }: Answer): string {
  return calls === undefined || calls.length === 0 ? content : `${content}\n${calls.map(callText).join('\n')}`
}

/** What a row's answer is given to: the last turn of the user and what tools gave back since. */
export function questionText ({ prompt }: Row): string { return textOf(prompt.slice(lastTurn(prompt))) }

/** What had been said before that. Not the system prompt: it is the operator's and the same for all, but for a date perhaps. */
export function contextText ({ prompt }: Row): string {
  return textOf(prompt.slice(0, lastTurn(prompt)).filter(({ role }) => role !== 'system'))
}

function lastTurn (prompt: readonly Message[]): number { return Math.max(0, prompt.findLastIndex(({ role }) => role === 'user')) }

function textOf (messages: readonly Message[]): string { return messages.map(answerText).join('\n') }

function callText ({ name, arguments: given }: ToolCall): string { return `${name} ${given}` }
