import type { FinishReason, TokenLogprob } from '../inference/engine.ts'
import type { ChatEvent } from './request.ts'

/** One of the answers to a prompt, as it grows out of its events. */
export interface Growing {
  content: string
  /** '' where the model did not think first. */
  reasoning: string
  readonly calls: { readonly id: string, readonly name: string, arguments: string }[]
  readonly logprobs: TokenLogprob[]
  /** null: it has not ended. */
  reason: FinishReason | null
}

/** Puts an event where it belongs; the choice it is of begins with its first. */
export function grow (choices: Growing[], event: Exclude<ChatEvent, { type: 'start' | 'done' }>): void {
  const choice = choices[event.choice] ??= { content: '', reasoning: '', calls: [], logprobs: [], reason: null }
  switch (event.type) {
    case 'text': choice.content += event.text; break
    case 'reasoning': choice.reasoning += event.text; break
    case 'call': {
      const call = choice.calls[event.index] ??= { id: event.id ?? '', name: event.name ?? '', arguments: '' }
      call.arguments += event.arguments
      break
    }
    case 'end': choice.reason = event.reason
  }
  if ('logprobs' in event) choice.logprobs.push(...event.logprobs ?? [])
}
