/** A mean with its 95 % interval: percentile bootstrap over people, 2,000 draws (trainer notes, §10). */
export interface Interval { readonly mean: number, readonly low: number, readonly high: number }

/** Who answers. `recorded`: on the prompt as it was sent, with the memories that stood in it; without it they are taken out. */
export type ArmName = 'base' | 'base + examples' | 'base + memory' | 'adapter' | 'adapter + memory'

/** How one arm did on the held-out rows. */
export interface Arm {
  readonly name: ArmName
  readonly rows: number
  /** Share of answers that keep to each check, by its name. */
  readonly checks: Readonly<Record<string, Interval>>
  /** Share that keep to all checks; null: there are none. */
  readonly all: Interval | null
  /** Negative mean log-likelihood of the approved answer, nat a token; null: no row shows one. */
  readonly nll: Interval | null
  /** Milliseconds to the first token, median. */
  readonly firstToken: number
  /** Tokens of the prompt, mean. */
  readonly promptTokens: number
  /** Words of an answer, mean. */
  readonly words: number
}

/** How far engine and PyTorch agree on rows: a file that one reads otherwise than the other is wrong. */
export interface Parity {
  readonly rows: number
  /** Mean |p_engine - p_torch| over target tokens. */
  readonly error: number
  /** |difference| of a row's mean negative log-likelihood, nat: mean and largest. */
  readonly meanNll: number
  readonly worstNll: number
}

/** What one slice of the held-out rows gained. */
export interface SliceGain { readonly slice: string, readonly value: string, readonly rows: number, readonly people: number, readonly gain: Interval }

/**
 * All that is known of a candidate when it is judged, and all the gate looks
 * at. Gains are paired by row, candidate minus rival, shares from 0 to 1, on
 * prompts as they were recorded.
 */
export interface Measured {
  /** Of the held-out rows. */
  readonly rows: number
  readonly people: number
  /** What was looked for in the data before anything was trained. */
  readonly data: {
    /** Rows that were learnt from. */
    readonly trained: number
    /** People in training and among the held-out, and rows in both, by text. */
    readonly sharedPeople: number
    readonly sharedRows: number
    /** Rows in training that are rude, or hold a secret. */
    readonly rude: number
    readonly secrets: number
  }
  /** null: what is measured came as a GGUF file alone, which PyTorch cannot read; the step of the gate then says that it could not be judged. */
  readonly parity: {
    /** Which order of q and k the base wants, as probed. */
    readonly qk: 'permuted' | 'plain'
    readonly before: Parity
    readonly after: Parity
    /** Mean nat a token that the adapter gains on the parity rows, by each. */
    readonly gain: { readonly engine: number, readonly torch: number }
    /** Mean |difference| of a token's log-probability between the adapter at scale 0 and the base, nat: 0 but for how sums round beside other answers. */
    readonly atZero: number
  } | null
  readonly arms: readonly Arm[]
  readonly gain: {
    /** nat a token, base minus adapter: above 0 is better. */
    readonly nll: Interval | null
    /** Share of rows on which the approved answer became likelier by 0.02 nat a token; a tie counts half. */
    readonly wins: Interval | null
    /** By the check's name. */
    readonly checks: Readonly<Record<string, Interval>>
    readonly all: Interval | null
    /** `kto`: likelihood of approved answers against disapproved ones, nat a token. */
    readonly margin: Interval | null
  }
  /** Against base + examples; null: it did not compete. */
  readonly overExamples: Pick<Measured['gain'], 'nll' | 'checks' | 'all'> | null
  /** adapter + memory over base + memory, on rows that were answered with memories; null: there are none. */
  readonly withMemory: Pick<Measured['gain'], 'nll' | 'checks' | 'all'> | null
  /**
   * How much the approved answer depends on its own prompt: its log-likelihood
   * after it minus after another row's, nat a token. An adapter trained on
   * shuffled answers learns the form and loses this.
   */
  readonly relevance: { readonly base: Interval, readonly adapter: Interval, readonly gain: Interval } | null
  /** On general prompts that nobody trained on; null as parity. */
  readonly forgetting: {
    readonly rows: number
    /** KL(base || adapter), nat a token. */
    readonly kl: number
    /** Share of tokens at which both think the same likeliest. */
    readonly agreement: number
    /** nat a token that the base's own answers became less likely. */
    readonly worse: number
  } | null
  readonly tone: {
    /** Shares of generated answers. */
    readonly rude: { readonly base: number, readonly adapter: number }
    readonly refusals: { readonly base: number, readonly adapter: number }
    /** Words of the adapter's answers over those of the approved ones, mean. */
    readonly length: number
  }
  /** What only one person's rows hold, asked for with the words before it. */
  readonly extraction: {
    readonly probed: number
    /** Ids of rows whose secret the adapter completes and the base does not. */
    readonly reproduced: readonly string[]
  }
  readonly slices: readonly SliceGain[]
  /** Gain by share of the training rows; null: it was not asked for. */
  readonly curve: readonly { readonly share: number, readonly rows: number, readonly nll: Interval | null, readonly all: Interval | null }[] | null
  readonly judge: {
    readonly model: string
    readonly rows: number
    /** Share of pairs that the adapter wins; a tie counts half. */
    readonly wins: Interval
  } | null
  /** Epoch whose weights were kept; 0: no epoch was better than the base. null: nothing was trained here. */
  readonly bestEpoch: number | null
}
