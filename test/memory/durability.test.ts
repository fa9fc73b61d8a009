import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { openReader } from '../../src/database/reader.ts'
import { freshPath, seeded } from '../database/fixtures.ts'
import { embedderModel } from '../support/model.ts'
import { embedded, openedMemories } from './opened.ts'

const rounds = 4

t.test('what was kept is there after kill -9, once, and each of it has its vectors in the end', async t => {
  const path = freshPath(t)
  const random = seeded(3)
  const kept: string[] = []
  for (let round = 0; round < rounds; round++) {
    const child = spawn(process.execPath, [fileURLToPath(new URL('./rememberer.ts', import.meta.url)), path, String(round)], { stdio: ['ignore', 'pipe', 'inherit'] })
    const exit = once(child, 'exit')
    const lines = createInterface(child.stdout)
    lines.on('line', id => { if (id.length === 28) kept.push(id) })
    await once(lines, 'line')
    await setTimeout(random() * 600)
    child.kill('SIGKILL')
    await exit
  }
  t.ok(kept.length > rounds)

  const opened = await openedMemories(t, { path, embedder: await embedderModel() })
  await embedded(opened)
  await opened.database.check()
  const reader = openReader(path)
  const rows = reader.all<{ id: string, external: string }>('select id, external_id as external from memories')
  const counts = reader.all<{ units: number, vectors: number, tokens: number, memories: number, summed: number }>(`select (select count(*) from memory_units) as units, (select count(*) from memory_vectors) as vectors,
    (select count(*) from memory_tokens) as tokens, (select count(*) from memories) as memories, (select sum(units) from memory_totals) as summed`)[0]!
  const lone = reader.all('select 1 from memory_postings p where not exists (select 1 from memory_units u where u.owner = p.owner and u.unit = p.unit)')
  reader.close()
  const ids = new Set(rows.map(({ id }) => id))
  t.strictSame(kept.filter(id => !ids.has(id)), [], 'every one that was acknowledged')
  t.equal(new Set(rows.map(({ external }) => external)).size, rows.length, 'none twice')
  t.strictSame({ ...counts }, { units: rows.length, vectors: rows.length, tokens: rows.length, memories: rows.length, summed: rows.length })
  t.strictSame(lone, [])
})
