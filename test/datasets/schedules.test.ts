import { mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Test, test } from 'tap'
import { query } from '../../src/database/sql.ts'
import { dueAfter } from '../../src/datasets/due.ts'
import { createFiles } from '../../src/datasets/exports/ledger.ts'
import { openSchedules } from '../../src/datasets/open-schedules.ts'
import type { NewSchedule } from '../../src/datasets/schedule.ts'
import { openErasures } from '../../src/privacy/erasures.ts'
import { createForgetting } from '../../src/privacy/forgetting.ts'
import { People } from '../../src/privacy/people.ts'
import { freshFolder } from '../database/fixtures.ts'
import { openedMemories } from '../memory/opened.ts'
import { until } from '../support/wire.ts'
import { type World, corrections, tenant, word, world } from './fixtures.ts'

const hour = 3_600_000
const weekly: NewSchedule = { tenant, dataset: 'house', filters: {}, format: 'trl-sft', split: 'train', folder: null, cron: '0 3 * * 1', rows: null }
const byRows = (rows: number): NewSchedule => ({ ...weekly, cron: null, rows })

async function scheduling (t: Test, made: World) {
  const clock = { now: Date.parse('2026-03-04T12:00:00') }
  const data = dirname(made.path)
  const parts = { database: made.database, datasets: made.datasets, data, log: () => {}, now: () => clock.now }
  const schedules = openSchedules(parts)
  t.teardown(() => schedules.close())
  const files = async (folder = join(data, 'exports')): Promise<string[]> => (await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])).filter(entry => entry.isFile()).map(({ name }) => name).sort()
  return { ...made, clock, data, parts, schedules, files }
}

test('an export happens when its time has come, of a version with all evidence, and what was missed happens once', async t => {
  const s = await scheduling(t, await world(t))
  await corrections(s, 12, 3)
  const schedule = await s.schedules.create(weekly)
  t.match(schedule, { ...weekly, id: /^schedule_/, next: Date.parse('2026-03-09T03:00:00'), failure: null })
  await s.schedules.tick()
  t.strictSame(await s.files(), [], 'it is Wednesday')
  s.clock.now += 5 * 7 * 24 * hour
  await s.schedules.tick()
  t.strictSame(await s.files(), ['house@1-train.trl-sft.jsonl'])
  const [exported] = await s.schedules.exported(9)
  const content = await readFile(exported!.path)
  t.match(exported, { schedule: schedule.id, format: 'trl-sft', split: 'train', inside: true, bytes: content.length, rows: content.toString().trimEnd().split('\n').length, removed: null })
  await s.schedules.tick()
  t.equal((await s.datasets.list(tenant)).length, 1)
  t.match(await s.schedules.list(), [{ next: Date.parse('2026-04-13T03:00:00'), failure: null }])
  // A server that was off meanwhile finds it in the database.
  const later = openSchedules(s.parts)
  s.clock.now += 3 * 7 * 24 * hour
  for (let user = 0; user < 12; user++) await s.corrected(`late-${user}`, `What came as number ${user} of the ${word(user)}?`, 'No idea.', `The ${word(user + 99)} train of the ${word(user + 50)} evening came.`)
  await later.tick()
  t.strictSame(await s.files(), ['house@1-train.trl-sft.jsonl', 'house@2-train.trl-sft.jsonl'])
})

test('nothing is exported twice: neither the same version nor the same rows', async t => {
  const s = await scheduling(t, await world(t))
  await corrections(s, 12, 3)
  await s.schedules.create(weekly)
  for (let week = 0; week < 3; week++) {
    s.clock.now += 7 * 24 * hour
    await s.schedules.tick()
  }
  t.equal((await s.schedules.exported(9)).length, 1)
  // Evidence that makes no row: the version is new, its file would be the same.
  await s.says('user-0', { kind: 'rating', value: 0.5, completion: await s.asked('user-0', 'Is this fine?', 'Perhaps.') })
  s.clock.now += 7 * 24 * hour
  await s.schedules.tick()
  t.equal((await s.datasets.list(tenant)).length, 2)
  t.strictSame(await s.files(), ['house@1-train.trl-sft.jsonl'])
  // A file that somebody took away is wanted again.
  await rm((await s.schedules.exported(1))[0]!.path)
  s.clock.now += 7 * 24 * hour
  await s.schedules.tick()
  t.strictSame(await s.files(), ['house@2-train.trl-sft.jsonl'])
})

test('enough new evidence makes an export due, and a refusal waits for more', async t => {
  const s = await scheduling(t, await world(t))
  await s.schedules.create({ ...byRows(5), format: 'openai-sft' })
  await corrections(s, 4, 1)
  await s.schedules.tick()
  t.equal((await s.datasets.list(tenant)).length, 0)
  await s.corrected('fifth', 'Which one is the fifth?', 'No idea.', 'The fifth one is this very question.')
  await s.schedules.tick()
  t.match(await s.schedules.list(), [{ failure: { code: 'export_refused', message: /no fewer than 10|no row/ } }])
  t.strictSame(await s.files(), [])
  const versions = (await s.datasets.list(tenant)).length
  s.clock.now += 2 * hour
  await s.schedules.tick()
  t.equal((await s.datasets.list(tenant)).length, versions, 'not before more has come')
  await corrections(s, 20, 2)
  await s.schedules.tick()
  t.match(await s.schedules.list(), [{ failure: null }])
  t.equal((await s.files()).length, 1)
})

test('a folder that cannot be written is told, leaves nothing half, and is tried again later', async t => {
  const s = await scheduling(t, await world(t))
  await corrections(s, 12, 2)
  const folder = join(freshFolder(t), 'elsewhere')
  await s.schedules.create({ ...byRows(5), folder })
  await rm(folder, { recursive: true })
  await writeFile(folder, 'a file in its place')
  await s.schedules.tick()
  t.match(await s.schedules.list(), [{ failure: { code: 'export_failed', message: new RegExp(folder) } }])
  await rm(folder)
  await s.schedules.tick()
  t.strictSame(await s.files(folder), [], 'not at once')
  s.clock.now += hour
  await s.schedules.tick()
  t.strictSame(await s.files(folder), ['house@1-train.trl-sft.jsonl'])
  t.match(await s.schedules.list(), [{ failure: null }])
})

test('an erasure takes the person out of exported files, and its receipt names the files out of reach', async t => {
  const s = await scheduling(t, await world(t))
  await corrections(s, 20, 3)
  const elsewhere = join(freshFolder(t), 'elsewhere')
  await s.schedules.create(byRows(5))
  await s.schedules.create({ ...byRows(5), folder: elsewhere })
  await s.schedules.create({ ...byRows(5), format: 'bedrock', split: 'train', filters: {} })
  await s.schedules.tick()
  const before = await s.schedules.exported(9)
  t.equal(before.length, 3, JSON.stringify(await s.schedules.list()))
  const held = (await Array.fromAsync(s.datasets.rows(before[0]!.dataset, 'train'))).map(({ owner }) => owner)
  const [owner] = held
  const mine = held.filter(one => one === owner).length
  const [{ user }] = await s.database.all(query<{ user: string }>('select user from owners where id = :owner', { owner })) as [{ user: string }]
  const lines = async (path: string): Promise<number> => (await readFile(path, 'utf8')).trimEnd().split('\n').length

  const erasures = openErasures({ database: s.database, path: join(s.data, 'erasures.jsonl'), people: new People(), policies: s.policies, files: createFiles(s.database) })
  const receipt = await erasures.erase({ tenant, user })
  const outside = before.find(({ inside }) => !inside)!
  t.strictSame(receipt.outside, [outside.path])
  t.strictSame((await erasures.receipts({ tenant, user }))[0]?.outside, [outside.path])
  t.equal(await lines(outside.path), held.length)
  const inside = (await s.schedules.exported(9)).find(({ format, inside }) => inside && format === 'trl-sft')!
  t.equal(inside.rows, held.length - mine)
  t.equal(await lines(inside.path), inside.rows)
  const bedrock = (await s.schedules.exported(9)).find(({ format }) => format === 'bedrock')!
  t.equal((await s.files()).length, bedrock.removed === null ? 2 : 1)

  // Until too little is left for its reader: then there is no file.
  for (let other = 0; other < 20; other++) if (`user-${other}` !== user) await erasures.erase({ tenant, user: `user-${other}` })
  t.strictSame(await s.files(), [])
  t.ok((await s.schedules.exported(9)).filter(({ inside }) => inside).every(({ removed }) => removed !== null))
  t.strictSame((await erasures.erase({ tenant, user: 'nobody' })).outside, [])
})

test('an answer that is removed, a memory that is forgotten and a leave that is taken back go out of the files in the data folder', async t => {
  const s = await scheduling(t, await world(t))
  await corrections(s, 20, 3)
  const elsewhere = join(freshFolder(t), 'elsewhere')
  await s.schedules.create(byRows(5))
  await s.schedules.create({ ...byRows(5), folder: elsewhere })
  await s.schedules.tick()
  const before = await s.schedules.exported(9)
  const [file, outside] = [before.find(({ inside }) => inside)!, before.find(({ inside }) => !inside)!]
  const whole = await readFile(file.path, 'utf8')
  const rows = await Array.fromAsync(s.datasets.rows(file.dataset, 'train'))
  const [ada, bob, carl] = [...new Set(rows.map(({ owner }) => owner))].map(owner => rows.filter(row => row.owner === owner))
  const nameOf = async (owner: number): Promise<string> => (await s.database.all(query<{ user: string }>('select user from owners where id = :owner', { owner })))[0]!.user
  const asked = ({ prompt }: (typeof rows)[number]): string => prompt[0]!.content
  /** What the file has, when it has been looked after. */
  const left = async (): Promise<string> => {
    await s.schedules.tidy()
    const content = await readFile(file.path, 'utf8')
    t.match((await s.schedules.exported(9)).find(({ id }) => id === file.id), { rows: content.split('\n').length - 1, bytes: Buffer.byteLength(content) })
    return content
  }

  await s.interactions.remove({ tenant, user: null }, ada![0]!.evidence.interaction)
  t.ok((await readFile(file.path, 'utf8')).includes(asked(ada![0]!)), 'until it is looked after')
  t.notOk((await left()).includes(asked(ada![0]!)))

  const { memories } = await openedMemories(t, { path: s.path, database: s.database })
  const owner = { tenant, user: await nameOf(bob![0]!.owner) }
  const { ids } = await memories.remember(owner, [{ kind: 'turn', text: asked(bob![0]!), role: 'user', interaction: bob![0]!.evidence.interaction }])
  await createForgetting({ database: s.database, memories, people: new People() })(owner, ids)
  t.notOk((await left()).includes(asked(bob![0]!)))

  const carls = { tenant, user: await nameOf(carl![0]!.owner) }
  await s.policies.change(carls, { training: false })
  const without = await left()
  for (const row of carl!) t.notOk(without.includes(asked(row)))
  // In the same moment one gives their leave again and another takes it back: as many may be learnt from as before.
  await s.policies.change(carls, { training: true })
  const adas = { tenant, user: await nameOf(ada![0]!.owner) }
  await s.policies.change(adas, { training: false })
  const changed = await left()
  t.ok(carl!.every(row => changed.includes(asked(row))) && ada!.every(row => !changed.includes(asked(row))))
  await s.policies.change(adas, { training: true })
  t.equal(await left(), whole.split('\n').filter(line => ![ada![0]!, bob![0]!].some(row => line.includes(JSON.stringify(asked(row)).slice(1, -1)))).join('\n'), 'all others are as they were')

  const { ino } = await stat(file.path)
  await left()
  t.equal((await stat(file.path)).ino, ino, 'nothing is written anew without need')
  t.equal(await readFile(outside.path, 'utf8'), whole, 'what is elsewhere is not touched')
  await rm(file.path)
  await s.policies.change(adas, { training: false })
  await s.schedules.tidy()
  t.notOk((await s.files()).length, 'nor what somebody took away')
})

test('a file is written before an erasure begins or after it has ended, never beside it', async t => {
  const made = await world(t)
  await corrections(made, 20, 3)
  const order: string[] = []
  const datasets: typeof made.datasets = {
    ...made.datasets,
    async * rows (id, split) {
      order.push('written')
      for await (const row of made.datasets.rows(id, split)) {
        await new Promise(resolve => setImmediate(resolve))
        yield row
      }
      order.push('whole')
    }
  }
  const s = await scheduling(t, { ...made, datasets })
  await s.schedules.create(byRows(5))
  const erasing = async (): Promise<void> => {
    order.push('erased')
    await new Promise(resolve => setTimeout(resolve, 20))
    order.push('gone')
  }
  const ticking = s.schedules.tick()
  while (!order.includes('written')) await new Promise(resolve => setTimeout(resolve, 1))
  await Promise.all([ticking, s.schedules.standingAside(erasing)])
  t.strictSame(order, ['written', 'whole', 'erased', 'gone'])
})

test('a schedule that means nothing is refused, and one that is gone is not run', async t => {
  const s = await scheduling(t, await world(t))
  const refused = async (given: object, code: string): Promise<void> => { await t.rejects(s.schedules.create({ ...weekly, ...given } as NewSchedule), { code }) }
  await refused({ cron: 'every monday' }, 'schedule_invalid')
  await refused({ cron: '0 0 30 2 *' }, 'schedule_invalid')
  await refused({ cron: '* * * * * *' }, 'schedule_invalid')
  await refused({ rows: 4 }, 'schedule_invalid')
  await refused({ cron: null }, 'schedule_invalid')
  await refused({ folder: 'relative' }, 'schedule_invalid')
  await refused({ folder: join(s.data, 'vault') }, 'schedule_invalid')
  await refused({ dataset: '../up' }, 'name_invalid')
  await refused({ folder: '/dev/null/x' }, 'export_failed')
  t.strictSame(await s.schedules.list(), [])
  const { id } = await s.schedules.create(weekly)
  await s.schedules.remove(id)
  await t.rejects(s.schedules.remove(id), { code: 'schedule_not_found' })
  await corrections(s, 12, 2)
  s.clock.now += 8 * 24 * hour
  await s.schedules.tick()
  t.strictSame(await s.files(), [])
})

test('a start sweeps what a killed server left half written', async t => {
  const s = await scheduling(t, await world(t))
  await mkdir(join(s.data, 'exports', 'schedule_1'), { recursive: true })
  await writeFile(join(s.data, 'exports', 'schedule_1', '.part-0f8fad5b-d9cb-469f-a165-70867728950e'), 'half')
  await s.schedules.start()
  t.strictSame(await s.files(), [])
})

test('a start takes out of the files what went before the server was killed, also of those that an older one wrote', async t => {
  const s = await scheduling(t, await world(t))
  const answers = await corrections(s, 20, 3)
  await s.schedules.create(byRows(5))
  await s.schedules.tick()
  const { path, rows } = (await s.schedules.exported(1))[0]!
  await s.database.commit([query('update exports set lacks = null')])
  for (const id of answers.slice(0, 30)) await s.interactions.remove({ tenant, user: null }, id)
  const later = openSchedules(s.parts)
  t.teardown(() => later.close())
  await later.start()
  await until(async () => (await later.exported(1))[0]!.rows < rows)
  t.equal((await readFile(path, 'utf8')).trimEnd().split('\n').length, (await Array.fromAsync(s.datasets.rows((await later.exported(1))[0]!.dataset, 'train'))).length)
})

test('cron expressions go by the server\'s clock on the wall', t => {
  t.equal(dueAfter('30 4 * * *', Date.parse('2026-03-04T12:00:00')), Date.parse('2026-03-05T04:30:00'))
  t.end()
})
