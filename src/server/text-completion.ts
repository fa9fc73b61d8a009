import type { ChatEvent } from '../chat/answer.ts'
import { problem } from '../errors.ts'
import type { FinishReason } from '../inference/engine.ts'
import { answered, head, usage } from './completion.ts'
import type { TextChunkWire, TextCompletionWire } from './schemas/completions.ts'
import { TextLogprobs } from './text-logprobs.ts'

type Start = Extract<ChatEvent, { type: 'start' }>
type Choice = TextCompletionWire['choices'][number]

/** The whole answer as one object: its chunks put together. Throws what the answer throws, and closes it. */
export async function textCompletionOf (events: AsyncIterable<ChatEvent>): Promise<TextCompletionWire> {
  const choices: Choice[] = []
  let said: TextCompletionWire['engraft'] | undefined
  for await (const { choices: [piece], usage, engraft, ...start } of textChunksOf(events, true)) {
    said ??= engraft
    if (piece !== undefined) choices[piece.index] = joined(choices[piece.index], piece)
    if (usage != null && said !== undefined) return { ...start, choices, usage, engraft: said }
  }
  throw problem('incomplete_answer', {})
}

function joined (whole: Choice | undefined, piece: TextChunkWire['choices'][number]): Choice {
  const { index, text, logprobs, finish_reason: reason } = piece
  if (whole === undefined) return { index, text, logprobs, finish_reason: reason ?? 'stop' }
  whole.text += text
  whole.finish_reason = reason ?? whole.finish_reason
  whole.logprobs ??= logprobs
  if (logprobs !== null && whole.logprobs !== null && whole.logprobs !== logprobs) {
    whole.logprobs.tokens.push(...logprobs.tokens)
    whole.logprobs.token_logprobs.push(...logprobs.token_logprobs)
    whole.logprobs.top_logprobs?.push(...logprobs.top_logprobs ?? [])
    whole.logprobs.text_offset.push(...logprobs.text_offset)
  }
  return whole
}

/** The answer as OpenAI's chunks of a text, the usage last and only when asked for. */
export async function * textChunksOf (events: AsyncIterable<ChatEvent>, includeUsage: boolean): AsyncGenerator<TextChunkWire, void, undefined> {
  let start: Start | null = null
  const logprobs: TextLogprobs[] = []
  // An end is held back until what follows is known: the last one carries what the whole reply says of itself.
  let ended: TextChunkWire | null = null
  for await (const event of events) {
    if (event.type === 'start') start = event
    if (start === null) break
    if (event.type === 'start') continue
    if (event.type === 'done') {
      if (ended !== null) yield { ...ended, engraft: answered(start, event.recorded) }
      if (includeUsage) yield { ...head(start, 'text_completion'), choices: [], usage: usage(event.usage) }
      return
    }
    if (ended !== null) yield ended
    ended = null
    const { choice: index } = event
    const chunk: TextChunkWire = {
      ...head(start, 'text_completion'),
      choices: [{
        index,
        // A text has no thoughts and no calls: all of it is what continues the prompt.
        text: 'text' in event ? event.text : '',
        logprobs: 'logprobs' in event && event.logprobs !== undefined ? (logprobs[index] ??= new TextLogprobs()).wire(event.logprobs) : null,
        finish_reason: event.type === 'end' ? plain(event.reason) : null
      }],
      ...(includeUsage ? { usage: null } : {})
    }
    if (event.type === 'end') ended = chunk
    else yield chunk
  }
  throw problem('incomplete_answer', {})
}

function plain (reason: FinishReason): 'stop' | 'length' { return reason === 'length' ? reason : 'stop' }
