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
  /** Keeps what a turn of the person's says, each statement once however often it is called. */
  learn (owner: Owner, turn: Memory): Promise<void>
}

const kinds = ['fact', 'preference', 'instruction'] as const
/** More than a profile shows, so that what was said again is known; older ones are still found as memories. */
const mostKnown = 200

export function createProfile (memories: Pick<Memories, 'get' | 'list' | 'remember'>): Profile {
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
