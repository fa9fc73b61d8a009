import { problem } from '../errors.ts'
import { shownName } from './invalid.ts'
import { ChatBody, Message, Own } from './schemas/chat.ts'

/**
 * Chat fields are of three sorts. With a meaning: honoured (the schema), or
 * refused here with a 400 that names them, because an answer that quietly
 * lacks what was asked for is worse than none. Hints: taken without effect.
 * Unknown: ignored, and listed in x-engraft-ignored.
 */
type Allowed = (value: unknown) => boolean
const never: Allowed = () => false
const empty: Allowed = value => Array.isArray(value) && value.length === 0

const refusedFields: Readonly<Record<string, Allowed>> = {
  functions: empty,
  audio: never,
  prediction: never,
  web_search_options: never
}

const refusedValues: Readonly<Record<string, readonly [Allowed, remedy: string]>> = {
  function_call: [value => value === 'none' || value === 'auto', "send 'tools' and 'tool_choice'."],
  store: [value => value === false, 'completions are not kept; leave it out.'],
  modalities: [value => Array.isArray(value) && value.length === 1 && value[0] === 'text', 'answers are text; leave it out.']
}

const hints = ['metadata', 'service_tier', 'prompt_cache_key', 'prompt_cache_retention', 'verbosity']
const messageHints = ['refusal', 'audio', 'annotations']

const known = new Set([...Object.keys(ChatBody.properties), ...Object.keys(refusedFields), ...Object.keys(refusedValues), ...hints])
const knownInMessage = new Set([...Object.keys(Message.properties), ...messageHints])

/** Throws `unsupported_field` or `unsupported_value` for the first field whose meaning this server does not have. */
export function refuseUnsupported (body: Readonly<Record<string, unknown>>): void {
  for (const [field, allowed] of Object.entries(refusedFields)) {
    if (present(body[field]) && !allowed(body[field])) throw problem('unsupported_field', { field }, { param: field })
  }
  for (const [field, [allowed, remedy]] of Object.entries(refusedValues)) {
    if (present(body[field]) && !allowed(body[field])) throw unsupportedValue(field, body[field], remedy)
  }
  refuseUnsupportedOwn((body.engraft ?? {}) as Readonly<Record<string, unknown>>)
}

function refuseUnsupportedOwn (own: Readonly<Record<string, unknown>>): void {
  const field = Object.keys(own).find(name => present(own[name]) && !Object.hasOwn(Own.properties, name))
  if (field !== undefined) throw problem('unsupported_field', { field: `engraft.${shownName(field)}` }, { param: `engraft.${shownName(field)}` })
  if (present(own.memory)) refuseMemory('engraft.memory', own.memory)
}

/** Nothing is remembered yet, so `off` is the only wish that can be granted. */
export function refuseMemory (field: string, value: unknown): void {
  if (value !== 'off') throw unsupportedValue(field, value, "only 'off' is.")
}

/** The fields that had no effect because nobody knows them, each once. */
export function ignoredFields (body: Readonly<Record<string, unknown>>, messages: readonly object[]): string[] {
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
