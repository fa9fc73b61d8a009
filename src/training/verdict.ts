/**
 * `promote`: it may go live, or on a canary, without a person. `person`: it
 * shows a gain and no harm, but by too few people for a rule to decide.
 * `prompt`: examples in the prompt do as well, so it is not worth an adapter.
 * `refuse`: a step failed.
 */
export type Decision = 'promote' | 'person' | 'prompt' | 'refuse'

/** One step of the gate, in order. */
export interface GateStep {
  readonly name: 'data' | 'parity' | 'evidence' | 'gain' | 'examples' | 'relevance' | 'forgetting' | 'tone' | 'extraction'
  /** null: it could not be judged, and `words` say why. */
  readonly passed: boolean | null
  /** What was found and which limit it was held to, for people. */
  readonly words: string
  /** The same as numbers, by name. */
  readonly figures: Readonly<Record<string, number>>
}

export interface Verdict {
  readonly decision: Decision
  /** One sentence: the decision, and the first step that made it. */
  readonly words: string
  readonly steps: readonly GateStep[]
}
