import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { openCommandTrainer } from '../../src/training/python/command.ts'
import { openLocalTrainer } from '../../src/training/python/local.ts'
import { trainerFolder } from '../../src/training/python/package.ts'
import { checkResult } from '../../src/training/python/result.ts'
import type { TrainerEvent } from '../../src/training/trainer.ts'
import { alive, root, until } from '../training/python/support.ts'
import { digestOf, makeJobs, notingPython, programOf, trainerPython } from './support.ts'

const found = await trainerPython()
const never = new AbortController().signal

test('a training runs to its end, and one that was interrupted goes on to the same bytes', { skip: 'missing' in found ? found.missing : false, timeout: 600_000 }, async t => {
  if ('missing' in found) return
  const folder = t.testdir()
  const job = await makeJobs(found.python, folder, { whole: { hyper: { epochs: 20, patience: 99 } }, memory: { limits: { rss_mb: 10 } }, altered: {}, foreign: { base_sha256: '0'.repeat(64) } })
  const { python, pids } = await notingPython(found.python, folder)
  const trainer = openLocalTrainer(programOf(python))
  const expected = { baseDigest: job.whole.baseDigest, runId: 'run-1' }
  const [out, parts] = [join(folder, 'out'), join(folder, 'parts')]

  await t.test('it tells how far it is and leaves a whole result', async t => {
    const events: TrainerEvent[] = []
    await trainer.train(job.whole, out, event => events.push(event), never)
    const [start] = events
    t.match(events.slice(0, 2), [{ event: 'start', resumedAt: 0, steps: 120 }, { event: 'valid', epoch: 0, step: 0 }])
    t.strictSame(events.flatMap(event => event.event === 'step' ? [event.step] : []), Array.from({ length: 120 }, (_, step) => step + 1))
    t.match(events.find(event => event.event === 'valid' && event.epoch === 2), { step: 12 })
    t.match(events.at(-1), { event: 'done', steps: start?.event === 'start' ? start.steps : 0, bestEpoch: Number })
    const result = await checkResult(out, expected)
    t.equal(result.digest, await digestOf(join(out, 'adapter.gguf')))
    t.match(events.at(-1), { bestEpoch: result.bestEpoch })
  })

  await t.test('asked again, it only says so again', async t => {
    const events: TrainerEvent[] = []
    await trainer.train(job.whole, out, event => events.push(event), never)
    t.match(events, [{ event: 'done' }])
    t.equal(events.length, 1)
  })

  await t.test('cancelled, killed, and left by a killed server, it goes on where it was', async t => {
    const stop = new AbortController()
    let steps = 0
    await t.rejects(trainer.train(job.whole, parts, event => { if (event.event === 'step' && ++steps === 4) stop.abort(new Error('cancelled')) }, stop.signal), { message: 'cancelled' })
    t.ok((await checkpoints(parts)).length > 0, 'the step it was in is kept')

    const chance = 5 + Math.floor(Math.random() * 30)
    steps = 0
    await t.rejects(trainer.train(job.whole, parts, event => {
      if (event.event === 'step' && ++steps === chance) void pids().then(all => process.kill(all.at(-1)!, 'SIGKILL'))
    }, never), { code: 'training_failed', message: /killed/ }, `killed in step ${chance}`)

    // A server in a process of its own, which is killed without a word.
    const script = `import { openLocalTrainer } from './src/training/python/local.ts'
await openLocalTrainer({ python: { setUp: async () => ({ python: ${JSON.stringify(python)} }) }, environment: process.env, threads: 1 }).train(${JSON.stringify(job.whole)}, ${JSON.stringify(parts)}, event => console.log(event.event, event.step), new AbortController().signal)`
    const server = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
    let last = 0
    server.stdout.setEncoding('utf8').on('data', (text: string) => {
      last = Number([...text.matchAll(/^step (\d+)$/gm)].at(-1)?.[1] ?? last)
      if (text.includes('step')) server.kill('SIGKILL')
    })
    await once(server, 'exit')
    const left = (await pids()).at(-1)!
    await until(() => !alive(left), 'the trainer has ended with its server')
    t.ok(Math.max(...await checkpoints(parts)) >= last, 'and has kept the step it was in')

    const events: TrainerEvent[] = []
    await trainer.train(job.whole, parts, event => events.push(event), never)
    t.ok(events[0]?.event === 'start' && events[0].resumedAt >= last)
    t.equal((await checkResult(parts, expected)).digest, await digestOf(join(out, 'adapter.gguf')), 'the same bytes')
  })

  await t.test('more memory than allowed, altered data and another base are told as what they are', async t => {
    const ended = async (name: 'memory' | 'altered' | 'foreign'): Promise<void> => await trainer.train(job[name], join(folder, `${name}-out`), () => {}, never)
    await t.rejects(ended('memory'), { code: 'training_memory', message: /10 allowed/ })
    await appendFile(join(job.altered.path, 'train.jsonl'), '\n')
    await t.rejects(ended('altered'), { code: 'training_bad_input', message: /train\.jsonl is missing or not what the job was made with/ })
    await t.rejects(ended('foreign'), { code: 'training_bad_base', message: /base\.gguf is not the base of this job/ })
  })

  await t.test('the same trainer behind a command gives the same bytes', async t => {
    const away = join(folder, 'away')
    // As on another machine: a copy of the folders, and nothing of the server's but what the command names.
    const template = `cp -r "$ENGRAFT_JOB" '${away}-job' && cp "$ENGRAFT_BASE" '${away}.gguf' && cd '${trainerFolder}' && \
      PYTHONDONTWRITEBYTECODE=1 '${found.python}' -m engraft_trainer train --job '${away}-job/job.json' --base '${away}.gguf' --out '${away}' --resume && cp -r '${away}' "$ENGRAFT_OUT"`
    const events: TrainerEvent[] = []
    await openCommandTrainer(template, process.env).train(job.whole, join(folder, 'back'), event => events.push(event), never)
    t.match(events.at(-1), { event: 'done' })
    t.equal((await checkResult(join(folder, 'back'), expected)).digest, await digestOf(join(out, 'adapter.gguf')))
  })
})

test('a trainer that cannot be run is a failure with its words', async t => {
  const folder = t.testdir()
  await writeFile(join(folder, 'python'), '#!/bin/sh\necho "Segmentation fault" >&2\nexit 139\n', { mode: 0o755 })
  const job = { path: folder, base: join(folder, 'base.gguf'), baseDigest: '0'.repeat(64) }
  for (const [python, words] of [[join(folder, 'python'), /ended with code 139 \(Segmentation fault\)/], ['/no/such/python', /code 127/]] as const) {
    const thrown = await openLocalTrainer(programOf(python)).train(job, join(folder, 'out'), () => {}, never).catch((error: unknown) => error) as Error
    t.match(thrown, { code: 'training_failed', message: words })
    t.match(thrown.cause, { message: /\w/ }, 'for the log, the end of its stderr')
  }
})

async function checkpoints (out: string): Promise<readonly number[]> {
  const names = (await readdir(out)).filter(name => name.startsWith('checkpoint-'))
  const whole = await Promise.all(names.map(async name => await readFile(join(out, name, 'trainer_state.json')).then(() => true, () => false)))
  return names.filter((_, index) => whole[index]).map(name => Number(name.split('-')[1]))
}
