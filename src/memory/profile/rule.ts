import type { Slot, Statement } from './statement.ts'

/** How a clause that states something begins. */
export interface Rule {
  readonly kind: Statement['kind']
  readonly slot: Slot | null
  /** Matches at the beginning of a clause, and sees the sentence to its end. */
  readonly pattern: RegExp
  /** What it matches says by itself that something has changed. */
  readonly correction?: true
  /** It takes the rest of the sentence, whose clauses are no statements of their own. */
  readonly whole?: true
}

/** A rule of a kind that holds where one of the alternatives, sources without regard to case, begins the clause. */
export function rule (kind: Rule['kind'], slot: Slot | null, ...alternatives: readonly string[]): Rule {
  return { kind, slot, pattern: new RegExp(`^(?:${alternatives.join('|')})`, 'iu') }
}
