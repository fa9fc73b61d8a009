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
    const [on, off] = [await conversation(server, opening, facts, 'on'), await conversation(server, opening, facts, 'off')]
    const read = (turns: readonly Turn[], turn: number): number => turns[turn]!.prompt - turns[turn]!.cached
    const idle = await conversation(server, `Again. ${opening}`, facts, 'off', turn => Math.max(0, read(on, turn) - read(off, turn)))
    const rate = Math.min(on[0]!.prompt / on[0]!.firstMs, off[0]!.prompt / off[0]!.firstMs)
    for (let turn = 1; turn < turnsOf; turn++) {
      const [a, b] = [on[turn]!, off[turn]!]
      onMs!.push(a.firstMs)
      offMs!.push(b.firstMs)
      injected!.push(read(on, turn) - read(off, turn))
      over!.push(a.firstMs - b.firstMs - injected!.at(-1)! / rate)
      beyond!.push(a.firstMs - idle[turn]!.firstMs - (read(on, turn) - read(idle, turn)) / rate)
      share!.push(a.cached / b.cached)
    }
    print(`round ${round + 1}`, `${on[0]!.prompt} prompt tokens at first, read at ${(rate * 1000).toFixed(0)} a second; ${on.slice(1).map(({ memories }) => memories).join(', ')} memories`)
  }
  const show = (values: readonly number[], unit: string, digits = 0): string => `median ${quantile(values, 0.5).toFixed(digits)}${unit}   min ${Math.min(...values).toFixed(digits)}   max ${Math.max(...values).toFixed(digits)}   n ${values.length}`
  print('first token, turns 2 to 6, memory off', show(offMs!, ' ms'))
  print('first token, turns 2 to 6, memory on', show(onMs!, ' ms'))
  print('tokens injected a turn', show(injected!, ''))
  print('added beyond injected tokens ÷ the first turn\'s rate', show(over!, ' ms'))
  print('added beyond as many idle tokens', show(beyond!, ' ms'))
  print('prompt tokens cached, against memory off', show(share!, '', 3))
}

/** `idle`: how many tokens each message is longer by. */
async function conversation (server: LiveServer, opening: string, facts: readonly string[], memory: 'on' | 'off', idle: (turn: number) => number = () => 0): Promise<Turn[]> {
  const turns: Turn[] = []
  const messages = [{ role: 'user', content: `${' the'.repeat(idle(0))} ${opening}` }]
  for (let turn = 0; turn < turnsOf; turn++) {
    await sleep(500)
    await embedded(server)
    turns.push(await ask(server, messages, memory))
    if (turn + 1 === turnsOf) break
    messages.push({ role: 'assistant', content: turns.at(-1)!.content }, { role: 'user', content: `${' the'.repeat(idle(turn + 1))} Whom did I meet when ${facts[turn * 17]!.split(' ').slice(4, 12).join(' ')}?` })
  }
  return turns
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
