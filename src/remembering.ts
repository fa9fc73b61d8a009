import type { Config } from './config.ts'
import type { Database } from './database/database.ts'
import type { ThreadBudget } from './inference/threads.ts'
import type { FeedbackRecord, NewFeedback } from './interactions/feedback.ts'
import type { Interactions } from './interactions/interactions.ts'
import { type FeedbackParts, openFeedback } from './interactions/open-feedback.ts'
import { openInteractions } from './interactions/open.ts'
import { createCapture } from './memory/capture.ts'
import type { Memories } from './memory/memories.ts'
import { openMemories, type OpenMemories } from './memory/open.ts'
import { createProfile, type Profile } from './memory/profile/profile.ts'
import { createForgettingInTurn } from './privacy/forgetting.ts'
import type { People } from './privacy/people.ts'
import { masked } from './privacy/secrets/masked.ts'
import { ModelError, type EmbedderFiles, type Models, type Resolving } from './models/models.ts'
import type { Watcher } from './server/ports.ts'

/** The record of answers, what is said of them, and the memories made of it. */
export interface Remembering {
  readonly interactions: Interactions
  readonly feedback: FeedbackRecord
  readonly memories: Memories
  readonly profile: Profile
  /** The embedding model, once it is there. */
  embeddings (): OpenMemories['embeddings']
  /** Tells one watcher from now on. */
  watch (watcher: Watcher): void
  /** Resolves when what is on record has been remembered. */
  settled (): Promise<void>
  /** Ends before the database does. */
  close (): Promise<void>
}

export interface RememberingParts {
  readonly config: Pick<Config, 'embedder'>
  readonly database: Database
  readonly path: string
  readonly models: Pick<Models, 'findEmbedder' | 'resolveEmbedder'>
  readonly threads: ThreadBudget
  readonly people: Pick<People, 'write' | 'inTurn'>
  readonly feedback: Pick<FeedbackParts, 'ids' | 'erasedAt' | 'keeps'>
  /** Makes engines reuse nothing that they have read for the tenant. */
  readonly unread: (tenant: string) => void
  readonly signal: AbortSignal
  readonly progress: Resolving['progress']
  readonly log: (level: 'info' | 'error', message: string, fields: Readonly<Record<string, unknown>>) => void
  readonly onFatal: (error: Error) => void
}

/**
 * Opens the record and the memories. A start never waits for an embedding
 * model to be fetched: until it is here, and where it cannot be had, memories
 * are found by their words.
 */
export async function openRemembering ({ config, database, path, models, threads, people, feedback, unread, signal, progress, log, onFatal }: RememberingParts): Promise<Remembering> {
  const failed = (message: string, fields: Readonly<Record<string, unknown>>): void => log('error', message, fields)
  const open = async (files: EmbedderFiles | null): Promise<OpenMemories> => {
    const opened = await openMemories({ database, path, embedder: files, gate: async () => { await threads.spare() }, log: failed, onDeath: onFatal })
    if (opened.embeddings !== null) log('info', 'embedding model loaded', { model: opened.embeddings.name, dimensions: opened.embeddings.dimensions })
    return opened
  }
  const none = config.embedder === 'none'
  const here = none ? null : await models.findEmbedder(config.embedder, signal).catch(unusable)
  const closed = new AbortController()
  let now = await open(here)
  /** Everyone waits for it while one thread of memories takes over from another. */
  let current = Promise.resolve(now)
  const fetching = none || here !== null ? Promise.resolve() : fetched()

  async function fetched (): Promise<void> {
    const either = AbortSignal.any([signal, closed.signal])
    try {
      const files = await models.resolveEmbedder(config.embedder, { signal: either, ...(progress !== undefined && { progress }) })
      if (closed.signal.aborted) return
      current = current.then(async old => {
        await old.close()
        return (now = await open(files))
      })
      await current
    } catch (error) {
      if (either.aborted) return
      if (!(error instanceof ModelError)) return onFatal(error as Error)
      unusable(error)
    }
  }

  function unusable (error: unknown): null {
    if (!(error instanceof ModelError)) throw error
    failed('memories are found by their words only, because the embedding model cannot be had', { model: config.embedder, detail: error.message })
    return null
  }

  let watcher: Watcher | null = null
  /** What opens something is never remembered, whoever wrote it down and where. */
  const safe = (text: string): string => {
    const { text: without, found } = masked(text)
    for (const [kind, count] of Object.entries(found)) watcher?.masked(kind, count)
    return without
  }
  const safely = (given: NewFeedback): NewFeedback => ({
    ...given.kind === 'correction' || given.kind === 'edited' ? { ...given, value: safe(given.value) } : given,
    comment: given.comment === null ? null : safe(given.comment)
  })
  const memories: Memories = {
    recall: async (...question) => {
      const began = performance.now()
      const found = await (await current).memories.recall(...question)
      watcher?.recalled(performance.now() - began)
      return found
    },
    remember: async (owner, items, options) => await people.write(owner, async () => await (await current).memories.remember(owner, items.map(item => ({ ...item, text: safe(item.text) })), options)),
    restore: async (owner, items, signal) => await people.write(owner, async () => await (await current).memories.restore(owner, items.map(item => ({ ...item, text: safe(item.text) })), signal)),
    list: async (...page) => await (await current).memories.list(...page),
    get: async (...id) => await (await current).memories.get(...id),
    change: async (owner, id, change) => await people.write(owner, async () => await (await current).memories.change(owner, id, { ...change, ...(change.text !== undefined && { text: safe(change.text) }) })),
    forget: async (owner, ids) => await people.write(owner, async () => await (await current).memories.forget(owner, ids)),
    pending: async owner => await (await current).memories.pending(owner),
    progress: async () => await (await current).memories.progress(),
    close: async () => await (await current).close()
  }
  const record = openInteractions(database)
  const said = openFeedback({ ...feedback, database, write: async (owner, work) => await people.write(owner, work) })
  const profile = createProfile({ ...memories, forget: createForgettingInTurn({ database, memories, unread }) as Memories['forget'] })
  const capture = createCapture({
    database,
    interactions: record,
    memories: {
      ...memories,
      remember: async (owner, turns, options) => {
        const remembered = await memories.remember(owner, turns, options)
        watcher?.captured(turns.length)
        return remembered
      }
    },
    profile,
    inTurn: async work => await people.inTurn(work),
    log: failed
  })
  // What a killed server had on record and not yet remembered.
  capture.wake()

  return {
    interactions: {
      ...record,
      record: async (interaction, signal) => {
        await people.write(interaction.owner, async () => await record.record(interaction, signal))
        if (interaction.remember) capture.wake()
      }
    },
    feedback: {
      ...said,
      give: async (reach, given, key) => {
        const recorded = await said.give(reach, safely(given), key)
        if (recorded.fresh) watcher?.judged(given.kind)
        return recorded
      }
    },
    memories,
    profile,
    embeddings: () => now.embeddings,
    watch: given => { watcher = given },
    settled: capture.settled,
    close: async () => {
      closed.abort(new Error('the server is shutting down'))
      await fetching
      await capture.close()
      await memories.close()
    }
  }
}
