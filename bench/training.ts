/**
 * What a training costs: how long it takes with its gate and its report,
 * against what was said before, and what it does to those who chat meanwhile.
 * Nothing is asserted.
 *
 *   npm run bench:training [-- alone|beside] [quick]
 *
 * `alone`: about 300 corrected answers of some 120 tokens, two epochs, with
 * nothing else asked of the server. `beside`: streamed answers one after the
 * other while nothing is trained, while something is trained, while it is
 * evaluated, and while nothing is again. `quick` only shows that all of it
 * works.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TokenRow } from '../src/training/trainer.ts'
import type { Estimate, Stage } from '../src/training/training.ts'
import { type LiveServer, spawnServer } from '../test/support/server.ts'
import { collect, placeOf, read } from './learning/collect.ts'
import { build, type Run, start, until } from './learning/run.ts'
import { checks, style } from './learning/style.ts'
import type { Task } from './learning/task.ts'
import { quantile, spread } from './memory/shared.ts'
import { gaps, streamed } from './serve/stream.ts'

const given = process.argv.slice(2)
const quick = given.includes('quick')
const wanted = (part: string): boolean => given.includes(part) || !['alone', 'beside'].some(part => given.includes(part))
/** With three answers each, one in five people held out: 324 answers to learn from, of which one in ten tells when it has learnt enough. */
const people = quick ? 20 : 135
const answers = quick ? 5 : 40
const tenant = 'costs'
const path = '/admin/training'
const folder = await mkdtemp(join(tmpdir(), 'engraft-training-'))

/** The house style with so much more to say that a row comes to some 120 tokens. */
function longer (task: Task): Task {
  return { ...task, people: task.people.map(person => ({ ...person, questions: person.questions.map(({ text, right }) => ({ text, right: right!.replace('\nTopic', ' We will write to you again within two working days.\nTopic') })) })) }
}

const server = await spawnServer(join(folder, 'data'))
try {
  await collect(await placeOf(server, tenant), longer(style(3, people)))
  const { id: dataset } = await build(server, tenant)
  if (wanted('alone')) await alone(server, dataset)
  if (wanted('beside')) await beside(server, dataset)
} finally {
  await server.stop()
  await rm(folder, { recursive: true })
}

async function alone (server: LiveServer, dataset: string): Promise<void> {
  const before = await estimated(server, dataset)
  const begun = await started(server, dataset, {})
  await come(server, begun, 'training')
  const lengths = (await readFile(join(server.data, 'training', begun.id, 'job', 'train.jsonl'), 'utf8')).trim().split('\n').map(line => {
    const { prompt, completion } = JSON.parse(line) as TokenRow
    return prompt.length + completion.length
  })
  const { took, verdict } = await come(server, begun, 'done')
  const seconds = Object.values(took).reduce((sum, ms) => sum + ms, 0) / 1000
  console.log(`${lengths.length} rows of ${(lengths.reduce((sum, length) => sum + length, 0) / lengths.length).toFixed(0)} tokens, 2 epochs, with gate and report: ${(seconds / 60).toFixed(1)} minutes (${Object.entries(took).map(([stage, ms]) => `${stage} ${(ms / 60_000).toFixed(1)}`).join(', ')})`)
  console.log(`estimated before, from a short test: ${(before.seconds / 60).toFixed(1)} minutes, ${(before.seconds / seconds).toFixed(2)} of what it took`)
  const after = await estimated(server, dataset)
  console.log(`estimated for the same again, from ${after.runs} run: ${(after.seconds / 60).toFixed(1)} minutes, ${(after.seconds / seconds).toFixed(2)} of what it took`)
  console.log(`verdict: ${verdict?.words}`)
}

async function beside (server: LiveServer, dataset: string): Promise<void> {
  const before = await written(server)
  // Half as long, and the same work while it lasts.
  const begun = await started(server, dataset, { epochs: 1, seed: 2 })
  await come(server, begun, 'training')
  // Python has its libraries and the base by then.
  await sleep(30_000)
  const training = await written(server)
  const { stage } = await read<Run>(await fetch(`${server.url}${path}/${begun.id}`))
  if (stage !== 'training') console.log(`it was ${stage} before the last answer was written`)
  await come(server, begun, 'evaluating')
  const evaluating = await written(server)
  await read(await server.post(`${path}/${begun.id}/cancel`, {}))
  const after = await written(server)
  const idle = [...before, ...after]
  for (const [name, times] of Object.entries({ 'nothing is trained': idle, 'something is trained': training, 'it is evaluated': evaluating })) console.log(`between tokens while ${name.padEnd(22)} ${spread(times)}`)
  for (const [name, times] of Object.entries({ training, evaluating })) console.log(`while ${name}, against idle: p50 ${(quantile(times, 0.5) / quantile(idle, 0.5)).toFixed(2)}, p95 ${(quantile(times, 0.95) / quantile(idle, 0.95)).toFixed(2)}`)
}

/** Milliseconds between the tokens of answers, one after the other. */
async function written (server: LiveServer): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < answers; i++) {
    times.push(...gaps(await streamed(server.url, { messages: [{ role: 'user', content: `Tell me a long story about number ${i}.` }], temperature: 0, max_tokens: 48, logit_bias: { 0: -100, 2: -100 }, stream: true, stream_options: { include_usage: true } })))
  }
  return times
}

function body (dataset: string, hyper: object): object { return { dataset, tenant, checks, method: 'sft', hyper: { epochs: quick ? 1 : 2, ...hyper } } }

async function estimated (server: LiveServer, dataset: string): Promise<Estimate> { return await start<Estimate>(server, path, { ...body(dataset, {}), dry_run: true }) }

async function started (server: LiveServer, dataset: string, hyper: object): Promise<Run> { return await start<Run>(server, path, body(dataset, hyper)) }

/** Waits until it has come so far. Throws where it failed. */
async function come (server: LiveServer, run: Run, stage: Stage): Promise<Run> {
  const now = await until(server, path, run, now => [stage, 'done', 'failed'].includes(now.stage))
  if (now.failure !== null) throw new Error(now.failure.message)
  return now
}
