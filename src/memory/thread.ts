import { parentPort, workerData } from 'node:worker_threads'
import { openReader } from '../database/reader.ts'
import { createMemories } from './create.ts'
import type { Embedder } from './embedder.ts'
import type { Change, Filter, Memory, NewMemory, Owner, Page, Question } from './memories.ts'
import { openOnnxEmbedder } from './onnx/embedder.ts'
import { RunGate } from './onnx/gate.ts'
import type { Parent, ThreadOptions } from './protocol.ts'
import { vectorExtension } from './sqlite/extension.ts'
import { SqliteStore } from './sqlite/store.ts'
import { wire } from '../wire.ts'

/**
 * The thread in which memories are read, scored and embedded, so that the main
 * one never waits for any of it: the embedder's runs block the thread they are
 * on. What is to be written is prepared here and committed by the database's
 * worker, through the parent.
 */
const { path, embedder: files, running } = workerData as ThreadOptions

/** What the parent may ask. */
export type Thread = ReturnType<typeof verbs>

const ready = Promise.withResolvers<Thread>()
// The first thing that memories do is to ask for a commit, before they are all there.
const parent = wire<Parent>(parentPort!, ready.promise)
ready.resolve(await opened())

async function opened (): Promise<Thread> {
  const embedder = files === null ? null : await openOnnxEmbedder({ ...files, gate: new RunGate(running) })
  const reader = openReader(path, [vectorExtension()])
  const memories = createMemories({
    store: new SqliteStore(reader, async queries => await parent.ask('commit', queries)),
    embedder,
    gate: async () => { await parent.ask('gate', undefined) },
    log: (message, { error }) => { void parent.ask('log', { message, error: error instanceof Error ? error.message : String(error) }) }
  })
  return verbs(memories, embedder, () => { reader.close() })
}

function verbs (memories: ReturnType<typeof createMemories>, embedder: Embedder | null, end: () => void) {
  return {
    about: () => embedder === null ? null : { id: embedder.id, name: embedder.name, dimensions: embedder.dimensions, maxTokens: embedder.maxTokens },
    vectors: async (texts: readonly string[]) => await embedder!.vectors(texts),
    recall: async ({ owner, question }: { owner: Owner, question: Question }, signal: AbortSignal) => await memories.recall(owner, { ...question, signal }),
    remember: async ({ owner, items, forget }: { owner: Owner, items: readonly NewMemory[], forget: readonly string[] }) => await memories.remember(owner, items, { forget }),
    restore: async ({ owner, memories: given }: { owner: Owner, memories: readonly Memory[] }) => await memories.restore(owner, given),
    list: async ({ owner, filter, page }: { owner: Owner, filter: Filter, page: Page }) => await memories.list(owner, filter, page),
    get: async ({ owner, id }: { owner: Owner, id: string }) => await memories.get(owner, id),
    change: async ({ owner, id, change }: { owner: Owner, id: string, change: Change }) => await memories.change(owner, id, change),
    forget: async ({ owner, ids }: { owner: Owner, ids: readonly string[] | 'all' }) => await memories.forget(owner, ids),
    pending: async (owner: Owner) => await memories.pending(owner),
    progress: async () => await memories.progress(),
    close: async () => {
      await memories.close()
      end()
    }
  }
}
