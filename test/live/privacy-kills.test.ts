import { once } from 'node:events'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { seeded } from '../database/fixtures.ts'
import { spawnServer } from '../support/server.ts'
import { as, memoriesOf } from './remembering.ts'

const kills = 20
const turns = 600

test('a server killed during an erasure, 20 times, has finished it when it is back, and has the receipt', async t => {
  const data = `${t.testdir()}/data`
  const random = seeded(5)
  let cut = 0
  let server = await spawnServer(data, ['--embedder', 'none'])
  const bring = async (name: string, word: string): Promise<void> => {
    const reply = await server.post('/v1/memories', { session: 's', turns: Array.from({ length: turns }, (_, i) => ({ role: 'user', content: `${word} number ${i} was said, with some more words to be found by.` })) }, as(name))
    if (reply.status !== 202) throw new Error(await reply.text())
  }
  await bring('bob', 'petunia')
  for (let kill = 0; kill < kills; kill++) {
    await bring('ada', `heliotrope${kill}`)
    const exited = once(server.process, 'exit')
    const erasing = fetch(`${server.url}/v1/users/ada`, { method: 'DELETE' }).then(async reply => { await reply.json() }).catch(() => { cut++ })
    await sleep(Math.floor(random() * 120))
    server.process.kill('SIGKILL')
    await exited
    await erasing
    server = await spawnServer(data, ['--embedder', 'none'])
    const { data: receipts } = await (await fetch(`${server.url}/v1/users/ada/erasures`)).json() as { data: { erased_at: string | null, rows: Record<string, number> }[] }
    const left = await memoriesOf(server, 'ada')
    // Killed before it was on the disk, it was never begun, and everything is there; begun, it is finished.
    if (left.length > 0) {
      t.equal(left.length % turns, 0, 'all or nothing')
      await fetch(`${server.url}/v1/users/ada`, { method: 'DELETE' })
      continue
    }
    t.ok(receipts[0]?.erased_at != null && (receipts[0].rows.memories ?? 0) % turns === 0, JSON.stringify(receipts[0]))
    t.equal(receipts.filter(({ erased_at: at }) => at === null).length, 0)
    const bytes = Buffer.concat(readdirSync(data).filter(name => name.startsWith('engraft.db') || name.endsWith('.jsonl')).map(name => readFileSync(join(data, name))))
    t.notOk(bytes.includes(`heliotrope${kill}`), `no byte after kill ${kill}`)
  }
  t.equal((await memoriesOf(server, 'bob')).length, turns)
  t.ok(cut > kills / 4, `${cut} erasures were cut`)
  await server.stop()
})
