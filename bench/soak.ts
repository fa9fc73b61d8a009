/**
 * A soak: half an hour of everything at once against one real server with the
 * default model, to see whether anything fails, mixes or grows.
 *
 *   npm run soak [-- MINUTES] [--seed N]
 *
 * Five people talk (remembered, streamed or not, over HTTP and WebSockets, now
 * and then hanging up or reading slowly), search and judge, while two versions
 * of an adapter are promoted and rolled back, data sets are built and exported,
 * and somebody is erased every minute.
 *
 * What people leave behind has a bound, so that growth is a leak and no data:
 * each of the five comes with a history of one size, is erased after five
 * minutes and comes back with the same; texts, prompts and conversations are of
 * a fixed size, and nobody else is kept anything of. Only versions of the data
 * set and lines of the audit pile up: some kilobytes a minute, on the disk.
 *
 * Exit code 1 if anything failed or mixed, or memory grew by more than a tenth.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { table } from '../src/cli/table.ts'
import { randomOf } from '../src/random.ts'
import { spawnServer, type LiveServer } from '../test/support/server.ts'
import { until } from '../test/support/wire.ts'
import { personOf } from './soak/people.ts'
import { build, erase, prepare, swap } from './soak/staff.ts'
import { talk } from './soak/talk.ts'
import { Tally } from './soak/tally.ts'
import { type Sample, look, watch } from './soak/watch.ts'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { seed: { type: 'string', default: '1' } } })
const minutes = Number(positionals[0] ?? 30)
/** Minutes in which caches fill. Memory is looked at after them and at the end, each time at rest: a data set that happens to be built would count as growth. */
const warm = Math.min(5, minutes / 2)
/** As many at a time as the server has slots. */
const talkers = 4
const most = { must: 1.1, aim: 1.02 }

const folder = await mkdtemp(join(tmpdir(), 'engraft-soak-'))
try {
  const server = await spawnServer(join(folder, 'data'))
  try {
    if (!await soak(server)) process.exitCode = 1
  } finally {
    if (server.process.exitCode === null) await server.stop()
  }
} finally {
  await rm(folder, { recursive: true })
}

async function soak (server: LiveServer): Promise<boolean> {
  const people = ['ada', 'bob', 'cyd', 'dan', 'eve'].map(personOf)
  const tally = new Tally()
  const samples: Sample[] = []
  const randoms = Array.from({ length: talkers }, (_, index) => randomOf(Number(values.seed) * talkers + index))
  await prepare(server, people)
  console.log(`${minutes} minutes, ${talkers} talkers, seed ${values.seed}`)

  async function load (minutes: number): Promise<void> {
    const over = AbortSignal.timeout(minutes * 60_000)
    const staff = { server, people, tally, signal: over }
    const talker = async (random: () => number): Promise<void> => { while (!over.aborted) await talk({ server, people, tally, random }) }
    await Promise.all([...randoms.map(talker), swap(staff), build(staff), erase(staff), watch(server, over, sample => {
      samples.push(sample)
      if (samples.length % 6 === 0) console.log(`${String(samples.length / 6).padStart(3)} min  ${tally.total} requests, ${tally.failed} failed; server ${mb(sample.server)}, engine ${mb(sample.engine)}, database ${mb(sample.database)}`)
    })])
  }

  /** Whoever left must have left nothing behind. */
  async function rest (): Promise<Sample> {
    for (const open of ['engraft_answers_open', 'engraft_base_running', 'engraft_base_waiting', 'engraft_websockets_open', 'engraft_memory_units{state="pending"}']) await until(async () => await server.metric(open) === 0, 60_000).catch(() => tally.fail(`${open} is not 0 at rest`))
    return await look(server)
  }

  await load(warm)
  const before = await rest()
  await load(minutes - warm)
  const after = await rest()
  const restarts = await server.metric('engraft_engine_restarts_total')
  if (restarts > 0) tally.fail(`the engine was started again ${restarts} times`)
  const end = await server.stop()
  if (end !== 0) tally.fail(`the server ended with ${end}`)
  const errors = server.log().split('\n').filter(line => /"level":[56]0/.test(line)).map(line => JSON.parse(line) as { msg: string, error?: string })
  return print(tally, before, after, samples.map(({ delay }) => delay).toSorted((a, b) => a - b), errors.map(({ msg, error }) => `${msg}: ${error}`))
}

/** `errors`: what the server logged that nobody saw. A recall that came too late for its answer is one, as on a machine that is busy with others. */
function print (tally: Tally, before: Sample, after: Sample, delays: readonly number[], errors: readonly string[]): boolean {
  const ratio = after.all / before.all
  const grown = (name: string, read: (sample: Sample) => number, show = mb): string[] => [name, show(read(before)), show(read(after)), (read(after) / read(before)).toFixed(3)]
  const rows = [
    ['request', 'done', 'erased meanwhile', 'failed'],
    ...tally.kinds().map(({ kind, ...counts }) => [kind, ...[counts.done, counts.expected, counts.failed].map(String)])
  ]
  const sizes = [
    ['at rest', `after ${warm} min`, `after ${minutes} min`, 'ratio'],
    grown('RSS of the server', ({ server }) => server),
    grown('RSS of the engine', ({ engine }) => engine),
    grown('RSS of all processes', ({ all }) => all),
    grown('database', ({ database }) => database),
    grown('open files of the server', ({ files }) => files, String)
  ]
  const lines = [
    ['measure', 'found', 'must', 'aim'],
    ['failed requests', `${tally.failed} of ${tally.total}`, '0', '0'],
    ['errors in the log', String(errors.length), '', '0'],
    ['answers that mix versions', `${tally.mixed} of ${tally.checked}`, '0', '0'],
    ['RSS after / before', ratio.toFixed(3), `≤ ${most.must}`, `≤ ${most.aim}`],
    ['event-loop delay p99, of 10 s: median, longest', `${(delays.at(delays.length >> 1) ?? NaN).toFixed(1)} ms, ${(delays.at(-1) ?? NaN).toFixed(1)} ms`, '', '']
  ]
  for (const part of [rows, sizes, lines]) console.log(`\n${table(part).join('\n')}`)
  for (const [what, count] of [...tally.failures(), ...Map.groupBy(errors, what => `in the log: ${what}`).entries().map(([what, { length }]) => [what, length] as const)]) console.log(`\n${count} × ${what}`)
  return tally.failed === 0 && tally.mixed === 0 && ratio <= most.must
}

function mb (bytes: number): string { return `${(bytes / 1e6).toFixed(0)} MB` }
