import type { Message, ToolCall } from '../../inference/engine.ts'
import type { Answer, Filter, Row } from '../row.ts'

/** What templates of models write between turns: in a text it would end the turn, for a trainer or for the model. */
const tokens = /<\|[^<>|\s]{1,40}\|>|<\/?s>|<\/?(?:bos|eos|pad|unk|mask)>|\[\/?INST\]|<<\/?SYS>>|<(?:start|end)_of_turn>|\[(?:TOOL_CALLS|AVAILABLE_TOOLS|TOOL_RESULTS)\]|<｜[^<>｜\s]{1,40}｜>/
/** Characters of control, but for tabulators and line ends; and what is no character. */
// eslint-disable-next-line no-control-regex
const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]/
/** Invisible letters that models read and people do not. Flags of regions are made of them. */
const tags = /[\u{E0000}-\u{E007F}]/u
const flags = /\u{1F3F4}[\u{E0020}-\u{E007E}]{1,8}\u{E007F}/gu

/**
 * Drops rows that no provider's rules let through, or that would teach a
 * broken form: turns in the wrong order or empty, calls of tools that are
 * unknown, unreadable or unanswered, special tokens inside texts, a preference
 * between equal answers, and answers of the model's own that nobody rated.
 */
export function structure (): Filter {
  return {
    name: 'structure',
    about: 'Drops broken turns, broken tool calls, special tokens in texts and answers that nobody rated.',
    settings: { version: 1 },
    judge (row) {
      const drop = faultOf(row)
      return drop === null ? { keep: row } : { drop }
    }
  }
}

function faultOf (row: Row): string | null {
  const rejected = 'rejected' in row ? row.rejected : null
  const answers = rejected === null ? [row.answer] : [row.answer, rejected]
  const known = new Set(row.tools.map(({ name }) => name))
  return (row.evidence.feedback.length === 0 ? 'an answer of the model that nobody rated' : null) ??
    orderFault(row.prompt) ??
    first(row.prompt, message => message.role === 'assistant' || message.role === 'user' ? emptyFault(message) : null) ??
    first(answers, emptyFault) ??
    callsFault(row.prompt, known) ??
    first(answers, ({ calls = [] }) => callFault(calls, known)) ??
    (rejected !== null && same(row.answer, rejected) ? 'both answers are the same' : null) ??
    first([...row.prompt, ...answers], textFault)
}

/** A system prompt or none, then user and assistant in turn, and an answer is due. What tools gave back stands after their calls. */
function orderFault (prompt: readonly Message[]): string | null {
  const turns = prompt.map(({ role }) => role)
  const talk = turns[0] === 'system' ? turns.slice(1) : turns
  if (talk.includes('system')) return 'a system prompt that is not the first turn'
  if (talk[0] !== 'user') return 'no user begins'
  if (talk.at(-1) === 'assistant') return 'the prompt ends with the assistant'
  const fits = talk.every((role, i) => i === 0 || follows[role as 'user' | 'assistant' | 'tool'].includes(talk[i - 1]!))
  return fits ? null : 'turns do not alternate'
}

const follows = { user: ['assistant'], assistant: ['user', 'tool'], tool: ['assistant', 'tool'] }

function emptyFault ({ content, calls = [] }: Answer): string | null {
  return content.trim() === '' && calls.length === 0 ? 'an empty turn' : null
}

/** Every call is answered once, right after it, and nothing is answered that was not called. */
function callsFault (prompt: readonly Message[], known: ReadonlySet<string>): string | null {
  let waiting = new Set<string>()
  for (const { role, calls = [], callId } of prompt) {
    if (role === 'tool') {
      if (!waiting.delete(callId ?? '')) return 'a result of no call'
      continue
    }
    if (waiting.size > 0) return 'a call without a result'
    if (role !== 'assistant') continue
    const fault = callFault(calls, known)
    if (fault !== null) return fault
    waiting = new Set(calls.map(({ id }) => id))
  }
  return waiting.size > 0 ? 'a call without a result' : null
}

function callFault (calls: readonly ToolCall[], known: ReadonlySet<string>): string | null {
  if (new Set(calls.map(({ id }) => id)).size < calls.length) return 'two calls of one id'
  return first(calls, ({ name, arguments: given }) => !known.has(name) ? 'a call of an unknown tool' : isObject(given) ? null : 'arguments of a call that are no JSON object')
}

function isObject (json: string): boolean {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}

function same (a: Answer, b: Answer): boolean {
  const told = ({ content, calls = [] }: Answer): string => JSON.stringify([content.trim(), calls.map(({ name, arguments: given }) => [name, given])])
  return told(a) === told(b)
}

function textFault ({ content, calls = [] }: Answer): string | null {
  return first([content, ...calls.map(call => call.arguments)], text => {
    if (tokens.test(text)) return 'a special token in a text'
    if (!text.isWellFormed() || controls.test(text)) return 'control characters in a text'
    return tags.test(text) && tags.test(text.replace(flags, '')) ? 'invisible letters in a text' : null
  })
}

function first<T> (list: readonly T[], faultIn: (item: T) => string | null): string | null {
  for (const item of list) {
    const fault = faultIn(item)
    if (fault !== null) return fault
  }
  return null
}
