import { test } from 'tap'
import { listAudit } from '../../src/access/audit.ts'
import { query } from '../../src/database/sql.ts'
import { problem } from '../../src/errors.ts'
import { type World, corrections, tenant } from '../datasets/fixtures.ts'
import { settings, world } from './looping.ts'

const hour = 3_600_000

/** Corrections by so many people, so that some of them are learnt from, whoever is held out. */
async function more ({ corrected }: Pick<World, 'corrected'>, label: string, people = 6): Promise<void> {
  for (let i = 0; i < people; i++) await corrected(`${label}-${i}`, `How do I mend the ${label} thing with number ${i * 37} that I bought in ${i + 3}?`, 'No idea.', `Take the ${label} tool for ${i * 37} from shelf ${i + 3}.`)
}

test('collects until there is enough, and makes the first version live by itself', async t => {
  const made = await world(t)
  const { loops, adapters, until } = made
  t.match(await loops.set(settings, 'local'), { step: 'idle', words: 'Nothing new was said of any answer yet.', round: null, rounds: [], fresh: 0 })
  await corrections(made, 6, 3)
  await loops.tick()
  t.match(await loops.find('house'), { step: 'collecting', fresh: 18, round: null, words: '18 new pieces of evidence came yet, and 20 make the next round begin.' })
  await made.corrected('late', 'How do I water the fern in the hall?', 'No idea.', 'Once a week, in the hall.')
  await made.corrected('late', 'Where is the key of the cellar?', 'No idea.', 'It hangs behind the door of the kitchen.')
  const steps = new Set<string>()
  const over = await until(({ step, rounds }) => { steps.add(step); return rounds.length === 1 })
  t.ok(steps.has('building') || steps.has('training'), [...steps].join())
  t.match(over, { step: 'idle', fresh: 0, round: null, rounds: [{ number: 1, reason: 'rows', outcome: 'live', version: 1, canary: null, words: 'house@1 answers under its name. The gate says promote.' }] })
  t.equal(adapters.find('house')?.live, 1)
  const [round] = over.rounds
  t.match(await made.training.find(round!.run!), { wanted: { dataset: round!.dataset, name: 'house', tenant }, adapter: { version: 1 } })
  t.match((await listAudit(made.database, { limit: 20 })).filter(({ action }) => /^loop\./.test(action)).map(({ actor, action }) => `${actor} ${action}`), ['loop loop.end', 'loop loop.run', 'local loop.set'])
})

test('the next version is a canary first, and what becomes of that ends the round', async t => {
  const made = await world(t)
  const { loops, adapters, canaries, until } = made
  await loops.set(settings, 'local')
  await corrections(made, 12, 3)
  await until(({ rounds }) => rounds.length === 1)
  for (const outcome of ['live', 'refused'] as const) {
    const before = adapters.find('house')!.live
    await more(made, outcome, 20)
    const trying = await until(({ step }) => step === 'canary')
    t.match(trying.words, /answers 50 of 100 people\. \S/)
    t.equal(adapters.find('house')!.live, before)
    t.equal(adapters.find('house')!.canary?.version, trying.round!.version)
    if (outcome === 'live') await adapters.promote('house', trying.round!.version!, 'local')
    else await canaries.end('house', 'local')
    const { rounds: [last] } = await until(({ round }) => round === null)
    t.match(last, { outcome, canary: trying.round!.canary })
    t.equal(adapters.find('house')!.live, outcome === 'live' ? trying.round!.version : before)
  }
})

test('a person decides where the gate cannot, or where each candidate waits for one', async t => {
  const made = await world(t)
  const { loops, adapters, trainer, until } = made
  await loops.set({ ...settings, approval: 'person' }, 'local')
  await corrections(made, 12, 3)
  const waits = await until(({ step }) => step === 'waiting')
  t.match(waits.words, /^house@1 waits for a person .* The gate says promote\.$/)
  await loops.tick()
  t.equal(adapters.find('house')!.live, null, 'nothing goes live by itself')
  await t.rejects(loops.decide('house', 'canary', 'ada'), { code: 'adapter_not_live' }, 'a canary needs something to compare with')
  t.match(await loops.decide('house', 'live', 'ada'), { round: null, rounds: [{ outcome: 'live' }] })
  t.equal(adapters.find('house')!.live, 1)
  await t.rejects(loops.decide('house', 'live', 'ada'), { code: 'loop_not_waiting' })

  trainer.decision = 'person'
  await loops.set(settings, 'local')
  await more(made, 'late')
  await loops.run('house', 'ada')
  await until(({ step }) => step === 'waiting')
  t.match(await loops.decide('house', 'canary', 'ada'), { step: 'canary' })
  t.match(await loops.decide('house', 'refuse', 'ada'), { round: null, rounds: [{ reason: 'asked', outcome: 'stopped', words: 'Ended by ada.' }, {}] })
  t.match(adapters.find('house'), { live: 1, canary: null })

  // What a person does by hand is seen.
  await more(made, 'later')
  await loops.run('house', 'ada')
  const { round } = await until(({ step }) => step === 'waiting')
  await adapters.promote('house', round!.version!, 'ada')
  t.match((await until(({ round }) => round === null)).rounds[0], { outcome: 'live' })
})

test('what the gate refuses is told and not served, and the same evidence does not begin another round', async t => {
  const made = await world(t)
  const { loops, adapters, trainer, until } = made
  trainer.decision = 'refuse'
  await loops.set(settings, 'local')
  await corrections(made, 12, 3)
  t.match(await until(({ rounds }) => rounds.length === 1), { step: 'idle', rounds: [{ outcome: 'refused', version: null, words: 'The gate says refuse.' }] })
  await loops.tick()
  t.equal((await loops.find('house')).round, null)
  t.equal(adapters.find('house'), null)
})

test('too few rows, too many, too long, and what broke', async t => {
  const made = await world(t)
  const { loops, trainer, until, time } = made
  const last = async (number: number) => (await until(({ rounds, round }) => round === null && rounds[0]?.number === number)).rounds[0]
  await loops.set({ ...settings, filters: { length: { leastAnswer: 5000 } } }, 'local')
  await corrections(made, 12, 3)
  t.match(await last(1), { outcome: 'refused', words: /^No row is left/ })
  await loops.set({ ...settings, budget: { minutes: null, rows: 5 } }, 'local')
  await loops.run('house', 'local')
  t.match(await last(2), { outcome: 'refused', words: /^house@\d+ has \d+ rows to learn from, and the budget of a round is 5\.$/ })
  trainer.estimate = { seconds: 601, bytes: 1, runs: 1 }
  await loops.set({ ...settings, budget: { minutes: 10, rows: null } }, 'local')
  await loops.run('house', 'local')
  t.match(await last(3), { outcome: 'refused', words: /would take about 11 minutes, and the budget of a round is 10\.$/ })

  trainer.estimate = { seconds: 60, bytes: 1, runs: 1 }
  trainer.takes = 60_000
  await more(made, 'late', 20)
  // One that waits for its turn is told as training too, and spends no budget.
  await until(({ words }) => words.endsWith(': training.'))
  await loops.tick()
  time.now = Date.now() + 11 * 60_000
  t.match(await last(4), { outcome: 'refused', words: /^Its training was still under way after the 10 minutes/ })
  trainer.takes = 5
  await more(made, 'later', 20)
  trainer.failures = [problem('training_diverged', { detail: 'the loss is not a number' })]
  await loops.run('house', 'local')
  t.match(await last(5), { outcome: 'failed', words: /^The training diverged/ })

  // What failed is tried again, an hour later; what was refused waits for more evidence.
  await loops.tick()
  t.equal((await loops.find('house')).round, null)
  time.now = Date.now() + 2 * hour
  t.match(await last(6), { outcome: 'live', reason: 'rows' })
})

test('the cool-down, cron, and a pause', async t => {
  const made = await world(t)
  const { loops, until, time } = made
  await loops.set({ ...settings, rows: 1, cooldown: 24 }, 'local')
  await corrections(made, 12, 3)
  await until(({ rounds }) => rounds.length === 1)
  await more(made, 'one')
  await loops.tick()
  t.match(await loops.find('house'), { step: 'collecting', round: null, words: /^6 new pieces of evidence came since round 1; the next round begins no sooner than \S+Z\.$/ })
  time.now = Date.now() + 25 * hour
  await loops.pause('house', true, 'local')
  await loops.tick()
  t.match(await loops.find('house'), { round: null, words: /^Paused\. / })
  await t.rejects(loops.run('house', 'local'), { code: 'loop_paused' })
  await loops.pause('house', false, 'local')
  await until(({ step }) => step === 'canary')
  await t.rejects(loops.run('house', 'local'), { code: 'loop_running' })
  await loops.decide('house', 'live', 'local')

  await loops.set({ ...settings, rows: null, cron: '0 3 * * *', cooldown: 0 }, 'local')
  time.now += 25 * hour
  await loops.tick()
  t.match(await loops.find('house'), { step: 'idle', round: null }, 'at its time, but there is nothing new')
  await more(made, 'two')
  await loops.tick()
  const collecting = await loops.find('house')
  t.match(collecting, { step: 'collecting', round: null })
  t.ok(collecting.next! > time.now && collecting.next! <= time.now + 24 * hour)
  time.now += 24 * hour
  t.match(await until(({ step }) => step === 'canary'), { round: { reason: 'schedule', number: 3 } })
})

test('rows of the live version that are erased begin a round without them, unless it is told not to', async t => {
  const made = await world(t)
  const { loops, adapters, erasures, until, database } = made
  await loops.set({ ...settings, retrain: false }, 'local')
  await corrections(made, 12, 3)
  await until(({ rounds }) => rounds.length === 1)
  const learntOf = async (): Promise<string[]> => (await database.all(query<{ user: string }>("select distinct o.user from dataset_rows r join owners o on o.id = r.owner where r.split = 'train' order by 1"))).map(({ user }) => user)
  const [first, second] = await learntOf()
  await erasures.erase({ tenant, user: first! })
  await loops.tick()
  t.equal((await loops.find('house')).round, null)
  await loops.set(settings, 'local')
  const { rounds: [last] } = await until(({ rounds, round }) => round === null && rounds.length === 2)
  t.match(last, { reason: 'erased', outcome: 'live', canary: null, version: 2 }, 'it is not compared with what may not stay')
  t.equal(adapters.find('house')!.live, 2)
  await loops.tick()
  t.equal((await loops.find('house')).round, null, 'what is live now never saw them')

  // A candidate that learnt from somebody who is erased while it waits begins anew without them.
  await loops.set({ ...settings, approval: 'person' }, 'local')
  await more(made, 'late')
  await loops.run('house', 'local')
  const waits = await until(({ step }) => step === 'waiting')
  await erasures.erase({ tenant, user: second! })
  const anew = await until(({ step, round }) => step === 'waiting' && round!.run !== waits.round!.run)
  t.equal(anew.round!.number, waits.round!.number)
  t.not(anew.round!.dataset, waits.round!.dataset)
  t.equal((await made.training.find(anew.round!.run!)).erased, 0)
  t.equal(anew.round!.reason, 'erased')

  // And where that goes on, it does not go round for ever.
  const third = (await learntOf()).find(user => user.startsWith('late'))
  await erasures.erase({ tenant, user: third! })
  t.match((await until(({ round }) => round === null)).rounds[0], { outcome: 'failed', words: /were erased while it was judged, once more\.$/ })
})

test('rows whose people take back their leave are gone too, and a person cannot let live what learnt from them', async t => {
  const made = await world(t)
  const { loops, adapters, policies, until, database } = made
  await loops.set({ ...settings, approval: 'person' }, 'local')
  await corrections(made, 12, 3)
  await until(({ step }) => step === 'waiting')
  const [learnt] = await database.all(query<{ user: string }>("select distinct o.user from dataset_rows r join owners o on o.id = r.owner where r.split = 'train' order by 1"))
  await loops.pause('house', true, 'local')
  await policies.change({ tenant, user: learnt!.user }, { training: false })
  await t.rejects(loops.decide('house', 'live', 'ada'), { code: 'loop_not_waiting', message: /were erased/ })
  t.equal(adapters.find('house')!.live, null)
  await loops.set({ ...settings, approval: 'person', paused: null, retrain: false }, 'local')
  t.equal((await loops.find('house')).settings.paused, true, 'other settings let nothing go on')
  await loops.pause('house', false, 'local')
  t.match((await until(({ round }) => round === null)).rounds[0], { outcome: 'refused', words: 'Rows that it learnt from were erased while it was judged.' })

  await loops.set(settings, 'local')
  await loops.run('house', 'local')
  await until(({ rounds }) => rounds[0]?.outcome === 'live')
  await policies.change({ tenant, user: (await database.all(query<{ user: string }>(`select distinct o.user from dataset_rows r join owners o on o.id = r.owner where r.split = 'train' and r.dataset = '${(await loops.find('house')).rounds[0]!.dataset}' order by 1`)))[0]!.user }, { training: false })
  t.match((await until(({ rounds }) => rounds[0]?.reason === 'erased')).rounds[0], { outcome: 'live', version: 3 })
})

test('what somebody took off, or removed, does not come back by itself, and what was tried once is not tried again', async t => {
  const made = await world(t)
  const { loops, adapters, canaries, until } = made
  await loops.set(settings, 'local')
  await corrections(made, 12, 3)
  await until(({ rounds }) => rounds.length === 1)
  await adapters.retire('house', 'ada')
  await more(made, 'late')
  await loops.run('house', 'local')
  const waits = await until(({ step }) => step === 'waiting')
  t.equal(adapters.find('house')!.live, null)
  await adapters.remove('house', waits.round!.version, 'ada')
  t.match((await until(({ round }) => round === null)).rounds[0], { outcome: 'stopped', words: 'house@2 was removed.' })

  await adapters.promote('house', 1, 'ada')
  await more(made, 'later')
  await loops.run('house', 'local')
  await until(({ step }) => step === 'canary')
  // It ends while the loop does not look.
  await loops.pause('house', true, 'local')
  await canaries.end('house', 'ada')
  await loops.pause('house', false, 'local')
  t.match((await until(({ round }) => round === null)).rounds[0], { outcome: 'refused' })
  await more(made, 'latest')
  await loops.run('house', 'local')
  await until(({ step }) => step === 'canary')
  await loops.remove('house', 'ada')
  t.equal(adapters.find('house')!.canary, null, 'nothing of a removed loop goes on')
})

test('a clock that was set back silences no loop', async t => {
  const made = await world(t)
  const { loops, until, time } = made
  const year = 365 * 24 * hour
  time.now = Date.now() + year
  await loops.set({ ...settings, cooldown: 24 }, 'local')
  await corrections(made, 12, 3)
  await until(({ rounds }) => rounds.length === 1)
  await more(made, 'late', 20)
  await loops.tick()
  t.equal((await loops.find('house')).round, null)
  time.now = 0
  await until(({ round }) => round !== null)
  await loops.decide('house', 'refuse', 'local')
  time.now = Date.now() + year
  await loops.set({ ...settings, rows: null, cron: '0 3 * * *', cooldown: 0 }, 'local')
  time.now = 0
  await more(made, 'later')
  await loops.tick()
  time.now = Date.now() + 25 * hour
  await until(({ round }) => round?.reason === 'schedule')
})

test('a step that fails for a while is told and tried again', async t => {
  const made = await world(t)
  const { loops, adapters, until, canaries, time } = made
  await loops.set(settings, 'local')
  await corrections(made, 12, 3)
  await until(({ rounds }) => rounds.length === 1)
  await more(made, 'late')
  await loops.run('house', 'local')
  await until(({ step }) => step === 'canary')
  await loops.decide('house', 'refuse', 'local')
  // Somebody tries an older version by hand, and a name has one canary at a time.
  await canaries.start('house', { version: 2, percent: 10, smallest: 0.3 }, 'ada')
  await more(made, 'later')
  await loops.run('house', 'local')
  t.match(await until(({ words }) => words.includes('cannot go on now')), { words: /house@3 has passed the gate\. It cannot go on now, and tries again every minute: A canary of 'house' is under way/ })
  await canaries.end('house', 'ada')
  await loops.tick()
  t.equal(adapters.find('house')!.canary, null, 'not before a minute is over')
  time.now = Date.now() + 61_000
  await until(({ step }) => step === 'canary')
  t.equal(adapters.find('house')!.canary?.version, 3)
})

test('what cannot be a loop', async t => {
  const { loops } = await world(t)
  for (const [given, error] of [
    [{ rows: null }, { code: 'loop_invalid', param: 'cron' }],
    [{ cron: '0 3 * * *' }, { code: 'loop_invalid', param: 'cron' }],
    [{ rows: null, cron: 'every day' }, { code: 'loop_invalid', param: 'cron' }],
    [{ rows: null, cron: '0 0 30 2 *' }, { code: 'loop_invalid', param: 'cron' }],
    [{ filters: { length: { prompt: 5 } } }, { code: 'invalid_request' }],
    [{ name: '../house' }, { code: 'name_invalid' }],
    [{ name: 'tiny' }, { code: 'name_taken' }]
  ] as const) await t.rejects(loops.set({ ...settings, ...given }, 'local'), error)
  t.strictSame(await loops.list(), [])
  await loops.set(settings, 'local')
  await t.rejects(loops.set({ ...settings, tenant: 'other' }, 'local'), { code: 'loop_invalid', param: 'tenant' })
  for (const work of [loops.find('no'), loops.run('no', 'l'), loops.pause('no', true, 'l'), loops.decide('no', 'live', 'l'), loops.remove('no', 'l')]) await t.rejects(async () => { await work }, { code: 'loop_not_found' })
  await loops.remove('house', 'local')
  t.strictSame(await loops.list(), [])
})
