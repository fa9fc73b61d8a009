import { setTimeout as sleep } from 'node:timers/promises'
import { events, type LiveServer } from '../../test/support/server.ts'
import { asUser, embedded, post, print, quantile, type Scale, sentences } from './shared.ts'

interface Turn { readonly firstMs: number, readonly prompt: number, readonly cached: number, readonly memories: number, readonly content: string }
interface Chunk { readonly choices: readonly { readonly delta: { readonly content?: string } }[], readonly usage?: { readonly prompt_tokens: number, readonly prompt_tokens_details: { readonly cached_tokens: number } } | null, readonly engraft?: { readonly memories: readonly string[] } }

const turnsOf = 6

/**
 * What memory adds to a chat, turns 2 to 6 of one conversation: with memory on,
 * off, and off with as many idle words in each message as memories were quoted
 * with. What is quoted must be read too, at the depth where it stands, where
 * tokens cost more than in the first turn; what is over is what memory costs.
 * The three go on turn by turn, since a machine's speed changes within a minute.
 * Between two turns a person reads and writes: what was said is in memory by then.
 */
export async function chatting (server: LiveServer, { rounds, conversationTokens }: Scale): Promise<void> {
  const sentence = sentences(4)
  const facts = Array.from({ length: 100 }, (_, i) => `On day ${i} I met ${sentence()}`)
  await post(server, '/v1/memories', 'talker', { session: 'past', turns: facts.map(content => ({ role: 'user', content })) })
  await embedded(server)
  const [onMs, offMs, over, beyond, share, injected]: number[][] = [[], [], [], [], [], []]
  for (let round = 0; round < rounds; round++) {
    // About 4 tokens of this model for a made-up word.
    const opening = `Round ${round}. ${Array.from({ length: Math.ceil(conversationTokens / 40) }, sentence).join(' ')}`
    const [on, off, idle] = [new Conversation(server, opening, 'on'), new Conversation(server, opening, 'off'), new Conversation(server, `Again. ${opening}`, 'off')]
    let rate = Infinity
    const counts: number[] = []
    for (let turn = 0; turn < turnsOf; turn++) {
      const question = turn === 0 ? '' : `Whom did I meet when ${facts[(turn - 1) * 17]!.split(' ').slice(4, 12).join(' ')}?`
      const [a, b] = [await on.next(question), await off.next(question)]
      const quoted = readOf(a) - readOf(b)
      const c = await idle.next(question, Math.max(0, quoted))
      if (turn === 0) {
        rate = Math.min(a.prompt / a.firstMs, b.prompt / b.firstMs)
        continue
      }
      onMs!.push(a.firstMs)
      offMs!.push(b.firstMs)
      injected!.push(quoted)
      over!.push(a.firstMs - b.firstMs - quoted / rate)
      beyond!.push(a.firstMs - c.firstMs - (readOf(a) - readOf(c)) / rate)
      share!.push(a.cached / b.cached)
      counts.push(a.memories)
    }
    print(`round ${round + 1}`, `the first turn's tokens read at ${(rate * 1000).toFixed(0)} a second; ${counts.join(', ')} memories`)
  }
  const show = (values: readonly number[], unit: string, digits = 0): string => `median ${quantile(values, 0.5).toFixed(digits)}${unit}   quartiles ${quantile(values, 0.25).toFixed(digits)}, ${quantile(values, 0.75).toFixed(digits)}   n ${values.length}`
  print('first token, turns 2 to 6, memory off', show(offMs!, ' ms'))
  print('first token, turns 2 to 6, memory on', show(onMs!, ' ms'))
  print('tokens injected a turn', show(injected!, ''))
  print('added beyond injected tokens ÷ the first turn\'s rate', show(over!, ' ms'))
  print('added beyond as many idle tokens', show(beyond!, ' ms'))
  print('prompt tokens cached, against memory off', show(share!, '', 3))
}

/** Tokens that had to be read. */
function readOf ({ prompt, cached }: Turn): number { return prompt - cached }

class Conversation {
  readonly #server: LiveServer
  readonly #opening: string
  readonly #memory: 'on' | 'off'
  #messages: readonly object[] = []

  constructor (server: LiveServer, opening: string, memory: 'on' | 'off') {
    this.#server = server
    this.#opening = opening
    this.#memory = memory
  }

  /** `idle`: how many tokens the message is longer by. */
  async next (question: string, idle = 0): Promise<Turn> {
    await sleep(500)
    await embedded(this.#server)
    const content = `${' the'.repeat(idle)} ${this.#messages.length === 0 ? this.#opening : question}`
    const asked = [...this.#messages, { role: 'user', content }]
    const turn = await ask(this.#server, asked, this.#memory)
    this.#messages = [...asked, { role: 'assistant', content: turn.content }]
    return turn
  }
}

async function ask (server: LiveServer, messages: readonly object[], memory: 'on' | 'off'): Promise<Turn> {
  const began = performance.now()
  const reply = await server.post('/v1/chat/completions', { messages, temperature: 0, max_tokens: 8, stream: true, stream_options: { include_usage: true }, engraft: { memory } }, asUser('talker'))
  let [firstMs, content] = [0, '']
  let usage: Chunk['usage']
  let memories = 0
  for await (const frame of events(reply)) {
    if (!frame.startsWith('data: {')) continue
    const chunk = JSON.parse(frame.slice(6)) as Chunk
    const piece = chunk.choices[0]?.delta.content ?? ''
    if (piece !== '' && firstMs === 0) firstMs = performance.now() - began
    content += piece
    usage = chunk.usage ?? usage
    memories = chunk.engraft?.memories.length ?? memories
  }
  if (usage == null) throw new Error('an answer broke off')
  return { firstMs, content, memories, prompt: usage.prompt_tokens, cached: usage.prompt_tokens_details.cached_tokens }
}
