import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { query } from '../../src/database/sql.ts'
import { problem } from '../../src/errors.ts'
import { allRows, built, corrections, tenant, wanted, world } from './fixtures.ts'
import { freshPath } from '../database/fixtures.ts'

const killed = fileURLToPath(new URL('./killed.ts', import.meta.url))

test('a server that is killed in the middle of a build builds the same when it starts again, and leaves nothing aside', async t => {
  const path = freshPath(t)
  const first = await world(t, path)
  await corrections(first, 30, 4)
  const whole = await built(first)
  await first.datasets.close()
  await first.database.close()

  for (const moment of ['early', 'late']) {
    const child = fork(killed, [path, moment], { execArgv: [], stdio: 'inherit' })
    await once(child, 'message')
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  const again = await world(t, path)
  t.notOk(existsSync(again.folder), 'what lay aside is gone before anything else')
  const seen = await again.datasets.list(tenant)
  t.strictSame(seen.map(({ state, sha256 }) => [state, sha256]).slice(0, 2), [['building', null], ['building', null]])
  await t.rejects(allRows(again.datasets.rows(seen[0]!.id, 'train')), { code: 'dataset_not_ready' })
  await again.datasets.start()
  while ((await again.datasets.list(tenant)).some(({ state }) => state === 'building')) await sleep(50)
  const after = await again.datasets.list(tenant)
  t.strictSame(after.map(({ state, sha256 }) => [state, sha256]), [3, 2, 1].map(() => ['ready', whole.sha256]))
})

test('an erasure that comes into a build is done first, and the build is without the person', async t => {
  const made = await world(t)
  await corrections(made, 30, 4)
  const { done } = await made.datasets.build(wanted)
  await sleep(150)
  await made.datasets.standingAside(async () => {
    t.notOk(existsSync(join(made.folder, '1')), 'no text lies aside')
    await made.erasures.erase({ tenant, user: 'user-7' })
  })
  const version = await done
  t.strictSame([version.state, version.failure], ['ready', null])
  const { train, valid, test } = version.manifest!.counts
  t.equal(train.rows + valid.rows + test.rows, 116)
})

test('answers that are removed in the middle of a build are not in it', async t => {
  const made = await world(t)
  const ids = await corrections(made, 20, 4)
  let removed: Promise<void> | null = null
  const { done } = await made.datasets.build(wanted, ({ step }) => { if (step !== 'evidence') removed ??= made.interactions.remove({ tenant, user: 'user-0' }, ids[0]!) })
  const version = await done
  await removed
  const counts = version.manifest!.counts
  t.equal(version.state, 'ready')
  t.equal(counts.train.rows + counts.valid.rows + counts.test.rows + version.erased, version.erased > 0 ? 81 : removed === null ? 80 : 79)
})

test('where nothing can be put aside, nothing is built and the reason is told', async t => {
  const made = await world(t)
  await corrections(made, 3, 1)
  mkdirSync(join(made.folder, '..'), { recursive: true })
  writeFileSync(made.folder, 'a file where a folder should be')
  t.match(await built(made), { state: 'failed', failure: { code: 'storage_failed' }, sha256: null })
  t.strictSame(await made.database.all(query('select 1 from dataset_rows')), [])
})

test('a disk that is full is told as such, nothing half is seen, and the next build is whole', async t => {
  const full = { now: false }
  const made = await world(t, undefined, {}, database => ({
    ...database,
    commit: async queries => {
      if (full.now && queries.some(({ sql }) => sql.includes('insert into dataset_rows'))) throw problem('storage_full', {})
      return await database.commit(queries)
    }
  }))
  await corrections(made, 6, 2)
  full.now = true
  const failed = await built(made)
  t.match(failed, { state: 'failed', failure: { code: 'storage_full' }, manifest: null })
  full.now = false
  t.match(await built(made), { state: 'ready', version: 2 })
})

test('the thread of a build ends with it', async t => {
  const made = await world(t)
  await corrections(made, 3, 1)
  const before = process.getActiveResourcesInfo().length
  await built(made)
  t.ok(process.getActiveResourcesInfo().length <= before)
})
