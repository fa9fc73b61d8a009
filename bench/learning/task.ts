import { seeded } from '../../test/database/fixtures.ts'
import type { Check } from '../../src/training/check.ts'

export interface Message { readonly role: 'system' | 'user' | 'assistant', readonly content: string }

/** Something that a person asks. */
export interface Question {
  readonly text: string
  /** The answer they would have liked; null: they only vote. */
  readonly right: string | null
  /** Words that nobody can answer without, where they must come from memory. */
  readonly needs?: string
}

export interface Person {
  readonly user: string
  /** What they told in an earlier conversation; null: nothing. */
  readonly told: readonly Message[] | null
  readonly questions: readonly Question[]
}

/** What is to be learnt, made by rule: whom it is learnt from, what they say of answers, and what shows that it was learnt. */
export interface Task {
  readonly people: readonly Person[]
  readonly system: string | null
  /** Fields of each chat request. */
  readonly request: Readonly<Record<string, unknown>>
  /** What must hold of an answer; the same rule that people judge by. */
  readonly checks: readonly Check[]
  /** What a person says of an answer: kind and value of their feedback. */
  feedback (question: Question, answer: string): { readonly kind: 'correction' | 'thumb', readonly value: string | boolean }
  /** Fields of the request that begins the training. */
  readonly training: Readonly<Record<string, unknown>>
}

/** Draws by rule: the same seed gives the same data. */
export interface Draws {
  /** One of a list. */
  pick<T> (list: readonly T[]): T
  /** The list in another order. */
  shuffled<T> (list: readonly T[]): T[]
}

export function drawsOf (seed: number): Draws {
  const random = seeded(seed)
  const pick = <T> (list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  return {
    pick,
    // Fisher and Yates, as Durstenfeld has it (1964, doi 10.1145/364520.364540).
    shuffled: list => {
      const mixed = [...list]
      for (let i = mixed.length - 1; i > 0; i--) {
        const j = Math.floor(random() * (i + 1))
        ;[mixed[i], mixed[j]] = [mixed[j]!, mixed[i]!]
      }
      return mixed
    }
  }
}

/** Every pair of the two lists. */
export function pairs (first: readonly string[], second: readonly string[]): string[] {
  return first.flatMap(one => second.map(other => `${one} ${other}`))
}
