import { createHash } from 'node:crypto'
import type { Message } from '../inference/engine.ts'
import type { Choice } from './interactions.ts'

/** Key of a conversation in which nothing has been said. */
const nothing = Buffer.alloc(32)

/** The keys along a conversation. */
export interface Chain {
  /** One for each message; null for a system message. */
  readonly keys: readonly (Buffer | null)[]
  /** The key of the last message that has one. */
  readonly tip: Buffer
}

/**
 * Names each message together with all that was said before it, each key being
 * sha256 over the key before it and the message. System messages are no part
 * of it, since many bear the date of the day.
 */
export function chainOf (messages: readonly Message[]): Chain {
  let tip: Buffer = nothing
  const keys = messages.map(message => {
    if (message.role === 'system') return null
    tip = next(tip, message)
    return tip
  })
  return { keys, tip }
}

/** The key that an answer has as the next message. */
export function answerKey (tip: Buffer, { content, calls }: Choice): Buffer {
  return next(tip, { role: 'assistant', content, calls })
}

/**
 * The text that is kept of a message: JSON, and always the same for the same
 * message, in whatever order its fields came.
 */
export function bodyOf ({ role, content, name, reasoning, calls, callId }: Message): string {
  return JSON.stringify({ role, content, name, reasoning, calls: callsOf(calls), callId })
}

export function sha256 (...parts: readonly (string | Uint8Array)[]): Buffer {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

export function hex (blob: Uint8Array): string {
  return Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength).toString('hex')
}

/**
 * Thoughts do not count, for clients rarely send them back; nor does white
 * space at either end, which many of them trim from an answer.
 */
function next (tip: Buffer, message: Message): Buffer {
  const { reasoning, ...said } = message
  return sha256(tip, bodyOf({ ...said, content: message.content.trim() }))
}

function callsOf (calls: Message['calls']) {
  if (calls === undefined || calls.length === 0) return undefined
  return calls.map(({ id, name, arguments: text }) => ({ id, name, arguments: text }))
}
