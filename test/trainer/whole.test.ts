import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import type { Run } from '../../src/training/training.ts'
import { startServer, type LiveServer } from '../support/server.ts'
import { checks, filters, read, someone, talk } from '../support/talking.ts'
import { trainerPython } from './support.ts'

const found = await trainerPython()
const skip = 'missing' in found ? found.missing : false
const people = 16
/** As little as it can be and still go through everything. */
const small = { dataset: '', name: 'house', checks, examples: 0, hyper: { epochs: 1, rank: 4, kl: 0.5 } }

interface Shown extends Omit<Run, 'adapter'> { readonly adapter: { readonly name: string, readonly version: number } | null }

test('a training goes on after kill -9, leaves out who is erased meanwhile, ends in a verdict, and leaves no text of anybody', { skip, timeout: 1_200_000 }, async t => {
  const python = 'python' in found ? found.python : ''
  const first = await startServer(t, [], { ENGRAFT_PYTHON: python })
  await talk(first, people, 4)
  const dataset = await built(first)

  const { id } = await read<Shown>(await first.post('/admin/training', { ...small, dataset }))
  await until(first, id, ({ stage }) => stage === 'training')
  first.process.kill('SIGKILL')
  await once(first.process, 'exit')

  const server = await startServer(t, [], { ENGRAFT_PYTHON: python }, first.data)
  await until(server, id, ({ stage }) => stage === 'training')
  const folder = join(server.data, 'training', id)
  const before = await rowsIn(folder)
  const gone = await someone(server, people, dataset, 'train')
  const receipt = await read<{ readonly datasets: readonly string[] }>(await fetch(`${server.url}/v1/users/${gone}`, { method: 'DELETE' }))
  t.match(receipt.datasets, ['house@1'], 'the receipt names what held rows of theirs')
  // Its files went with the erasure, or hold the others only.
  t.ok(await rowsIn(folder) < before, 'no row of theirs is in the job when the erasure is done')

  const done = await until(server, id, ({ stage }) => stage === 'done' || stage === 'failed')
  t.equal(done.failure, null)
  t.ok(done.verdict !== null && done.verdict.steps.some(({ name }) => name === 'parity'), 'every step of the gate is told')
  t.equal(done.verdict?.steps.find(({ name }) => name === 'parity')?.passed, true, done.verdict?.words ?? 'no verdict')
  t.equal(done.erased, 0, 'it learnt from nobody who was erased')
  t.same((await readdir(folder)).filter(name => !['out', 'report'].includes(name)), [], 'nothing is left but the adapter and the report')
  t.notOk((await readdir(join(folder, 'out'))).some(name => name.startsWith('checkpoint')))
  for (const file of ['report.md', 'report.json', 'card.md', 'loss.svg']) t.equal((await fetch(`${server.url}/admin/training/${id}/report?file=${file}`)).status, 200, file)

  const again = await read<Shown>(await server.post('/admin/training', { ...small, dataset }))
  const twin = await until(server, again.id, ({ stage }) => stage === 'done' || stage === 'failed')
  t.equal(twin.digest, done.digest, 'the same data and settings make the same bytes')

  const third = await read<Shown>(await server.post('/admin/training', { ...small, dataset, hyper: { ...small.hyper, seed: 2 } }))
  await until(server, third.id, ({ stage }) => stage === 'training')
  const cancelled = await read<Shown>(await server.post(`/admin/training/${third.id}/cancel`, {}))
  t.equal(cancelled.stage, 'cancelled')
  t.notOk(existsSync(join(server.data, 'training', third.id)), 'nothing of a cancelled run is left')
  t.equal(await server.stop(), 0)
})

async function built (server: LiveServer): Promise<string> {
  let version = await read<{ id: string, state: string, failure: unknown }>(await server.post('/admin/datasets', { name: 'house', filters }))
  while (version.state === 'building') {
    await sleep(300)
    version = await read(await fetch(`${server.url}/admin/datasets/${version.id}`))
  }
  if (version.state !== 'ready') throw new Error(JSON.stringify(version.failure))
  return version.id
}

async function rowsIn (folder: string): Promise<number> {
  const text = await readFile(join(folder, 'job', 'train.jsonl'), 'utf8').catch(() => '')
  return text.split('\n').length - 1
}

async function until (server: LiveServer, id: string, there: (run: Shown) => boolean): Promise<Shown> {
  while (true) {
    const run = await read<Shown>(await fetch(`${server.url}/admin/training/${id}`))
    if (there(run) || run.stage === 'failed') return run
    await sleep(300)
  }
}
