import type { Progress } from '../training.ts'

/** What is asked of the engine, and how long it takes beside the others: an answer is written token by token, a score is read at once. */
const weights = { answer: 4, score: 1 } as const

export type Work = keyof typeof weights

/** Tells how far it is. */
export class Pace {
  readonly #tell: (progress: Progress) => void
  readonly #total: number
  readonly #weight: number
  readonly #began = performance.now()
  #done = 0
  #spent = 0

  /** @param all how many of each will be asked */
  constructor (tell: (progress: Progress) => void, all: Readonly<Record<Work, number>>) {
    this.#tell = tell
    this.#total = all.answer + all.score
    this.#weight = all.answer * weights.answer + all.score * weights.score
  }

  /** One more is done. */
  step (what: string, work: Work): void {
    this.#done++
    this.#spent += weights[work]
    const seconds = (performance.now() - this.#began) / 1000
    this.#tell({ what, done: this.#done, total: Math.max(this.#total, this.#done), eta: Math.max(0, seconds * (this.#weight / this.#spent - 1)) })
  }
}
