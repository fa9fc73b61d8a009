import { createServer, request } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { mkdir, readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { type Test, test } from 'tap'
import { exportDataset } from '../../src/cli/exports.ts'
import { review } from '../../src/cli/reviews.ts'
import { addSchedule, listSchedules, removeSchedule } from '../../src/cli/schedules.ts'
import { openReviews } from '../../src/datasets/open-reviews.ts'
import { freshFolder } from '../database/fixtures.ts'
import { tenant } from '../datasets/fixtures.ts'
import { feedbackStore } from '../interactions/feedback.ts'
import { interaction } from '../interactions/fixtures.ts'
import { appFor, listening } from '../support/app.ts'
import { exporting } from './exporting.ts'

async function open (t: Test) {
  const made = await exporting(t)
  const { exports, schedules } = made
  const { url } = await listening(await appFor(t, { datasets: made.datasets, exports, schedules }))
  const out = join(freshFolder(t), 'house.jsonl')
  const output = new PassThrough().setEncoding('utf8')
  const flags = { format: 'trl-sft', out, split: 'train', tenant }
  return { ...made, url, out, output, flags, said: () => String(output.read() ?? '') }
}

/** What the server sends, of which the first replies are cut off after so many bytes. */
async function cutting (t: Test, url: string, cuts: number[]): Promise<string> {
  const relay = createServer((incoming, outgoing) => {
    request(new URL(incoming.url!, url), { method: incoming.method, headers: { ...incoming.headers, host: new URL(url).host } }, reply => {
      outgoing.writeHead(reply.statusCode!, reply.headers)
      const cut = incoming.url!.includes('/export?') ? cuts.shift() : undefined
      let passed = 0
      reply.on('data', (chunk: Buffer) => {
        outgoing.write(cut === undefined ? chunk : chunk.subarray(0, cut - passed))
        passed += chunk.length
        if (cut !== undefined && passed >= cut) setTimeout(() => { outgoing.destroy() }, 50)
      }).on('end', () => { if (cut === undefined) outgoing.end() })
    }).end()
  }).listen(0, '127.0.0.1')
  await once(relay, 'listening')
  t.teardown(() => { relay.closeAllConnections(); relay.close() })
  return `http://127.0.0.1:${(relay.address() as AddressInfo).port}`
}

test('a version is written to a file by its id, its name or both, and what is in it is said', async t => {
  const s = await open(t)
  for (const dataset of [s.version.id, 'house', 'house@1']) t.equal(await exportDataset({ url: s.url, key: null }, dataset, s.flags, s.output), true)
  const rows = (await readFile(s.out, 'utf8')).trimEnd().split('\n').length
  t.match(s.said(), new RegExp(`100 %.*\n.*has ${rows} rows\\.`))
  await exportDataset({ url: s.url, key: null }, 'house', { ...s.flags, format: 'openai-sft' }, s.output)
  t.match(s.said(), rows < 50 ? /Mind: gains are usually seen/ : /has/)
  await t.rejects(exportDataset({ url: s.url, key: null }, 'house', { ...s.flags, format: 'trl-kto' }, s.output), { name: 'ServerError', message: /would be refused/ })
  await t.rejects(exportDataset({ url: s.url, key: null }, 'barn', s.flags, s.output), { name: 'ServerError', message: /no ready version of a data set 'barn'/ })
  await t.rejects(exportDataset({ url: s.url, key: null }, 'house', { ...s.flags, out: join(s.out, 'x') }, s.output), { name: 'ServerError', message: /cannot be written/ })
  t.strictSame(await readdir(join(s.out, '..')), ['house.jsonl'], 'nothing lies beside')
})

test('a connection that is lost is taken up where it ended', async t => {
  const s = await open(t)
  await exportDataset({ url: s.url, key: null }, 'house', s.flags, s.output)
  const whole = await readFile(s.out)
  const cuts = [1000, 2000, 1500]
  await exportDataset({ url: await cutting(t, s.url, cuts), key: null }, 'house', s.flags, s.output)
  t.strictSame(cuts, [], 'it was cut off three times')
  t.ok((await readFile(s.out)).equals(whole))
})

test('Ctrl-C leaves what was there', async t => {
  const s = await open(t)
  await mkdir(join(s.out, '..'), { recursive: true })
  const hung = createServer(() => {}).listen(0, '127.0.0.1')
  await once(hung, 'listening')
  t.teardown(() => { hung.closeAllConnections(); hung.close() })
  const exporting = exportDataset({ url: `http://127.0.0.1:${(hung.address() as AddressInfo).port}`, key: null }, s.version.id, s.flags, s.output)
  await new Promise(resolve => setTimeout(resolve, 200))
  process.emit('SIGINT')
  t.equal(await exporting, false)
  t.strictSame(await readdir(join(s.out, '..')), [])
})

test('schedules are added, listed and removed from the terminal', async t => {
  const s = await open(t)
  const lines: string[] = []
  const print = (line: string): void => { lines.push(line) }
  const server = { url: s.url, key: null }
  await listSchedules(server, print)
  await addSchedule(server, 'house', { format: 'trl-sft', rows: '5', tenant }, print)
  await addSchedule(server, 'house', { format: 'bedrock', cron: '0 3 * * 1', tenant }, print)
  await s.schedules.tick()
  await listSchedules(server, print)
  t.match(lines, ['Nothing is exported by itself.', /^schedule_\w+ exports house after 5 new/, /exports house at '0 3 \* \* 1', next \d{4}-/, /^ID/, /acme\/house +trl-sft +train +after 5 .*trl-sft\.jsonl, \d+ rows/, /nothing yet/])
  await removeSchedule(server, lines[1]!.split(' ')[0]!, print)
  await t.rejects(addSchedule(server, 'house', { format: 'trl-sft', rows: 'many' }, print), { name: 'ServerError', message: /--rows is 'many'/ })
  await t.rejects(addSchedule(server, 'house', { format: 'trl-sft' }, print), { name: 'ServerError', message: /either 'cron'/ })
})

test('answers are reviewed from the terminal', async t => {
  const store = await feedbackStore(t)
  const made = interaction({ training: true })
  await store.interactions.record(made)
  await store.say(made.owner, { kind: 'correction', value: 'Better.', completion: made.id })
  const { url } = await listening(await appFor(t, { reviews: openReviews({ database: store.database, feedback: store.feedback }) }))
  const server = { url, key: null }
  const lines: string[] = []
  const print = (line: string): void => { lines.push(line) }
  await review(server, undefined, {}, print)
  t.match(lines.splice(0), [new RegExp(`^${made.id} .*acme/ada`), '  asked     hello', '  answered  hi', '  correction Better.'])
  await t.rejects(review(server, made.id, { approve: true, reject: true, reviewer: 'rita' }, print), { message: /--approve, --edit TEXT or --reject/ })
  await t.rejects(review(server, made.id, { approve: true }, print), { message: /--reviewer NAME/ })
  await review(server, made.id, { edit: 'Best.', reviewer: 'rita' }, print)
  await review(server, undefined, {}, print)
  t.strictSame(lines, [`${made.id} is edited.`, 'No answer waits for a review.'])
})
