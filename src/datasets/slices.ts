import { bucketsOf } from './buckets.ts'
import type { Counts, Slices, Split } from './datasets.ts'
import { languageOf } from './curation/language.ts'
import { answerText, questionText } from './curation/texts.ts'
import { sorted } from './pipeline.ts'
import type { Row } from './row.ts'

/** Counts how the rows of a version spread. */
export class Slicer {
  readonly #topics: readonly string[]
  readonly #firsts: ReadonlyMap<number, number>
  readonly #slices = { length: new Map<string, number>(), language: new Map<string, number>(), topic: new Map<string, number>(), cohort: new Map<string, number>(), refusal: new Map<string, number>() }

  /** @param firsts when each owner's first row was answered, in ms */
  constructor (topics: readonly string[], firsts: ReadonlyMap<number, number>) {
    this.#topics = topics
    this.#firsts = firsts
  }

  add (row: Row): void {
    const buckets = { ...bucketsOf(row, this.#topics, this.#firsts), language: languageOf(`${questionText(row)}\n${answerText(row.answer)}`) }
    for (const slice of Object.keys(buckets) as (keyof Slices)[]) this.#count(slice, buckets[slice])
  }

  slices (): Slices {
    const { length, language, topic, cohort, refusal } = this.#slices
    return { length: sorted(length), language: sorted(language), topic: sorted(topic), cohort: sorted(cohort), refusal: sorted(refusal) }
  }

  #count (slice: keyof Slices, bucket: string): void {
    const counts = this.#slices[slice]
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1)
  }
}

/** Counts rows and people of each split. */
export class Census {
  readonly #rows: Record<Split, Record<Row['kind'], number>> = { train: none(), valid: none(), test: none() }
  readonly #people: Record<Split, Set<number>> = { train: new Set(), valid: new Set(), test: new Set() }

  add ({ kind, owner }: Row, split: Split): void {
    this.#rows[split][kind]++
    this.#people[split].add(owner)
  }

  counts (): Record<Split, Counts> {
    const of = (split: Split): Counts => {
      const kinds = this.#rows[split]
      return { rows: kinds.demonstration + kinds.preference + kinds.verdict, people: this.#people[split].size, kinds }
    }
    return { train: of('train'), valid: of('valid'), test: of('test') }
  }

  /** People who are both held out and learnt from. */
  shared (): number {
    const { train, valid, test } = this.#people
    return [...test].filter(owner => train.has(owner) || valid.has(owner)).length
  }
}

function none (): Record<Row['kind'], number> { return { demonstration: 0, preference: 0, verdict: 0 } }
