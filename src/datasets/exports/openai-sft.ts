import type { Message, Tool, ToolCall } from '../../inference/engine.ts'
import type { Answer } from '../row.ts'
import { fewest, files, repeated, twice } from './openai.ts'
import type { Converted, Format } from './format.ts'
import { reasons, spoken, taught, then } from './turns.ts'

interface Line {
  readonly messages: readonly Readonly<Record<string, unknown>>[]
  readonly tools?: readonly object[]
}

const withTools = 'tools'

/**
 * OpenAI's chat format for supervised fine-tuning
 * (platform.openai.com/docs/guides/supervised-fine-tuning). Earlier answers of
 * the conversation have weight 0: nobody said that they were good.
 */
export const openaiSft: Format<Line> = {
  name: 'openai-sft',
  convert: row => then(taught(row), (answer): Converted<Line> => {
    if (answer.content.trim() === '' && (answer.calls ?? []).length === 0) return { skip: reasons.empty }
    if (!['user', 'tool'].includes(row.prompt.at(-1)?.role ?? '')) return { skip: reasons.ending }
    return then(spoken(row), prompt => ({
      record: {
        messages: [...prompt.map(messageOf), taughtOf(answer)],
        ...row.tools.length > 0 && { tools: row.tools.map(toolOf) }
      }
    }))
  }),
  notes: ({ messages, tools = [] }) => [
    ...twice(messages.map(({ role }) => role)) ? [repeated] : [],
    ...tools.length > 0 || messages.some(({ role, tool_calls: calls }) => role === 'tool' || calls !== undefined) ? [withTools] : []
  ],
  refusal: files,
  warnings: ({ rows, noted }, split) => [
    ...fewest(rows, split),
    ...noted[repeated] === undefined ? [] : [`${noted[repeated]} rows have the same role twice running, which OpenAI takes and Together refuses`],
    ...noted[withTools] === undefined ? [] : [`${noted[withTools]} rows have tools, which OpenAI takes and Together refuses`]
  ]
}

function messageOf ({ role, content, name, calls = [], callId }: Message): Readonly<Record<string, unknown>> {
  return {
    role,
    content,
    ...name !== undefined && { name },
    ...calls.length > 0 && { tool_calls: calls.map(callOf) },
    ...callId !== undefined && { tool_call_id: callId },
    ...role === 'assistant' && { weight: 0 }
  }
}

function taughtOf ({ content, calls = [] }: Answer): Readonly<Record<string, unknown>> {
  return { role: 'assistant', content, ...calls.length > 0 && { tool_calls: calls.map(callOf) }, weight: 1 }
}

function callOf ({ id, name, arguments: given }: ToolCall): object {
  return { id, type: 'function', function: { name, arguments: given } }
}

function toolOf ({ name, description, parameters }: Tool): object {
  return { type: 'function', function: { name, ...description !== null && { description }, parameters } }
}
