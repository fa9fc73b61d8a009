import { lineTokens } from '../../src/memory/block.ts'
import type { LiveServer } from '../../test/support/server.ts'
import { type Conversation, type Scores, printScores, scoresOf, withInterval } from '../locomo-data.ts'
import { embedded, post, print, spread } from './shared.ts'

interface Found { readonly data: readonly { readonly external_id: string, readonly explain: { readonly quote: string } }[] }

/** As deep as any measure looks, and room for sessions, which come in the order of their best turns. */
const depth = 50
/** What a prompt's block is measured with; the machine decides in a chat. */
const blockTokens = 384

/** How much of what each question needs is found through the API: every conversation is one user, brought in session by session. */
export async function quality (server: LiveServer, conversations: readonly Conversation[]): Promise<void> {
  const began = performance.now()
  let turns = 0
  for (const { id, turns: said } of conversations) {
    for (const [session, part] of Map.groupBy(said, ({ session }) => session)) {
      await post(server, '/v1/memories', id, { session, turns: part.map(({ text, speaker, at, externalId }) => ({ content: text, name: speaker, at: new Date(at!).toISOString(), external_id: externalId })) })
      turns += part.length
    }
  }
  const written = performance.now()
  await embedded(server)
  print(`import of ${turns} turns`, `written in ${((written - began) / 1000).toFixed(1)} s, embedded after ${((performance.now() - began) / 1000).toFixed(1)} s`)

  const results: { readonly category: number, readonly scores: Scores }[] = []
  const times: number[] = []
  const blocks: number[] = []
  const inBlock: number[] = []
  for (const { id, questions } of conversations) {
    for (const { question: query, category, gold } of questions) {
      const asked = performance.now()
      const { data } = await post<Found>(server, '/v1/memories/search', id, { query, limit: depth })
      times.push(performance.now() - asked)
      results.push({ category, scores: scoresOf(gold, data.map(found => found.external_id)) })
      const block = await post<Found>(server, '/v1/memories/search', id, { query, max_tokens: blockTokens, explain: true })
      blocks.push(block.data.reduce((sum, { explain }) => sum + lineTokens(explain.quote), 0))
      const quoted = new Set(block.data.map(found => found.external_id))
      inBlock.push(gold.filter(id => quoted.has(id)).length / gold.length)
    }
  }
  printScores(results)
  print('search over HTTP, 50 memories', spread(times))
  print(`block of at most ${blockTokens} tokens`, `${(blocks.reduce((sum, tokens) => sum + tokens, 0) / blocks.length).toFixed(0)} tokens, estimated; turns R ${withInterval(inBlock)}`)
}
