import type { Answer } from '../../datasets/row.ts'
import type { Input, Message } from '../../inference/engine.ts'
import type { Served } from '../served.ts'

/** Texts as the base reads and writes them. */
export interface Tokens {
  /** Throws what the engine throws of a prompt that it cannot write. */
  prompt (input: Input): Promise<readonly number[]>
  /** A text by itself, without the token that begins every text. */
  plain (text: string): Promise<readonly number[]>
  /** The answer to a prompt, with the token that ends it. */
  completion (input: Input, answer: Answer): Promise<readonly number[]>
}

const turn = (role: Message['role'], content: string): Message => ({ role, content })
const chat = (...messages: readonly Message[]): Input => ({ type: 'chat', messages, tools: null, effort: null })

export async function openTokens (served: Pick<Served, 'render'>): Promise<Tokens> {
  const prompt = async (input: Input): Promise<readonly number[]> => (await served.render(input)).tokens
  const begins = (await prompt({ type: 'text', text: '' })).length
  const plain = async (text: string): Promise<readonly number[]> => (await prompt({ type: 'text', text })).slice(begins)

  const { tokens: asked, endOfTurn } = await served.render(chat(turn('user', 'a')))
  const ends = new Set(endOfTurn)
  /** Up to the first token that ends a turn, that one included. */
  const turnOf = (tokens: readonly number[]): readonly number[] => tokens.slice(0, tokens.findIndex(token => ends.has(token)) + 1)
  // Of several that end an answer it is the one that the template writes.
  const end = turnOf((await prompt(chat(turn('user', 'a'), turn('assistant', 'b'), turn('user', 'c')))).slice(asked.length)).at(-1) ?? endOfTurn[0]!

  return {
    prompt,
    plain,
    completion: async (input, answer) => {
      if (input.type !== 'chat' || answer.calls === undefined || answer.calls.length === 0) return [...await plain(answer.content), end]
      // How calls are written only the template knows.
      const before = await prompt(input)
      return turnOf((await prompt({ ...input, messages: [...input.messages, { role: 'assistant', ...answer }, turn('user', 'c')] })).slice(before.length))
    }
  }
}
