import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { openDatabase } from '../../src/database/open.ts'
import { openMemories } from '../../src/memory/open.ts'
import { openOnnxEmbedder } from '../../src/memory/onnx/embedder.ts'
import { int8 } from '../../src/memory/recall.ts'
import { embedding } from '../../src/memory/sqlite/writes.ts'
import { unitsPerMemory } from '../../src/memory/store.ts'
import { migrationsDir } from '../../test/database/fixtures.ts'
import { embedderModel } from '../../test/support/model.ts'
import { sentences } from './shared.ts'

/** Texts that are really embedded; every memory is one of them and a number. */
const pool = 256
/** Memories of one write, and users that write at once: their commits share a flush to the disk. */
const together = 500
const atOnce = 50

/**
 * A data folder with so many users of so many memories each. They are written
 * as the product writes them; their vectors are those of the pool's texts,
 * since embedding 100,000 texts takes a quarter of an hour and changes nothing
 * about the speed of finding them. Resolves to memories written a second, and
 * the file's bytes.
 */
export async function fill (data: string, users: number, each: number): Promise<{ readonly rate: number, readonly bytes: number }> {
  const path = join(data, 'engraft.db')
  const database = await openDatabase({ path, migrationsDir })
  const embedder = await openOnnxEmbedder(await embedderModel())
  const sentence = sentences(1)
  const texts = Array.from({ length: pool }, sentence)
  const vectors = (await embedder.passages(texts)).map(({ vector, tokenBits }) => ({ mean: int8(vector), tokenBits }))
  await embedder.close()
  const { memories, close } = await openMemories({ database, path, embedder: null, log: console.error })
  const began = performance.now()
  await everyone(async (user, from, length) => {
    await memories.remember(ownerOf(user), Array.from({ length }, (_, i) => ({ kind: 'turn', role: 'user', session: `s${from + i - (from + i) % 20}`, text: `${texts[(user + from + i) % pool]} ${from + i}` })))
  })
  const rate = users * each / ((performance.now() - began) / 1000)
  await close()
  await everyone(async (user, from, length) => {
    // Numbers begin with 1, and none of these texts has two parts.
    await database.commit(embedding(ownerOf(user), embedder.id, Array.from({ length }, (_, i) => ({ unit: (from + i + 1) * unitsPerMemory, vectors: vectors[(user + from + i) % pool]! }))))
  })
  await database.close()
  return { rate, bytes: (await stat(path)).size }

  async function everyone (write: (user: number, from: number, length: number) => Promise<void>): Promise<void> {
    for (let first = 0; first < users; first += atOnce) {
      await Promise.all(Array.from({ length: Math.min(atOnce, users - first) }, async (_, i) => {
        for (let from = 0; from < each; from += together) await write(first + i, from, Math.min(together, each - from))
      }))
    }
  }
}

export function userName (user: number): string { return `user-${user}` }

function ownerOf (user: number) { return { tenant: 'local', user: userName(user) } }
