/** What a version of an adapter was trained on, where that was here. */
export interface Trained {
  /** Id of the run. */
  readonly run: string
  /** The data sets it learnt from: more than one where it went on from another run's adapter. */
  readonly datasets: readonly { readonly id: string, readonly name: string, readonly version: number }[]
  /** Rows of them that were erased or withdrawn since: above 0 it should be trained anew. */
  readonly gone: number
}

/** A row that was learnt from, and is still there. */
export interface Learnt {
  readonly row: string
  /** The answer it was made of. */
  readonly interaction: string
  readonly dataset: string
  readonly split: 'train' | 'valid'
}

export interface Page {
  /** The last row of the page before; null: the first page. */
  readonly after: string | null
  readonly limit: number
}

/** From adapters to what they learnt from, and back. Rows that only tested them are not among it. */
export interface Lineages {
  /** All versions that were trained here and are registered, by `NAME@VERSION`. */
  trained (): Promise<ReadonlyMap<string, Trained>>
  /** The rows of one version, and of how many people they are. Throws `invalid_request` for an unknown `after`. */
  rows (reference: string, page: Page): Promise<{ readonly people: number, readonly rows: number, readonly data: readonly Learnt[], readonly more: boolean }>
  /** The versions that learnt from each of these rows, as `NAME@VERSION`; removed ones too. */
  learntFrom (rows: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>>
  /** Which version gave an answer, as `NAME@VERSION`, or the base's name; null: the answer is not on record. */
  answeredBy (interaction: string): Promise<string | null>
}
