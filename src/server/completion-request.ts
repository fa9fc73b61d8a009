import type { ChatRequest } from '../chat/answer.ts'
import { adaptersFrom, samplingFrom, stopsFrom, type Chat } from './chat-request.ts'
import { completionFields, ignoredFields, refuseUnsupported } from './fields.ts'
import { defaultMaxTokens, type CompletionBodyWire } from './schemas/completions.ts'
import { textsFrom, type Text } from './texts.ts'

/** OpenAI's own ceiling for the completions of one request; here for its prompts, each of which waits for a slot of its own. */
const maxPrompts = 128

/** What a completion's body asks for: one request a prompt. */
export interface Completions extends Omit<Chat, 'request'> { readonly requests: readonly [ChatRequest, ...ChatRequest[]] }

/** What a body that passed the schema asks for. Throws a 400 that names the field for what cannot be honoured. */
export function completionsFrom (body: CompletionBodyWire): Completions {
  refuseUnsupported(body, completionFields)
  const [first = '', ...others] = textsFrom(body.prompt, 'prompt', maxPrompts)
  const asked: Omit<ChatRequest, 'input'> = {
    model: body.model ?? null,
    adapters: adaptersFrom(body.engraft),
    grammar: null,
    choices: body.n ?? 1,
    logprobs: body.logprobs ?? null,
    echo: body.echo ?? false,
    // A text is nobody's conversation: nothing of it is kept, and nothing recalled.
    memory: 'off',
    memoryTokens: null,
    session: null,
    store: false,
    metadata: {},
    maxTokens: body.max_tokens ?? defaultMaxTokens,
    stop: stopsFrom(body.stop),
    sampling: samplingFrom(body)
  }
  const requestOf = (text: Text): ChatRequest => ({ ...asked, input: typeof text === 'string' ? { type: 'text', text } : { type: 'tokens', tokens: text } })
  return {
    requests: [requestOf(first), ...others.map(requestOf)],
    user: body.safety_identifier ?? body.user ?? null,
    stream: body.stream ?? false,
    includeUsage: body.stream_options?.include_usage ?? false,
    ignored: ignoredFields(body, completionFields)
  }
}
