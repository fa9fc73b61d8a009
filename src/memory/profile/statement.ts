import type { Kind } from '../memories.ts'

/**
 * What a person has only one of: a newer statement of the same slot takes the
 * place of the older one, while free statements pile up.
 */
export type Slot = 'name' | 'pronouns' | 'home' | 'work' | 'birthday' | 'age' | 'diet' | 'language' | 'length' | 'format' | 'tone' | 'units'

/** Something a person says about themselves or wants from now on. */
export interface Statement {
  readonly kind: Exclude<Kind, 'turn' | 'note'>
  /** Null: one of many. */
  readonly slot: Slot | null
  /** In the person's own words, at most `longestStatement` characters; of a command to forget, what is to be forgotten. */
  readonly text: string
  /** Where it is in the turn: from, to (exclusive), in UTF-16 units. */
  readonly span: readonly [from: number, to: number]
  /** It says that something has changed ("no longer", "I moved to"). */
  readonly correction: boolean
  /** The person asks for it to be remembered or forgotten; null: they only say it. */
  readonly command: 'remember' | 'forget' | null
}

/** Memory notes §4: a longer item is clipped to the clause. */
export const longestStatement = 180
