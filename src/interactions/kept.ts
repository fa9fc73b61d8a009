import type { Message } from '../inference/engine.ts'
import { hex } from './chain.ts'
import type { Kept } from './interactions.ts'

/** What is on record of an answer, as far as it tells what stood in the prompts after it. */
export type Recorded = Kept & {
  /** Chain key of what was asked. */
  readonly asked: Uint8Array
  /** Chain key with the answer; null: there was none. */
  readonly answered: Uint8Array | null
}

/**
 * What each user message was answered with. Of several answers to it the one
 * that the conversation went on from counts, else the newest.
 *
 * @param rows of one session, from the oldest to the newest
 * @param keys of the messages, as `chainOf` gives them
 */
export function keptOf<R extends Recorded> (rows: readonly R[], keys: readonly (Uint8Array | null)[], messages: readonly Message[]): Map<number, Kept> {
  const said = new Set(keys.flatMap(key => key === null ? [] : [hex(key)]))
  const asked = Map.groupBy(rows, row => hex(row.asked))
  const kept = new Map<number, Kept>()
  let user = -1
  keys.forEach((key, i) => {
    if (messages[i]!.role === 'user') user = i
    const here = (key !== null && asked.get(hex(key))) || []
    const row = here.findLast(({ answered }) => answered !== null && said.has(hex(answered))) ?? here.at(-1)
    if (row !== undefined && user >= 0) kept.set(user, { block: row.block, profile: row.profile, memories: row.memories })
  })
  return kept
}

/** The messages, each block before the user turn it belongs to and the profile at the head of the first. */
export function assembled (messages: readonly Message[], blocks: ReadonlyMap<number, string | null>, profile: string | null): Message[] {
  const first = messages.findIndex(({ role }) => role === 'user')
  return messages.map((message, i) => {
    const frames = [i === first ? profile : null, blocks.get(i) ?? null].filter(frame => frame !== null)
    return frames.length === 0 ? message : { ...message, content: [...frames, message.content].join('\n\n') }
  })
}
