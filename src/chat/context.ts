import type { Caller } from '../access/caller.ts'
import type { ModelLease } from '../adapters/directory.ts'
import type { Input, Message } from '../inference/engine.ts'
import type { Interactions, Opened } from '../interactions/interactions.ts'
import { assembled } from '../interactions/kept.ts'
import { blockOf } from '../memory/block.ts'
import type { Memories } from '../memory/memories.ts'
import type { Profile } from '../memory/profile/profile.ts'
import type { ChatRequest } from './request.ts'
import type { Keeping } from './keeping.ts'

/** What a conversation is answered with beside itself. */
export interface Context {
  /** The prompt, with what was recalled in it. */
  readonly input: Input
  /** null: nothing of it is kept, so it has none. */
  readonly session: string | null
  /** The block before the newest user message, and the memories it quotes. */
  readonly block: string | null
  readonly memories: readonly string[]
  /** The frame at the head of the first user turn; null: none. */
  readonly profile: string | null
  /** Whether memories were wanted and could not be had in time. */
  readonly forgetful: boolean
}

export interface ContextParts {
  readonly interactions: Pick<Interactions, 'open'>
  readonly memories: Pick<Memories, 'recall'>
  readonly profile: Pick<Profile, 'frame'>
  /** Told of a recall that failed: constant message and fields, never text. */
  readonly log: (message: string, fields: Readonly<Record<string, unknown>>) => void
}

/** How long (ms) an answer waits for its memories: ten times what recall takes on a busy two-core machine (`npm run bench:memory`), and little beside a prompt. */
const recallMs = 500
/** A block shorter than one quote says nothing. */
const leastTokens = 32
/** Tokens of memories that a prompt takes, whatever the machine: architecture §2.3. */
const fewest = 128
const most = 768
/** All blocks of a conversation together stay below this share of the context. */
const share = 1 / 4

/**
 * Finds out what a conversation is answered with. The prompt of a session only
 * grows: each user turn answered before has the block it was answered with,
 * byte for byte, and the newest one gets a new block, so that the engine's
 * prefix stays true.
 */
export function createContext ({ interactions, memories, profile, log }: ContextParts) {
  return async (request: ChatRequest, messages: readonly Message[], caller: Caller, keeping: Keeping, lease: Pick<ModelLease, 'contextSize' | 'engine'>, signal: AbortSignal): Promise<Context> => {
    const { input, session } = request
    const alone: Context = { input, session, block: null, memories: [], profile: null, forgetful: false }
    if (!keeping.read && !keeping.store) return { ...alone, session: null }
    const owner = { tenant: caller.tenant, user: caller.user ?? '' }
    const opened = await interactions.open(owner, session, messages)
    if (!keeping.read || caller.user === null) return { ...alone, session: opened.session }

    // Frozen for the session: what is learnt meanwhile would change what the engine has read already.
    const frame = opened.profile === undefined ? await framed() : { profile: opened.profile, failed: false }
    const newest = messages.findLastIndex(({ role }) => role === 'user')
    const before = opened.kept.get(newest)
    const recalled = before !== undefined || newest === -1
      ? { block: before?.block ?? null, memories: before?.memories ?? [], failed: false }
      : await recall(messages, messages[newest]?.content ?? '', opened)
    const blocks = new Map([...opened.kept].map(([index, { block }]) => [index, block]))
    if (newest !== -1) blocks.set(newest, recalled.block)
    return {
      input: input.type === 'chat' ? { ...input, messages: assembled(messages, blocks, frame.profile) } : input,
      session: opened.session,
      block: recalled.block,
      memories: recalled.memories,
      profile: frame.profile,
      forgetful: recalled.failed || frame.failed
    }

    async function framed (): Promise<{ profile: string | null, failed: boolean }> {
      const late = Promise.withResolvers<never>()
      const timer = setTimeout(() => late.reject(new Error('late')), recallMs)
      try {
        return { profile: await Promise.race([profile.frame(owner), late.promise]), failed: false }
      } catch (error) {
        log('profile could not be read', { error: error instanceof Error ? error.message : typeof error })
        return { profile: null, failed: true }
      } finally {
        clearTimeout(timer)
      }
    }

    async function recall (messages: readonly Message[], query: string, { kept, quoted }: Opened) {
      const spent = [...kept.values()].reduce((sum, { block }) => sum + (block?.length ?? 0) / charactersPerToken, 0)
      const maxTokens = Math.min(request.memoryTokens ?? affordable(lease), lease.contextSize * share - spent)
      if (maxTokens < leastTokens || query.trim() === '') return { block: null, memories: [], failed: false }
      try {
        const found = await memories.recall({ tenant: caller.tenant, user: caller.user ?? '' }, {
          query,
          maxTokens,
          exclude: { ids: [...quoted], texts: messages.filter(({ role }) => role !== 'system').map(({ content }) => content) },
          signal: AbortSignal.any([signal, AbortSignal.timeout(recallMs)])
        })
        if (!found.relevant) return { block: null, memories: [], failed: false }
        // What a statement was read from says it too, and the profile says it already.
        const said = found.memories.filter(({ source }) => source === null)
        return { block: blockOf(said), memories: said.map(({ id }) => id), failed: false }
      } catch (error) {
        signal.throwIfAborted()
        // An answer without memories is worth more than none.
        log('recall failed', { error: error instanceof Error ? error.name : typeof error })
        return { block: null, memories: [], failed: true }
      }
    }
  }
}

/** Real text averages about four characters a token. */
const charactersPerToken = 4

/** What the machine reads in a second, within bounds. */
function affordable ({ engine }: Pick<ModelLease, 'engine'>): number {
  return Math.min(most, Math.max(fewest, engine.state().prefillRate ?? fewest))
}
