import { fork } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { query } from '../../src/database/sql.ts'
import { corrections } from '../datasets/fixtures.ts'
import { opened } from '../database/fixtures.ts'
import { settings, world } from './looping.ts'

const kills = 20

test('killed at 20 random moments, a round goes on and ends once, with the same data set and the same adapter', { timeout: 240_000 }, async t => {
  const folders = ['whole', 'killed'].map(name => join(t.testdir(), name))
  await t.test('what is said', async t => {
    mkdirSync(folders[0]!)
    const made = await world(t, join(folders[0]!, 'engraft.db'))
    await corrections(made, 12, 3)
    await made.loops.set(settings, 'local')
  })
  cpSync(folders[0]!, folders[1]!, { recursive: true })

  const over = await loopIn(folders[0]!, null)
  t.ok(over, 'it ends when nobody kills it')
  // How long a process takes here and now that finds nothing left to do: what a round takes comes on top.
  const began = Date.now()
  await loopIn(folders[0]!, null)
  const start = Date.now() - began
  for (let killed = 0; killed < kills; killed++) await loopIn(folders[1]!, randomInt(Math.ceil(start / 2), start + 1000))
  t.ok(await loopIn(folders[1]!, null))

  const [whole, killed] = await Promise.all(folders.map(async folder => await endOf(join(folder, 'engraft.db'))))
  t.strictSame(killed, whole)
  t.match(whole, { rounds: [{ number: 1, outcome: 'live', version: 1 }], live: 1 })

  /** Sha256 of the data set, digest of the adapter, and what the round came to. */
  async function endOf (path: string) {
    const database = await opened(t, path)
    return {
      rounds: await database.all(query('select r.number, r.reason, r.outcome, r.words, r.version, hex(d.sha256) as data, hex(u.digest) as adapter from loop_rounds r join datasets d on d.id = r.dataset join training_runs u on u.id = r.run')),
      versions: await database.all(query('select version, digest from adapter_versions')),
      live: (await database.all(query<{ live: number }>('select live from adapters')))[0]?.live
    }
  }
})

/** Runs a loop there until it is over, or is killed after so many ms; whether it was over. */
async function loopIn (folder: string, ms: number | null): Promise<boolean> {
  const child = fork(join(import.meta.dirname, 'looper.ts'), [join(folder, 'engraft.db')], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  let over = false
  child.on('message', () => { over = true })
  const exited = once(child, 'exit')
  if (ms !== null) {
    await Promise.race([sleep(ms), exited])
    child.kill('SIGKILL')
  }
  const [code] = await exited as [number | null]
  if (ms === null && code !== 0) throw new Error(`it ended with ${code}`)
  return over
}
