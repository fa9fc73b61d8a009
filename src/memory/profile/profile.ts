import { problem } from '../../errors.ts'
import type { Memories, Memory, Owner } from '../memories.ts'
import { profileFrame } from './frame.ts'
import { type Item, merge } from './merge.ts'
import { type Statement, longestStatement } from './statement.ts'
import { findStatements } from './statements.ts'
import { contentTerms } from '../text.ts'

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

/** @param memories their `forget` erases wherever the words are kept */
export function createProfile (memories: Pick<Memories, 'change' | 'forget' | 'get' | 'list' | 'recall' | 'remember'>): Profile {
  async function items (owner: Owner): Promise<Memory[]> {
    return (await memories.list(owner, { kinds, asOf: Date.now() }, { limit: mostKnown })).memories as Memory[]
  }

  /** The turns that an item and what it took the place of were read from: they say the same. */
  async function sources (owner: Owner, id: string): Promise<string[]> {
    const item = await memories.get(owner, id)
    return item === null ? [] : [item, ...item.history].flatMap(({ source }) => source ?? [])
  }

  /** Forgets the items, the turns that say the same, and the turn that asks for it. */
  async function forget (owner: Owner, turn: Memory, { text }: Statement, ids: readonly string[]): Promise<boolean> {
    const known = await items(owner)
    const texts = [text, ...known.filter(({ id }) => ids.includes(id)).map(item => item.text)]
    const alike = await Promise.all(texts.map(async query => {
      const { memories: found } = await memories.recall(owner, { query: query.slice(0, longestStatement), kinds: ['turn', 'note'], limit: mostAlike })
      return found.filter(({ id, text }) => id !== turn.id && says(text, query)).map(({ id }) => id)
    }))
    const gone = new Set([...ids, ...alike.flat(), ...(await Promise.all(ids.map(id => sources(owner, id)))).flat()])
    if (gone.size > 0) await memories.forget(owner, [...gone, turn.id])
    return gone.size > 0
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
      // What is to be forgotten goes first: with the turn that says so goes what was read from it.
      const statements = [...findStatements(turn.text).entries()].sort(([, a], [, b]) => Number(b.command === 'forget') - Number(a.command === 'forget'))
      let gone = false
      for (const [i, statement] of statements) {
        const known = await items(owner)
        const { add, supersedes, forget: ids } = merge(known.filter(({ at }) => at <= turn.at).map(itemOf), statement)
        if (statement.command === 'forget') gone = await forget(owner, turn, statement, ids) || gone
        if (!add) continue
        await memories.remember(owner, [{
          kind: statement.kind,
          text: statement.text,
          at: turn.at,
          role: 'user',
          speaker: turn.speaker,
          interaction: turn.interaction,
          source: gone ? null : turn.id,
          externalId: `${turn.externalId ?? turn.id}#${i}`,
          supersedes: supersedes.filter(id => known.some(item => item.id === id && item.source !== turn.id))
        }])
      }
    }
  }
}

/** Turns that are looked at for the same words. */
const mostAlike = 50
/** As in merge.ts: one of so many words may lack one in five of them. */
const sameShare = 0.8

/** Whether a text says a statement: word for word, or with nearly all of its content words, of which it must have two. */
function says (text: string, statement: string): boolean {
  const plain = (words: string): string => words.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, ' ').trim()
  const terms = contentTerms(statement)
  const there = new Set(contentTerms(text))
  return plain(text).includes(plain(statement)) || (terms.length > 1 && terms.filter(term => there.has(term)).length / terms.length >= sameShare)
}

function itemOf ({ id, kind, text, at }: Memory): Item {
  return { id, kind: kind as Item['kind'], text, at }
}
