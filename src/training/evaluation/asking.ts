import type { Row } from '../../datasets/row.ts'
import type { AppliedAdapter } from '../../inference/engine.ts'
import { turnOf } from '../prepare/completion.ts'
import type { Answered, Served } from '../served.ts'
import { approvedOf, bare, type Chat, disapprovedOf, recorded, type Situation, withExamples } from './prompts.ts'

/** Who is asked. */
export type Side = 'base' | 'adapter'

export interface AskingParts {
  readonly served: Served
  readonly candidate: AppliedAdapter
  readonly examples: readonly Row[]
  /** Tokens of an answer. */
  readonly maxTokens: number
  readonly signal: AbortSignal
}

/**
 * Asks base and adapter about rows, nothing twice. What they answer holds
 * people's text: it is never kept longer than this.
 */
export class Asking {
  readonly #parts: AskingParts
  readonly #known = new Map<string, Promise<unknown>>()

  constructor (parts: AskingParts) { this.#parts = parts }

  /** The greedy answer. */
  async answer (row: Row, situation: Situation, side: Side): Promise<Answered> {
    return await this.#once(`answer ${row.id} ${situationOf(row, situation)} ${side}`, async () => {
      const { served, maxTokens, signal } = this.#parts
      return await served.answer(await this.#input(row, situation), this.#adapter(side), maxTokens, signal)
    })
  }

  /** Mean log-likelihood (nat a token) of the approved or the disapproved answer; null: the row shows none. */
  async likelihood (row: Row, situation: Situation, side: Side, which: 'approved' | 'disapproved' = 'approved'): Promise<number | null> {
    return await this.#once(`${which} ${row.id} ${situationOf(row, situation)} ${side}`, async () => {
      const answer = which === 'approved' ? approvedOf(row) : disapprovedOf(row)
      return answer === null ? null : await this.#score(row, await this.#input(row, situation), side, answer)
    })
  }

  /** The same of the approved answer after another row's prompt; null where both together are longer than the context. */
  async misplaced (row: Row, other: Row, side: Side): Promise<number | null> {
    const answer = approvedOf(row)
    return answer === null ? null : await this.#score(row, recorded(other), side, answer)
  }

  async #score (row: Row, input: Chat, side: Side, answer: Row['answer']): Promise<number | null> {
    const { served, signal } = this.#parts
    const { prompt, completion } = await turnOf(served, input, answer)
    if (completion === null || prompt.length + completion.length > served.contextSize) return null
    const [logprobs = []] = await served.score([{ id: row.id, group: row.group, prompt, completion }], this.#adapter(side), signal)
    return logprobs.reduce((sum, logprob) => sum + logprob, 0) / logprobs.length
  }

  async #input (row: Row, situation: Situation): Promise<Chat> {
    if (situation !== 'examples') return situation === 'bare' ? bare(row) : recorded(row)
    const { served, examples, maxTokens } = this.#parts
    for (let count = examples.length; count > 0; count--) {
      const input = withExamples(row, examples.slice(0, count))
      // No approved answer is longer than the answers may be, or hardly: one that does not fit is not scored.
      if ((await served.render(input)).tokens.length + maxTokens <= served.contextSize) return input
    }
    return recorded(row)
  }

  #adapter (side: Side): AppliedAdapter | null { return side === 'base' ? null : this.#parts.candidate }

  async #once<T> (key: string, ask: () => Promise<T>): Promise<T> {
    const known = this.#known.get(key) as Promise<T> | undefined
    if (known !== undefined) return await known
    const asked = ask()
    this.#known.set(key, asked)
    return await asked
  }
}

/** Without anything remembered there is nothing to take out. */
function situationOf (row: Row, situation: Situation): Situation { return situation === 'bare' && !row.remembered ? 'recorded' : situation }
