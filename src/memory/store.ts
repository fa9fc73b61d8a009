import type { Filter, Kind, Memory, Owner, Page } from './memories.ts'

/**
 * What recall needs of a place where memories lie. It finds; all scoring is in
 * score.ts, so that every store ranks alike.
 *
 * Memories are indexed in units: a turn, or the parts of a long one. A unit's
 * id is its memory's number × `unitsPerMemory` + its part; numbers ascend in
 * the order of recording and belong to one owner.
 *
 * Nothing of one owner can be reached with another's name, and no owner's data
 * changes what another one is told. Writes of one owner must follow each other;
 * the caller sees to that.
 */
export interface Store {
  /** Where the terms are, in memories of these kinds, and what their weight depends on. Of one that is everywhere none need be told while another is rarer. */
  postings (owner: Owner, terms: readonly string[], kinds?: readonly Kind[]): Promise<Lexicon>
  /** The units, all or those of some, whose vectors are nearest; nearest first. */
  nearest (owner: Owner, model: string, vector: Int8Array, limit: number, among?: Among): Promise<readonly Near[]>
  /** Sign bits of the tokens of those units that have some. */
  tokenBits (owner: Owner, model: string, units: readonly number[]): Promise<ReadonlyMap<number, Uint8Array>>
  /** Those of the units that are there. */
  units (owner: Owner, ids: readonly number[]): Promise<readonly Unit[]>
  /** Those of the memories that are there, whole, in no order. */
  memories (owner: Owner, ids: readonly string[]): Promise<readonly Stored[]>
  /** What the memories superseded, and what that superseded, and so on; with `derived`, also what was derived from any of them. Newest first. */
  history (owner: Owner, ids: readonly string[], derived?: 'derived'): Promise<readonly Stored[]>
  /** Newest recorded first. */
  list (owner: Owner, filter: Filter, page: Page): Promise<{ readonly memories: readonly Memory[], readonly next: string | null }>
  /** What the ids of the sender's stand for, where they are known. */
  known (owner: Owner, externalIds: readonly string[]): Promise<ReadonlyMap<string, string>>
  /**
   * The line of a session: its units that hold, in order, from `reach` units
   * before position `from` to `reach` units after position `to`.
   */
  line (owner: Owner, session: string, from: number, to: number, reach: number): Promise<readonly Unit[]>
  /** The highest number in use, 0 at first; and the last position of a session, -1 at first. */
  last (owner: Owner, session: string | null): Promise<{ readonly number: number, readonly position: number }>
  /** All of it or nothing; resolves once it would survive a power cut, to how many memories are gone. What is erased leaves no trace in the file. */
  write (owner: Owner, write: Write): Promise<number>
  /** Puts the vectors of one model in the place of any others, and takes the units off the list of those without. */
  embed (owner: Owner, model: string, vectors: readonly Embedded[]): Promise<void>
  /** Puts all units that lack vectors of this model, anyone's, on the list of those without. */
  expect (model: string): Promise<void>
  /** The first on the list of units without vectors, of any owners. */
  unembedded (limit: number): Promise<readonly { readonly owner: Owner, readonly unit: number }[]>
  /** How many units are on that list, of one owner or of all; and how many units there are. */
  pending (owner: Owner | null): Promise<{ readonly pending: number, readonly units: number }>
}

/** More than a memory of `longestMemory` characters has units; a power of two keeps ids exact to 2^53. */
export const unitsPerMemory = 1024

/** A memory as it is stored, with what its id does not say. */
export interface Stored { readonly number: number, readonly memory: Memory }

export interface Lexicon {
  /** Units of this owner. */
  readonly units: number
  /** Terms in all of them together. */
  readonly length: Weighed
  readonly postings: ReadonlyMap<string, readonly Posting[]>
}

/** Terms of the unit itself, and of the units around it; score.ts weighs the two. */
export interface Weighed { readonly self: number, readonly context: number }

/** How often a term is in a unit, and how long that unit is. */
export interface Posting {
  readonly unit: number
  readonly self: number
  readonly context: number
  readonly selfLength: number
  readonly contextLength: number
}

export interface Among { readonly kinds?: readonly Kind[] | undefined, readonly units?: readonly number[] }

export interface Near { readonly unit: number, readonly cosine: number }

/** Units before, and after, in the same session; null where there is none. */
export type Neighbours = readonly [secondBefore: number | null, before: number | null, after: number | null]

export interface Unit {
  readonly id: number
  readonly text: string
  readonly neighbours: Neighbours
  /** `text` is this unit's only. */
  readonly memory: Memory
}

/** What is written of a unit: its text, and the terms of it and around it. */
export interface Indexed {
  readonly id: number
  readonly text: string
  readonly neighbours: Neighbours
  readonly length: Weighed
  readonly terms: ReadonlyMap<string, Weighed>
}

export interface Write {
  readonly put?: readonly { readonly number: number, readonly memory: Memory, readonly units: readonly Indexed[] }[]
  /** Units that are there and whose surroundings have changed. */
  readonly reindex?: readonly Indexed[]
  /** Memories that hold no longer, or again. With `renamed` the memory goes on under another id, and its old one is free for its successor. */
  readonly end?: readonly { readonly id: string, readonly endedAt: number | null, readonly supersededBy: string | null, readonly renamed?: string }[]
  readonly erase?: readonly string[] | 'all'
}

export interface Embedded {
  readonly unit: number
  /** Null where the embedder cannot read the unit: it is taken off the list all the same, until the next start. */
  readonly vectors: { readonly mean: Int8Array, readonly tokenBits: Uint8Array } | null
}
