import type { JsonValue, Message, ToolCall } from '../../inference/engine.ts'
import type { Answer, Row } from '../row.ts'

/** Which side of a row a text is on. */
export type Part = 'prompt' | 'answer'

/** The row with every text that a person or a model wrote put through `change`, always in the same order. Names of tools and ids stay. */
export function mapTexts (row: Row, change: (text: string, part: Part) => string): Row {
  const prompt = row.prompt.map(message => messageWith(message, change))
  const quoted = change(row.quoted, 'prompt')
  const answer = answerWith(row.answer, change)
  if (row.kind === 'verdict') return { ...row, prompt, quoted, answer }
  const rejected = row.rejected === null ? null : answerWith(row.rejected, change)
  return { ...row, prompt, quoted, answer, rejected } as Row
}

function messageWith (message: Message, change: (text: string, part: Part) => string): Message {
  const { content, name, reasoning, calls } = message
  return {
    ...message,
    content: change(content, 'prompt'),
    ...name !== undefined && message.role !== 'tool' && { name: change(name, 'prompt') },
    ...reasoning !== undefined && { reasoning: change(reasoning, 'prompt') },
    ...calls !== undefined && { calls: calls.map(call => callWith(call, 'prompt', change)) }
  }
}

function answerWith (answer: Answer, change: (text: string, part: Part) => string): Answer {
  const { content, calls } = answer
  return { ...answer, content: change(content, 'answer'), ...calls !== undefined && { calls: calls.map(call => callWith(call, 'answer', change)) } }
}

/** Arguments stay JSON: their strings are changed one by one, and a number where its figures are. Each is read behind its key, which tells what it is. */
function callWith (call: ToolCall, part: Part, change: (text: string, part: Part) => string): ToolCall {
  const given = parsed(call.arguments)
  if (given === undefined) return { ...call, arguments: change(call.arguments, part) }
  let same = true
  const safe = mapJson(given, text => {
    const out = change(text, part)
    if (out !== text) same = false
    return out
  })
  return same ? call : { ...call, arguments: JSON.stringify(safe) }
}

function mapJson (value: JsonValue, change: (text: string) => string, key?: string): JsonValue {
  if (typeof value === 'string') return changed(value, change, key)
  if (typeof value === 'number') {
    const out = changed(String(value), change, key)
    return out === String(value) ? value : Number(out.replace(/\D/g, ''))
  }
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(item => mapJson(item as JsonValue, change, key))
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, mapJson(item as JsonValue, change, name)]))
}

function changed (value: string, change: (text: string) => string, key: string | undefined): string {
  const label = key === undefined ? '' : `${key}: `
  const out = change(label + value)
  // A key that was changed too is data and no key.
  return out.startsWith(label) ? out.slice(label.length) : out
}

function parsed (text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    return undefined
  }
}
