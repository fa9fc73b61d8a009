import { problem } from '../../errors.ts'
import type { Memories, Memory, Owner } from '../memories.ts'
import { profileFrame } from './frame.ts'
import { type Item, merge } from './merge.ts'
import { findStatements } from './statements.ts'

/** What each person has said about themselves and asked for, kept from their own turns by rules. */
export interface Profile {
  /** The frame for a prompt; null: nothing is kept. The same bytes until something is learnt, changed or erased. */
  frame (owner: Owner): Promise<string | null>
  /** What holds now. */
  items (owner: Owner): Promise<readonly Memory[]>
  /** Makes it exactly these items. What is left out ends, and what is reworded stays as history. Throws `memory_not_found` for an id that is no item. */
  replace (owner: Owner, wanted: readonly Edit[]): Promise<void>
  /** Keeps what a turn of the person's says, each statement once however often it is called. */
  learn (owner: Owner, turn: Memory): Promise<void>
}

/** An item as its person wants it; without an id it is a new one. */
export interface Edit { readonly id: string | null, readonly kind: (typeof kinds)[number], readonly text: string }

const kinds = ['fact', 'preference', 'instruction'] as const
/** More than a profile shows, so that what was said again is known; older ones are still found as memories. */
const mostKnown = 200

export function createProfile (memories: Pick<Memories, 'change' | 'get' | 'list' | 'remember'>): Profile {
  async function items (owner: Owner): Promise<Memory[]> {
    return (await memories.list(owner, { kinds, asOf: Date.now() }, { limit: mostKnown })).memories as Memory[]
  }

  /** The turns that an item and what it took the place of were read from: they say the same. */
  async function sources (owner: Owner, id: string): Promise<string[]> {
    const item = await memories.get(owner, id)
    return item === null ? [] : [item, ...item.history].flatMap(({ source }) => source ?? [])
  }

  return {
    items,
    frame: async owner => profileFrame((await items(owner)).map(itemOf)),
    replace: async (owner, wanted) => {
      const known = new Map((await items(owner)).map(item => [item.id, item]))
      const stranger = wanted.find(({ id }) => id !== null && !known.has(id))
      if (stranger?.id != null) throw problem('memory_not_found', { id: stranger.id })
      for (const { id, kind, text } of wanted) {
        const item = known.get(id ?? '')
        known.delete(id ?? '')
        if (item === undefined) await memories.remember(owner, [{ kind, text, role: 'user' }])
        else if (item.kind !== kind || item.text !== text) await memories.change(owner, item.id, { kind, text })
      }
      for (const id of known.keys()) await memories.change(owner, id, { endedAt: Date.now() })
    },
    learn: async (owner, turn) => {
      for (const [i, statement] of findStatements(turn.text).entries()) {
        const known = await items(owner)
        const { add, supersedes, forget } = merge(known.filter(({ at }) => at <= turn.at).map(itemOf), statement)
        if (!add && forget.length === 0) continue
        await memories.remember(owner, !add
          ? []
          : [{
              kind: statement.kind,
              text: statement.text,
              at: turn.at,
              role: 'user',
              speaker: turn.speaker,
              interaction: turn.interaction,
              source: turn.id,
              externalId: `${turn.externalId ?? turn.id}#${i}`,
              supersedes: supersedes.filter(id => known.some(item => item.id === id && item.source !== turn.id))
            }], { forget: [...forget, ...(await Promise.all(forget.map(id => sources(owner, id)))).flat()] })
      }
    }
  }
}

function itemOf ({ id, kind, text, at }: Memory): Item {
  return { id, kind: kind as Item['kind'], text, at }
}
