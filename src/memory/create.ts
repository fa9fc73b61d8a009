import { Embedding, type EmbeddingOptions, keyOf } from './embedding.ts'
import type { Embedder } from './embedder.ts'
import type { Change, Memories, Memory, NewMemory, Owner } from './memories.ts'
import { recall } from './recall.ts'
import type { Store } from './store.ts'
import { Turns } from './turns.ts'
import { type Edit, memoryOf, newId, planned, restored, textOf, timeOf } from './writing.ts'

export interface MemoriesOptions {
  readonly store: Store
  /** Null: memories are found by their words only. */
  readonly embedder: Embedder | null
  readonly gate: EmbeddingOptions['gate']
  readonly log: EmbeddingOptions['log']
}

/** The use cases over a store and an embedder, in the thread that calls them. */
export function createMemories ({ store, embedder, gate, log }: MemoriesOptions): Memories {
  const turns = new Turns()
  const embedding = embedder === null ? null : new Embedding({ store, embedder, gate, turns, log })

  async function write (owner: Owner, edit: Edit): Promise<number> {
    const gone = await store.write(owner, await planned(store, owner, edit))
    embedding?.wake()
    return gone
  }

  async function pending (owner: Owner): Promise<number> {
    return embedding === null ? 0 : (await store.pending(owner)).pending
  }

  /** With what they superseded and what was derived from them, which says the same. */
  async function withTraces (owner: Owner, ids: readonly string[]): ReturnType<Store['memories']> {
    return [...await store.memories(owner, ids), ...await store.history(owner, ids, 'derived')]
  }

  async function remember (owner: Owner, items: readonly NewMemory[], forget: readonly string[]): Promise<string[]> {
    const known = new Map(await store.known(owner, items.flatMap(({ externalId }) => externalId ?? [])))
    const positions = new Map<string, number>()
    const now = Date.now()
    let { number } = await store.last(owner, null)
    const put: { number: number, memory: Memory }[] = []
    const ends = new Map<string, Memory>()
    const ids: string[] = []
    for (const item of items) {
      const before = item.externalId === null || item.externalId === undefined ? undefined : known.get(item.externalId)
      if (before !== undefined) {
        ids.push(before)
        continue
      }
      const memory = memoryOf(item, await positionOf(owner, item, positions), now)
      if (memory.externalId !== null) known.set(memory.externalId, memory.id)
      for (const id of item.supersedes ?? []) ends.set(id, memory)
      put.push({ number: ++number, memory })
      ids.push(memory.id)
    }
    const end = (await store.memories(owner, [...ends.keys()])).map(stored => {
      const { id, at } = ends.get(stored.memory.id)!
      return { ...stored, endedAt: at, supersededBy: id }
    })
    const erase = forget.length === 0 ? [] : await withTraces(owner, forget)
    if (put.length > 0 || erase.length > 0) await write(owner, { put, end, erase })
    return ids
  }

  async function restore (owner: Owner, memories: readonly Memory[]): Promise<number> {
    const there = new Set((await store.memories(owner, memories.map(({ id }) => id))).map(({ memory: { id } }) => id))
    const known = new Set((await store.known(owner, memories.flatMap(({ externalId }) => externalId ?? []))).keys())
    let { number } = await store.last(owner, null)
    const put: { number: number, memory: Memory }[] = []
    for (const memory of memories) {
      if (there.has(memory.id) || (memory.externalId !== null && known.has(memory.externalId))) continue
      there.add(memory.id)
      if (memory.externalId !== null) known.add(memory.externalId)
      put.push({ number: ++number, memory: restored(memory, Date.now()) })
    }
    if (put.length > 0) await write(owner, { put })
    return put.length
  }

  async function positionOf (owner: Owner, { session = null, position }: NewMemory, positions: Map<string, number>): Promise<number | null> {
    if (session === null) return null
    const last = positions.get(session) ?? (await store.last(owner, session)).position
    positions.set(session, Math.max(last, position ?? last + 1))
    return position ?? last + 1
  }

  async function change (owner: Owner, id: string, { text, kind, at, endedAt }: Change): Promise<Memory | null> {
    const [stored] = await store.memories(owner, [id])
    if (stored === undefined) return null
    const { memory } = stored
    if (text === undefined && kind === undefined && at === undefined) {
      if (endedAt !== undefined) await write(owner, { end: [{ ...stored, endedAt, supersededBy: memory.supersededBy }] })
      return { ...memory, ...endedAt !== undefined && { endedAt } }
    }
    const now = Date.now()
    const renamed = newId()
    const next = { ...memory, text: textOf(text ?? memory.text), kind: kind ?? memory.kind, at: timeOf(at ?? memory.at), recordedAt: now, endedAt: endedAt ?? null }
    const { number } = await store.last(owner, null)
    // With its time unchanged it is a correction: the old wording never held.
    await write(owner, { end: [{ ...stored, endedAt: next.at, supersededBy: id, renamed }], put: [{ number: number + 1, memory: next }] })
    return next
  }

  return {
    recall: async (owner, question) => await recall(store, embedder, owner, question, Date.now()),
    remember: async (owner, items, { forget = [] } = {}) => {
      const ids = await turns.take(keyOf(owner), async () => await remember(owner, items, forget))
      return { ids, pending: await pending(owner) }
    },
    restore: async (owner, memories) => await turns.take(keyOf(owner), async () => await restore(owner, memories)),
    list: async (owner, filter, page) => await store.list(owner, filter, page),
    get: async (owner, id) => {
      const [stored] = await store.memories(owner, [id])
      return stored === undefined ? null : { ...stored.memory, history: (await store.history(owner, [id])).map(({ memory }) => memory) }
    },
    change: async (owner, id, change_) => await turns.take(keyOf(owner), async () => await change(owner, id, change_)),
    forget: async (owner, ids) => await turns.take(keyOf(owner), async () =>
      ids === 'all' ? await store.write(owner, { erase: 'all' }) : await write(owner, { erase: await withTraces(owner, ids) })),
    pending,
    progress: async () => {
      const { pending, units } = await store.pending(null)
      return embedding === null ? { embedded: 0, pending: 0 } : { embedded: units - pending, pending }
    },
    close: async () => {
      await embedding?.close()
      await turns.rest()
      await embedder?.close()
    }
  }
}
