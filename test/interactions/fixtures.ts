import { type Test } from 'tap'
import type { Database } from '../../src/database/database.ts'
import type { Message } from '../../src/inference/engine.ts'
import type { Choice, Interactions, NewInteraction, Owner } from '../../src/interactions/interactions.ts'
import { openInteractions } from '../../src/interactions/open.ts'
import { freshPath, opened } from '../database/fixtures.ts'

export const ada: Owner = { tenant: 'acme', user: 'ada' }
export const bob: Owner = { tenant: 'acme', user: 'bob' }

export interface Store {
  readonly interactions: Interactions
  readonly database: Database
  readonly path: string
  /** Milliseconds; moved by the test. */
  readonly clock: { now: number }
}

/** A record in a new database, whose clock only the test moves. */
export async function store (t: Test): Promise<Store> {
  const path = freshPath(t)
  const database = await opened(t, path)
  const clock = { now: Date.parse('2026-03-01T12:00:00Z') }
  return { interactions: openInteractions(database, () => clock.now), database, path, clock }
}

export const says = (content: string): Message => ({ role: 'user', content })
export const answers = (content: string): Message => ({ role: 'assistant', content })
export const choice = (content: string, more: Partial<Choice> = {}): Choice => ({ content, reasoning: '', calls: [], reason: 'stop', ...more })

let made = 0

/** An interaction with nothing special about it. */
export function interaction (given: Partial<NewInteraction> = {}): NewInteraction {
  return {
    id: `chatcmpl-${++made}`,
    owner: ada,
    session: 's1',
    created: Date.parse('2026-03-01T12:00:00Z'),
    model: 'tiny',
    version: null,
    digest: 'ab'.repeat(32),
    messages: [says('hello')],
    block: null,
    profile: null,
    memories: [],
    prompt: 'cd'.repeat(32),
    choices: [choice('hi')],
    usage: { promptTokens: 7, cachedTokens: 2, completionTokens: 3, reasoningTokens: 0 },
    timings: { firstToken: 12.5, total: 40 },
    params: { temperature: 1, seed: 7 },
    metadata: {},
    keyId: null,
    error: null,
    remember: true,
    training: false,
    ...given
  }
}

/** Asks and records, as a chat does: the id, the session, and what was on record before. */
export async function ask ({ interactions, clock }: Store, messages: readonly Message[], answer: string, given: Partial<NewInteraction> & { readonly named?: string } = {}) {
  const { named = null, ...more } = given
  const owner = given.owner ?? ada
  const before = await interactions.open(owner, named, messages)
  const asked = interaction({ owner, session: before.session, created: clock.now, messages, choices: [choice(answer)], ...more })
  await interactions.record(asked)
  return { ...before, id: asked.id }
}
