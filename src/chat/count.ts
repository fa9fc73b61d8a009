import { requireModels, requireNamed, requireScope, type Caller } from '../access/caller.ts'
import type { Input, Rendered } from '../inference/engine.ts'
import { refuseMany, type AnswerParts } from './answer.ts'

/** Counts what a conversation or a text costs a model, without answering it. Throws what an answer would throw before its first token. */
export type Count = (model: string | null, input: Input, caller: Caller, signal: AbortSignal) => Promise<Rendered>

/**
 * Counting holds up the engine's answers for some milliseconds, so it is
 * limited as answering is, and done one at a time for each base, tenants in
 * turn.
 */
export function createCount ({ models, limits, maxMessages }: Pick<AnswerParts, 'models' | 'limits' | 'maxMessages'>): Count {
  return async (model, input, caller, signal) => {
    requireScope(caller, 'chat')
    if (input.type === 'chat') refuseMany(input.messages, maxMessages)
    requireNamed(caller, [model])
    await limits.admit(caller)
    // Adapters do not change what a token is.
    const lease = models.lease(model, [], null)
    try {
      requireModels(caller, lease.names)
      const leave = await lease.counting.admit(caller.tenant, signal)
      try {
        return await lease.engine.render(input)
      } finally {
        leave()
      }
    } finally {
      lease.release()
    }
  }
}
