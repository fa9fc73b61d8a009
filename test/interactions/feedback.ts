import type { Test } from 'tap'
import type { FeedbackRecord, NewFeedback } from '../../src/interactions/feedback.ts'
import { type CompletionIds, openCompletionIds } from '../../src/interactions/ids.ts'
import type { Owner, Reach } from '../../src/interactions/interactions.ts'
import { openFeedback } from '../../src/interactions/open-feedback.ts'
import { type Store, ada, ask, says, store } from './fixtures.ts'

export interface FeedbackStore extends Store {
  readonly feedback: FeedbackRecord
  readonly ids: CompletionIds
  /** Who lets nothing be kept any more, and who was erased when. */
  readonly silent: Set<string>
  readonly erased: Map<string, number>
  /** An answer on record, in a session of that name. */
  answered (owner?: Owner, session?: string): Promise<string>
  /** Gives it and resolves to its id. */
  say (reach: Reach, feedback: Partial<NewFeedback> & Pick<NewFeedback, 'kind' | 'value'>, key?: string | null): Promise<string>
}

/** Feedback beside a record, in a new database. */
export async function feedbackStore (t: Test): Promise<FeedbackStore> {
  const s = await store(t)
  const ids = await openCompletionIds(s.database)
  const silent = new Set<string>()
  const erased = new Map<string, number>()
  const feedback = openFeedback({ database: s.database, ids, write: async (_, work) => await work(), erasedAt: async ({ user }) => erased.get(user) ?? null, keeps: async ({ user }) => !silent.has(user), now: () => s.clock.now })
  let asked = 0
  return {
    ...s,
    feedback,
    ids,
    silent,
    erased,
    answered: async (owner = ada, session = 's1') => (await ask(s, [says(`question ${++asked}`)], `answer ${asked}`, { owner, named: session })).id,
    say: async (reach, given, key = null) => (await feedback.give(reach, { completion: null, choice: 0, session: null, comment: null, author: null, ...given } as NewFeedback, key)).feedback.id
  }
}

export const everything = { completion: null, session: null, kind: null, after: null, limit: 100 }
