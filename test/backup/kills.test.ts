import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import type { Database } from '../../src/database/database.ts'
import { add, openWorld } from '../adapters/opened.ts'
import { freshFolder, ids, opened, row, seeded } from '../database/fixtures.ts'
import { backUp, contents, openBeside, restore } from './fixtures.ts'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const kills = 15

/** Runs the command and kills it `after` ms past the first sign of its work, if it still runs. */
async function killed (args: readonly string[], begun: () => boolean, after: number): Promise<void> {
  const child = spawn(process.execPath, [main, ...args], { stdio: 'ignore' })
  const exited = once(child, 'exit')
  while (!begun() && child.exitCode === null) await sleep(1)
  await Promise.race([sleep(after), exited])
  child.kill('SIGKILL')
  await exited
}

async function rows (path: string): Promise<string> {
  const database = await openBeside(path)
  try {
    await database.check()
    return (await ids(database)).join()
  } finally {
    await database.close()
  }
}

async function fill (database: Database, first: number): Promise<void> {
  await database.commit(Array.from({ length: 8 }, (_, index) => row(first + index, 1_000_000)))
}

test(`a backup killed ${kills} times at random moments is whole or not there, and the next leaves nothing of those before`, async t => {
  const world = await openWorld(t)
  await fill(world.database, 100)
  for (const seed of [1, 2, 3]) await add(world.adapters, 'house', seed)
  const wanted = await ids(world.database)
  const folder = freshFolder(t)
  const target = join(folder, 'backup')
  const random = seeded(11)
  let [whole, cut] = [0, 0]
  for (let kill = 0; kill < kills; kill++) {
    const at = `${target}-${kill}`
    await killed(['backup', at, '--data', world.folder], () => readdirSync(folder).some(name => name.startsWith(`backup-${kill}`)), random() * 150)
    if (!existsSync(at)) {
      cut++
      await backUp(world.folder, at, world.database)
    } else whole++
    const data = freshFolder(t)
    await restore(at, data)
    t.equal(await rows(join(data, 'engraft.db')), wanted.join(), `kill ${kill}`)
    t.strictSame(readdirSync(folder).filter(name => name.startsWith(`backup-${kill}.`)), [], 'no half of it stays')
  }
  t.ok(cut > 0, `${cut} cut, ${whole} whole`)
})

test(`a restore killed ${kills} times at random moments leaves the old store or the new one, and the next one succeeds`, async t => {
  const world = await openWorld(t)
  await fill(world.database, 200)
  await add(world.adapters, 'house', 1)
  const source = join(freshFolder(t), 'backup')
  await backUp(world.folder, source)
  const before = freshFolder(t)
  const old = await opened(t, join(before, 'engraft.db'))
  await fill(old, 300)
  const oldRows = (await ids(old)).join()
  await old.close()
  const newRows = (await ids(world.database)).join()

  const random = seeded(12)
  const seen = { old: 0, new: 0 }
  for (let kill = 0; kill < kills; kill++) {
    const data = join(freshFolder(t), 'data')
    cpSync(before, data, { recursive: true })
    await killed(['restore', source, '--data', data, '--replace'], () => existsSync(join(data, 'restoring')), random() * 400)
    const found = await rows(join(data, 'engraft.db'))
    t.ok([oldRows, newRows].includes(found), `kill ${kill}`)
    seen[found === oldRows ? 'old' : 'new']++
    await restore(source, data, { replace: true })
    t.equal(await rows(join(data, 'engraft.db')), newRows)
    t.notOk(Object.keys(contents(data)).some(path => path.startsWith('restoring')))
    t.equal(readdirSync(join(data, 'vault')).length, 1)
  }
  t.ok(seen.old > 0 && seen.new > 0, JSON.stringify(seen))
})
