/**
 * The measures of memory, through the HTTP API of a real server with the
 * default models: how much of what a question needs is found (on a
 * LoCoMo-format file; they are CC BY-NC, so none is here), how fast, and what
 * memory adds to a chat. Nothing is asserted.
 *
 *   npm run bench:memory [-- FILE] [quick] [importing chatting speed erasing]
 *
 * `quick` only shows that all of it works: its figures are of small heaps. Parts
 * that are named run alone.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawnServer } from '../test/support/server.ts'
import { readConversations } from './locomo-data.ts'
import { chatting } from './memory/chat.ts'
import { erasing } from './memory/erasing.ts'
import { quality } from './memory/quality.ts'
import type { Scale } from './memory/shared.ts'
import { importing, speed } from './memory/speed.ts'

const words = process.argv.slice(2)
const parts = ['importing', 'chatting', 'speed', 'erasing']
const named = words.filter(word => parts.includes(word))
const file = words.find(word => word !== 'quick' && !parts.includes(word))
const runs = (part: string): boolean => named.length === 0 || named.includes(part)
const scale: Scale = words.includes('quick')
  ? { searches: 40, memories: 2_000, rounds: 1, conversationTokens: 600, erased: 1_000 }
  : { searches: 300, memories: 100_000, rounds: 5, conversationTokens: 3_000, erased: 10_000 }
const folder = await mkdtemp(join(tmpdir(), 'engraft-bench-'))
const began = performance.now()

try {
  if (file === undefined && named.length === 0) console.log('without a LoCoMo-format file (npm run bench:memory -- FILE) quality is left out')
  if (file !== undefined || runs('importing') || runs('chatting')) {
    const server = await spawnServer(join(folder, 'data'))
    try {
      if (file !== undefined) await quality(server, (await readConversations(file)).slice(0, words.includes('quick') ? 1 : undefined))
      if (runs('importing')) await importing(server)
      if (runs('chatting')) await chatting(server, scale)
    } finally {
      await server.stop()
    }
  }
  if (runs('speed')) await speed(folder, scale)
  if (runs('erasing')) await erasing(folder, scale)
  console.log(`took ${((performance.now() - began) / 60_000).toFixed(1)} minutes`)
} finally {
  await rm(folder, { recursive: true })
}
