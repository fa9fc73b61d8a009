import { Worker } from 'node:worker_threads'
import type { Database } from '../database/database.ts'
import type { Embedder } from './embedder.ts'
import type { Memories } from './memories.ts'
import { RunGate } from './onnx/gate.ts'
import type { Parent, ThreadOptions } from './protocol.ts'
import type { Thread } from './thread.ts'
import { wire } from '../wire.ts'

export interface OpenMemoriesOptions extends Omit<ThreadOptions, 'running'> {
  readonly database: Pick<Database, 'commit'>
  /** Resolves when the machine has a thread to spare for embedding; asked before every run. Without it, always. */
  readonly gate?: () => Promise<void>
  readonly log: (message: string, fields: Readonly<Record<string, unknown>>) => void
  /** Called once if the thread dies unasked. From then on every call rejects. */
  readonly onDeath?: (error: Error) => void
}

export interface OpenMemories {
  readonly memories: Memories
  /** For /v1/embeddings; null without an embedder. */
  readonly embeddings: Pick<Embedder, 'id' | 'name' | 'dimensions' | 'maxTokens' | 'vectors'> | null
  /** Finishes what is being written and ends the thread. The database must be closed after it. */
  close (): Promise<void>
}

/** Opens the memories in a thread of their own. Rejects when the embedder or the database cannot be opened. */
export async function openMemories ({ database, path, embedder, gate = async () => {}, log, onDeath }: OpenMemoriesOptions): Promise<OpenMemories> {
  const parent: Parent = {
    commit: async queries => await database.commit(queries),
    gate,
    log: ({ message, error }) => { log(message, { error }) }
  }
  const running = new RunGate()
  // The clone runs .ts, the package .js: the thread has its parent's own extension.
  const worker = new Worker(new URL(`./thread${import.meta.url.slice(-3)}`, import.meta.url), { workerData: { path, embedder, running: running.memory } satisfies ThreadOptions, execArgv: [] })
  const thread = wire<Thread>(worker, parent)
  // Also where the process ends without closing anything.
  const leaving = (): void => running.shut()
  process.once('exit', leaving)
  let opened = false
  let closing: Promise<void> | null = null
  let failed: Error | null = null
  worker.on('error', error => { failed = error })
  const ended = new Promise<void>(resolve => worker.once('exit', code => {
    const error = failed ?? new Error(`the thread of memories ended with code ${code}`)
    thread.cut(error)
    process.off('exit', leaving)
    if (opened && closing === null) onDeath?.(error)
    resolve()
  }))
  const about = await thread.ask('about', undefined)
  opened = true

  async function close (): Promise<void> {
    try {
      await thread.ask('close', undefined)
    } finally {
      running.shut()
      await worker.terminate()
      await ended
    }
  }

  const memories: Memories = {
    recall: async (owner, { signal, ...question }) => await thread.ask('recall', { owner, question }, signal),
    remember: async (owner, items, { forget = [] } = {}) => await thread.ask('remember', { owner, items, forget }),
    restore: async (owner, memories, signal) => {
      signal?.throwIfAborted()
      return await thread.ask('restore', { owner, memories })
    },
    list: async (owner, filter, page) => await thread.ask('list', { owner, filter, page }),
    get: async (owner, id) => await thread.ask('get', { owner, id }),
    change: async (owner, id, change) => await thread.ask('change', { owner, id, change }),
    forget: async (owner, ids) => await thread.ask('forget', { owner, ids }),
    pending: async owner => await thread.ask('pending', owner),
    progress: async () => await thread.ask('progress', undefined),
    close: async () => await (closing ??= close())
  }
  return { memories, embeddings: about === null ? null : { ...about, vectors: async texts => await thread.ask('vectors', texts) }, close: memories.close }
}
