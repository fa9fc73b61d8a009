import type { Message } from '../inference/engine.ts'
import type { Completion } from '../interactions/interactions.ts'
import { head, usage } from './completion.ts'
import type { StoredMessageWire, StoredWire } from './schemas/stored.ts'

/** A stored completion as OpenAI shows it: the answer, with the request's parameters beside it. */
export function storedOf (completion: Completion): StoredWire {
  const { created, choices, owner, version, digest, memories, session, error } = completion
  return {
    ...completion.params,
    ...head({ ...completion, created: Math.floor(created / 1000) }, 'chat.completion'),
    choices: choices.map(({ content, reasoning, calls, reason }, index) => ({
      index,
      message: {
        role: 'assistant',
        content: content === '' && calls.length > 0 ? null : content,
        ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
        refusal: null,
        ...toolCalls(calls)
      },
      logprobs: null,
      finish_reason: reason
    })),
    usage: completion.usage === null ? null : usage(completion.usage),
    metadata: completion.metadata,
    input_user: owner.user === '' ? null : owner.user,
    engraft: { version, digest, memories: [...memories], session, error }
  }
}

/** A message of a stored conversation, named by its place in it. */
export function storedMessageOf (completion: string, { role, content, name, reasoning, calls, callId }: Message, place: number): StoredMessageWire {
  return {
    id: `${completion}-${place}`,
    role,
    content,
    content_parts: null,
    ...(name === undefined ? {} : { name }),
    ...(reasoning === undefined ? {} : { reasoning_content: reasoning }),
    ...toolCalls(calls ?? []),
    ...(callId === undefined ? {} : { tool_call_id: callId })
  }
}

function toolCalls (calls: NonNullable<Message['calls']>) {
  if (calls.length === 0) return {}
  return { tool_calls: calls.map(({ id, name, arguments: text }) => ({ id, type: 'function' as const, function: { name, arguments: text } })) }
}
