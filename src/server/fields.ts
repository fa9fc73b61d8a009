import { problem } from '../errors.ts'
import { shownName } from './invalid.ts'
import { ChatBody, Message, Own } from './schemas/chat.ts'
import { CompletionBody, TextOwn } from './schemas/completions.ts'
import { EmbeddingsBody } from './schemas/embeddings.ts'

/**
 * The fields of a request are of three sorts. With a meaning: honoured (the
 * schema), or refused here with a 400 that names them, because an answer that
 * quietly lacks what was asked for is worse than none. Hints: taken without
 * effect. Unknown: ignored, and listed in x-engraft-ignored.
 */
export interface Fields {
  /** All that are not unknown. */
  readonly known: ReadonlySet<string>
  readonly refused: Readonly<Record<string, Allowed>>
  readonly refusedValues: Readonly<Record<string, readonly [Allowed, remedy: string]>>
  /** Of Engraft's own part, all that have a meaning. */
  readonly own: ReadonlySet<string>
}

/** Whether a field may be there all the same: its value asks for nothing. */
type Allowed = (value: unknown) => boolean
const never: Allowed = () => false
const empty: Allowed = value => Array.isArray(value) && value.length === 0

const hints = ['service_tier', 'prompt_cache_key', 'prompt_cache_retention', 'verbosity']
const messageHints = ['refusal', 'audio', 'annotations']

export const chatFields = fieldsOf(ChatBody, Own, {
  functions: empty,
  audio: never,
  prediction: never,
  web_search_options: never
}, {
  function_call: [value => value === 'none' || value === 'auto', "send 'tools' and 'tool_choice'."],
  modalities: [value => Array.isArray(value) && value.length === 1 && value[0] === 'text', 'answers are text; leave it out.']
})

export const completionFields = fieldsOf(CompletionBody, TextOwn, {
  suffix: value => value === ''
}, {
  best_of: [value => value === 1, "ask for all answers with 'n' and choose yourself."],
  store: [value => value === false, 'only chats are kept; leave it out.']
})

export const embeddingFields = fieldsOf(EmbeddingsBody, { properties: {} }, {}, {})

interface Shape { readonly properties: object }

/** The fields of a body of Engraft's own that nobody knows, each once. It has no hints. */
export function unknownFields (bodies: readonly object[], { properties }: Shape): string[] {
  return [...new Set(bodies.flatMap(Object.keys))].filter(name => !Object.hasOwn(properties, name))
}

function fieldsOf ({ properties }: Shape, own: Shape, refused: Fields['refused'], refusedValues: Fields['refusedValues']): Fields {
  return { refused, refusedValues, own: new Set(Object.keys(own.properties)), known: new Set([properties, refused, refusedValues].flatMap(Object.keys).concat(hints)) }
}

const knownInMessage = new Set([...Object.keys(Message.properties), ...messageHints])

/** Throws `unsupported_field` or `unsupported_value` for the first field whose meaning this server does not have. */
export function refuseUnsupported (body: Readonly<Record<string, unknown>>, { refused, refusedValues, own }: Fields): void {
  for (const [field, allowed] of Object.entries(refused)) {
    if (present(body[field]) && !allowed(body[field])) throw problem('unsupported_field', { field }, { param: field })
  }
  for (const [field, [allowed, remedy]] of Object.entries(refusedValues)) {
    if (present(body[field]) && !allowed(body[field])) throw unsupportedValue(field, body[field], remedy)
  }
  refuseUnsupportedOwn((body.engraft ?? {}) as Readonly<Record<string, unknown>>, own)
}

function refuseUnsupportedOwn (own: Readonly<Record<string, unknown>>, known: Fields['own']): void {
  const field = Object.keys(own).find(name => present(own[name]) && !known.has(name))
  if (field !== undefined) throw problem('unsupported_field', { field: `engraft.${shownName(field)}` }, { param: `engraft.${shownName(field)}` })
}

/** The fields that had no effect because nobody knows them, each once. */
export function ignoredFields (body: Readonly<Record<string, unknown>>, { known }: Fields, messages: readonly object[] = []): string[] {
  const names = new Set(Object.keys(body).filter(name => !known.has(name)))
  for (const message of messages) {
    for (const name of Object.keys(message)) if (!knownInMessage.has(name)) names.add(`messages[].${name}`)
  }
  return [...names]
}

export function unsupportedValue (field: string, value: unknown, remedy: string) {
  return problem('unsupported_value', { field, value: shownValue(value), remedy }, { param: field })
}

function shownValue (value: unknown): string {
  // A list or an object may be nested so deeply that turning it back into text overflows the stack.
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'this list' : 'this object'
  // Long enough for every word of the API, short enough that no text of the caller's comes back whole.
  return (JSON.stringify(value) ?? 'left out').slice(0, 64)
}

export function present (value: unknown): boolean {
  return value !== undefined && value !== null
}
