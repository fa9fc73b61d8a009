import type { Answer } from '../../datasets/row.ts'
import type { Message } from '../../inference/engine.ts'
import type { Chat } from '../evaluation/prompts.ts'
import type { Served } from '../served.ts'

/** A prompt, and the answer to it as the base would write it. */
export interface Turn {
  readonly prompt: readonly number[]
  /** Ends in a token that ends a turn; null: the chat template writes an answer otherwise than one is begun, and nothing that could be taught is what would be generated. */
  readonly completion: readonly number[] | null
  readonly endOfTurn: readonly number[]
}

/**
 * What the base's own chat template makes of an answer: what follows the
 * prompt's tokens in the conversation that goes on with it. Some templates
 * write earlier turns otherwise once another one follows (Mistral's moves the
 * system prompt to the last question); then it is what follows the last
 * question alone. White space before an answer is not taught: it would melt
 * into the prompt's last token. Throws what the engine throws of a prompt that
 * it cannot write.
 */
export async function turnOf (served: Pick<Served, 'render'>, input: Chat, answer: Answer): Promise<Turn> {
  const said: Message = { role: 'assistant', ...answer, content: answer.content.trimStart() }
  // How tools may be chosen does not change what is written of them; left to choose, a base whose calls nobody knows is refused.
  const chat: Chat = input.tools === null ? input : { ...input, tools: { ...input.tools, choice: 'required' } }
  const { tokens: prompt, endOfTurn } = await served.render(chat)
  const ends = new Set(endOfTurn)
  const written = async (messages: readonly Message[]): Promise<readonly number[]> => (await served.render({ ...chat, messages })).tokens

  const whole = await written([...input.messages, said])
  const found = after(prompt, whole, ends)
  if (found !== null) return { prompt, completion: found, endOfTurn }

  const last = input.messages.slice(Math.max(0, input.messages.findLastIndex(({ role }) => role === 'user')))
  const asked = await written(last)
  const alone = asked.at(-1) === prompt.at(-1) ? after(asked, await written([...last, said]), ends) : null
  return { prompt, completion: alone ?? await plainly(served, prompt, whole, said, ends), endOfTurn }
}

/** What follows the beginning up to the first token that ends a turn, that one included; null: it begins otherwise, or says or ends nothing. */
function after (beginning: readonly number[], whole: readonly number[], ends: ReadonlySet<number>): readonly number[] | null {
  if (!beginsWith(whole, beginning)) return null
  const rest = whole.slice(beginning.length)
  const end = rest.findIndex(token => ends.has(token))
  return end > 0 ? rest.slice(0, end + 1) : null
}

/**
 * The answer's own tokens, for a template that ends a prompt in white space
 * which an answer melts into. Where more than that one token is missing before
 * the answer (an opened thought), or the answer stands in its place, they would
 * be something else than what is generated: null.
 */
async function plainly (served: Pick<Served, 'render'>, prompt: readonly number[], whole: readonly number[], { content, calls }: Message, ends: ReadonlySet<number>): Promise<readonly number[] | null> {
  const end = whole.findLast(token => ends.has(token))
  if (end === undefined || content === '' || (calls !== undefined && calls.length > 0) || !beginsWith(whole, prompt.slice(0, -1))) return null
  // Some models begin every text with a token of their own.
  const begins = (await served.render({ type: 'text', text: '' })).tokens.length
  const tokens = (await served.render({ type: 'text', text: content })).tokens.slice(begins)
  return whole[prompt.length - 1] === tokens[0] ? null : [...tokens, end]
}

function beginsWith (whole: readonly number[], beginning: readonly number[]): boolean {
  return beginning.length <= whole.length && beginning.every((token, i) => token === whole[i])
}
