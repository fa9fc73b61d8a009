import { randomBytes } from 'node:crypto'
import { problem } from '../errors.ts'
import { type Draft, indexAlone, indexLine, reach } from './line.ts'
import { type Memory, type NewMemory, type Owner, longestMemory } from './memories.ts'
import { type Store, type Stored, type Write, unitsPerMemory } from './store.ts'
import { partsOf } from './units.ts'

/** What is to become of one owner's memories, all at once. */
export interface Edit {
  readonly put?: readonly Stored[]
  readonly end?: readonly (Stored & { readonly endedAt: number | null, readonly supersededBy: string | null, readonly renamed?: string })[]
  readonly erase?: readonly Stored[]
}

/** Works out what is to be indexed for an edit: what comes, what ends, and what stands beside these in their sessions. */
export async function planned (store: Store, owner: Owner, { put = [], end = [], erase = [] }: Edit): Promise<Write> {
  const drafts = new Map(put.map(stored => [stored, draftsOf(stored)]))
  const again = end.filter(({ endedAt }) => endedAt === null)
  const ending = end.filter(({ endedAt }) => endedAt !== null)
  const indexed = new Map(put.filter(({ memory }) => !inLine(memory)).flatMap(stored => drafts.get(stored)!).map(draft => [draft.id, indexAlone(draft)]))
  const reindex = [...ending, ...again.filter(({ memory }) => memory.session === null)].flatMap(draftsOf).map(indexAlone)

  for (const session of new Set([...put, ...end, ...erase].map(({ memory }) => memory.session))) {
    if (session === null) continue
    const ours = ({ memory }: Stored): boolean => memory.session === session
    const come = [...put.filter(({ memory }) => inLine(memory)), ...again].filter(ours)
    const go = [...ending, ...erase].filter(ours)
    const positions = [...come, ...go].map(({ memory }) => memory.position!)
    const [from, to] = [Math.min(...positions), Math.max(...positions)]
    const there = await store.line(owner, session, from, to, reach)
    const gone = new Set(go.map(({ number }) => number))
    const line = indexLine(there, {
      from,
      to,
      drafts: come.flatMap(stored => drafts.get(stored) ?? draftsOf(stored)),
      gone: new Set(there.map(({ id }) => id).filter(id => gone.has(Math.floor(id / unitsPerMemory))))
    })
    for (const unit of line.put) indexed.set(unit.id, unit)
    reindex.push(...line.reindex)
  }

  const numbers = new Set(put.map(({ number }) => number))
  return {
    put: put.map(stored => ({ ...stored, units: drafts.get(stored)!.map(({ id }) => indexed.get(id)!) })),
    // What holds again comes into its line as new, but is there already.
    reindex: [...reindex, ...[...indexed.values()].filter(({ id }) => !numbers.has(Math.floor(id / unitsPerMemory)))],
    end: end.map(({ memory: { id }, endedAt, supersededBy, renamed }) => ({ id, endedAt, supersededBy, ...renamed !== undefined && { renamed } })),
    erase: erase.map(({ memory }) => memory.id)
  }
}

/** A memory as it will be stored. Throws `invalid_memory` or `memory_too_large`. */
export function memoryOf (item: NewMemory, position: number | null, now: number): Memory {
  const { kind, session = null, role = null, speaker = null, at = now, externalId = null, interaction = null, source = null } = item
  return {
    id: newId(),
    kind,
    text: textOf(item.text),
    session,
    position,
    role,
    speaker: speaker === null || speaker.trim() === '' ? null : speaker.trim().slice(0, longestName).toWellFormed(),
    at: timeOf(at),
    recordedAt: now,
    endedAt: null,
    supersededBy: null,
    externalId,
    interaction,
    source
  }
}

/** A memory from elsewhere as it will be stored: not recorded later than now, or its time to go would never come. Throws as `memoryOf` does. */
export function restored (memory: Memory, now: number): Memory {
  return { ...memory, text: textOf(memory.text), at: timeOf(memory.at), recordedAt: Math.min(timeOf(memory.recordedAt), now), endedAt: memory.endedAt === null ? null : timeOf(memory.endedAt) }
}

/** Random, so that an id tells nothing about anyone's memories, not even how many there are. */
export function newId (): string { return `mem_${randomBytes(12).toString('hex')}` }

export function textOf (text: string): string {
  if (text.trim() === '') throw problem('invalid_memory', { detail: 'its text is empty' }, { param: 'content' })
  if (text.length > longestMemory) throw problem('memory_too_large', { limit: longestMemory }, { param: 'content' })
  return text.toWellFormed()
}

export function timeOf (at: number): number {
  if (!Number.isSafeInteger(at) || at < earliest || at > latest) throw problem('invalid_memory', { detail: 'its time is not one of the years 1 to 9999' }, { param: 'at' })
  return at
}

/** Names are indexed with every turn. */
const longestName = 100
const earliest = Date.parse('0001-01-01T00:00:00Z')
const latest = Date.parse('9999-12-31T23:59:59Z')

function inLine ({ session, endedAt }: Memory): boolean { return session !== null && endedAt === null }

function draftsOf ({ number, memory }: Stored): Draft[] {
  return partsOf(memory.text).map((text, part) => ({ id: number * unitsPerMemory + part, text, memory }))
}
