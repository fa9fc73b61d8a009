/**
 * The measures of memory, through the HTTP API of a real server with the
 * default models: how much of what a question needs is found (on a
 * LoCoMo-format file; they are CC BY-NC, so none is here), how fast, and what
 * memory adds to a chat. Nothing is asserted.
 *
 *   npm run bench:memory [-- FILE] [quick]
 *
 * `quick` only shows that all of it works: its figures are of small heaps.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawnServer } from '../test/support/server.ts'
import { readConversations } from './locomo-data.ts'
import { chatting } from './memory/chat.ts'
import { quality } from './memory/quality.ts'
import type { Scale } from './memory/shared.ts'
import { importing, speed } from './memory/speed.ts'

const words = process.argv.slice(2)
const file = words.find(word => word !== 'quick')
const scale: Scale = words.includes('quick')
  ? { searches: 40, memories: 2_000, rounds: 1, conversationTokens: 600 }
  : { searches: 300, memories: 100_000, rounds: 3, conversationTokens: 3_000 }
const folder = await mkdtemp(join(tmpdir(), 'engraft-bench-'))
const began = performance.now()

try {
  const server = await spawnServer(join(folder, 'data'))
  try {
    if (file === undefined) console.log('without a LoCoMo-format file (npm run bench:memory -- FILE) quality is left out')
    else await quality(server, (await readConversations(file)).slice(0, words.includes('quick') ? 1 : undefined))
    await importing(server)
    await chatting(server, scale)
  } finally {
    await server.stop()
  }
  await speed(folder, scale)
  console.log(`took ${((performance.now() - began) / 60_000).toFixed(1)} minutes`)
} finally {
  await rm(folder, { recursive: true })
}
