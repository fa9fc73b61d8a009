/**
 * How much of what a question needs is recalled, on a LoCoMo-format file (they
 * are CC BY-NC, so none is here), in this process: the quality of recall alone.
 * Every conversation is one person's memory, and every question is asked once.
 *
 *   node bench/locomo.ts FILE [lexical]
 *
 * `lexical` leaves the embedder out, as where there is none.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { openDatabase } from '../src/database/open.ts'
import { lineTokens } from '../src/memory/block.ts'
import { openMemories } from '../src/memory/open.ts'
import { migrationsDir } from '../test/database/fixtures.ts'
import { embedderModel } from '../test/support/model.ts'
import { type Scores, printScores, readConversations, scoresOf } from './locomo-data.ts'

const [file, mode] = process.argv.slice(2)
if (file === undefined) throw new Error('name a LoCoMo-format file: node bench/locomo.ts FILE [lexical]')
const conversations = await readConversations(file)
const folder = await mkdtemp(join(tmpdir(), 'engraft-bench-'))
const path = join(folder, 'engraft.db')
const database = await openDatabase({ path, migrationsDir })
const { memories, close } = await openMemories({ database, path, embedder: mode === 'lexical' ? null : await embedderModel(), log: console.error })

try {
  const turns = conversations.reduce((sum, { turns }) => sum + turns.length, 0)
  const began = performance.now()
  for (const { id, turns } of conversations) await memories.remember({ tenant: 'bench', user: id }, turns)
  const written = performance.now()
  while ((await memories.progress()).pending > 0) await setTimeout(50)
  const embedded = performance.now()
  console.log(`${turns} turns written in ${((written - began) / 1000).toFixed(1)} s, embedded in ${((embedded - began) / 1000).toFixed(1)} s`)

  const results: { readonly category: number, readonly scores: Scores }[] = []
  const times: number[] = []
  const tokens: number[] = []
  for (const { id, questions } of conversations) {
    for (const { question: query, category, gold } of questions) {
      const asked = performance.now()
      const found = await memories.recall({ tenant: 'bench', user: id }, { query, limit: 50 })
      times.push(performance.now() - asked)
      tokens.push(found.memories.slice(0, 10).reduce((sum, { quote }) => sum + lineTokens(quote), 0))
      results.push({ category, scores: scoresOf(gold, found.memories.map(({ externalId }) => externalId!)) })
    }
  }
  printScores(results)
  times.sort((a, b) => a - b)
  console.log(`recall, 50 memories: median ${times[Math.floor(times.length / 2)]!.toFixed(1)} ms, p95 ${times[Math.floor(times.length * 0.95)]!.toFixed(1)} ms`)
  console.log(`ten quotes: ${(tokens.reduce((sum, count) => sum + count, 0) / tokens.length).toFixed(0)} tokens, estimated`)
} finally {
  await close()
  await database.close()
  await rm(folder, { recursive: true })
}
