import { events, type LiveServer } from '../../test/support/server.ts'
import { asUser, embedded, post, print, quantile, type Scale, sentences } from './shared.ts'

interface Turn { readonly firstMs: number, readonly prompt: number, readonly cached: number, readonly memories: number, readonly content: string }
interface Chunk { readonly choices: readonly { readonly delta: { readonly content?: string } }[], readonly usage?: { readonly prompt_tokens: number, readonly prompt_tokens_details: { readonly cached_tokens: number } } | null, readonly engraft?: { readonly memories: readonly string[] } }

const turnsOf = 6

/**
 * What memory adds to a chat: the same conversation with memory on and off,
 * turns 2 to 6. The first turn is read whole and tells how fast prompts are
 * read. What is quoted must be read too; what is over is what memory costs.
 */
export async function chatting (server: LiveServer, { rounds, conversationTokens }: Scale): Promise<void> {
  const sentence = sentences(4)
  const facts = Array.from({ length: 100 }, (_, i) => `On day ${i} I met ${sentence()}`)
  await post(server, '/v1/memories', 'talker', { session: 'past', turns: facts.map(content => ({ role: 'user', content })) })
  await embedded(server)
  const [onMs, offMs, over, share, injected]: number[][] = [[], [], [], [], []]
  for (let round = 0; round < rounds; round++) {
    // About 4 tokens of this model for a made-up word.
    const opening = `Round ${round}. ${Array.from({ length: Math.ceil(conversationTokens / 40) }, sentence).join(' ')}`
    const [on, off] = [await conversation(server, opening, facts, 'on'), await conversation(server, opening, facts, 'off')]
    const rate = Math.min(on[0]!.prompt / on[0]!.firstMs, off[0]!.prompt / off[0]!.firstMs)
    for (let turn = 1; turn < turnsOf; turn++) {
      const [a, b] = [on[turn]!, off[turn]!]
      onMs!.push(a.firstMs)
      offMs!.push(b.firstMs)
      injected!.push(a.prompt - a.cached - (b.prompt - b.cached))
      over!.push(a.firstMs - b.firstMs - injected!.at(-1)! / rate)
      share!.push(a.cached / b.cached)
    }
    print(`round ${round + 1}`, `${on[0]!.prompt} prompt tokens at first, read at ${(rate * 1000).toFixed(0)} a second; ${on.slice(1).map(({ memories }) => memories).join(', ')} memories`)
  }
  const show = (values: readonly number[], unit: string, digits = 0): string => `median ${quantile(values, 0.5).toFixed(digits)}${unit}   min ${Math.min(...values).toFixed(digits)}   max ${Math.max(...values).toFixed(digits)}   n ${values.length}`
  print('first token, turns 2 to 6, memory off', show(offMs!, ' ms'))
  print('first token, turns 2 to 6, memory on', show(onMs!, ' ms'))
  print('tokens injected a turn', show(injected!, ''))
  print('added beyond injected tokens ÷ prefill rate', show(over!, ' ms'))
  print('prompt tokens cached, against memory off', show(share!, '', 3))
}

async function conversation (server: LiveServer, opening: string, facts: readonly string[], memory: 'on' | 'off'): Promise<Turn[]> {
  const turns: Turn[] = []
  const messages = [{ role: 'user', content: opening }]
  for (let turn = 0; turn < turnsOf; turn++) {
    turns.push(await ask(server, messages, memory))
    messages.push({ role: 'assistant', content: turns.at(-1)!.content }, { role: 'user', content: `Whom did I meet when ${facts[turn * 17]!.split(' ').slice(4, 12).join(' ')}?` })
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
