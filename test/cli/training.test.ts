import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { stripVTControlCharacters } from 'node:util'
import { type Test, test } from 'tap'
import type { Actions } from '../../src/cli/actions.ts'
import { lossCurve } from '../../src/cli/loss-curve.ts'
import { program } from '../../src/cli/program.ts'
import { report } from '../../src/cli/report.ts'
import { cancelTraining, evaluate, listTraining, setUpTraining, showTraining, train } from '../../src/cli/training.ts'
import { problem } from '../../src/errors.ts'
import { appFor, listening } from '../support/app.ts'
import { ScriptedTraining, course, datasetsOf, falling, verdict, versionId } from '../support/training.ts'

/** A real server on runs that go as they are told to, and what a terminal shows of it. */
async function open (t: Test, { isTTY = false } = {}) {
  const training = new ScriptedTraining()
  const datasets = datasetsOf({ id: versionId(1), name: 'house', version: 1 }, { id: versionId(2), name: 'barn', version: 1, tenant: 'acme' })
  const { url } = await listening(await appFor(t, { training, datasets }))
  const output = Object.assign(new PassThrough(), { isTTY, columns: 120 }).setEncoding('utf8')
  const lines: string[] = []
  return { training, server: { url, key: null }, output, lines, print: (line: string): void => { lines.push(line) }, said: () => String(output.read() ?? '') }
}

test('a training says what it takes, how far it is, how the loss went, what was found and what to do next', async t => {
  const { training, server, output, lines, print, said } = await open(t)
  training.points = falling
  training.steps = course()
  t.equal(await train(server, undefined, { dataset: 'house' }, print, output), 0)
  t.match(lines.splice(0, 2), [/^run_\d{24} has begun\.$/, 'It takes about 4 min and 2.9 GB of memory, by 1 run before.'])
  const curve = lines.splice(0, 11)
  t.match([curve[0], curve.at(-1)], [/^ {3}4\.000 ┼─/, /^ {3}0\.150 ┤ +╰─+$/])
  t.match(lines, [
    'Loss of 100 steps. On rows kept back: 2.020, 1.020.', 'preparing 12 s, training 2 min, evaluating 64 s.',
    /^STEP +PASSED +FOUND$/, /^data +yes +nobody is in both parts$/, /^parity +open +PyTorch/, /^gain +yes +92 points/,
    verdict.words, "It is house@3: 'engraft adapters promote house 3' lets it answer.", /^'engraft report run_\d+' prints the report/
  ])
  const plain = said()
  t.strictSame(plain.split('\n'), ['waiting', 'preparing: reads the rows 40', 'preparing: looks at the base', 'training: trains 3/12, loss 2.346, 171 tokens/s, 2 min left', 'evaluating: answers of the adapter 1/4, 5 s left', ''], 'plain lines where no terminal is')
})

test('on a terminal a bar is drawn, and is gone when it is over', async t => {
  const { training, server, output, lines, print, said } = await open(t, { isTTY: true })
  training.steps = course()
  await train(server, 'north', { dataset: 'house', hyper: ['epochs=2'] }, print, output)
  const drawn = said()
  t.match(stripVTControlCharacters(drawn), /training: trains █{8}░{22} 3\/12, loss 2\.346, 171 tokens\/s, 2 min left/)
  t.not(stripVTControlCharacters(drawn), drawn, 'in place')
  t.match(lines.at(-1), /engraft report/)
  t.match(training.asked.at(-1)?.[1], { name: 'north' })
})

test('the exit code tells whether there is an adapter that may be served', async t => {
  for (const [decision, code] of [['promote', 0], ['person', 0], ['prompt', 3], ['refuse', 3]] as const) {
    const { training, server, output, lines, print } = await open(t)
    training.steps = [{ stage: 'done', ended: 1, verdict: { ...verdict, decision, steps: [{ ...verdict.steps[0]!, passed: false }] }, erased: 2 }]
    t.equal(await train(server, undefined, { dataset: 'house' }, print, output), code, decision)
    t.ok(lines.some(line => /^data +NO/.test(line)))
    t.ok(lines.includes('Mind: 2 rows of its data set have been erased since. Train it anew.'))
    t.notOk(lines.some(line => /promote house/.test(line)), 'it became no version')
  }
  for (const [change, message] of [[{ stage: 'failed', failure: { code: 'training_memory', message: 'It needs more memory.' } }, 'It needs more memory.'], [{ stage: 'cancelled' }, /^run_\d+ was cancelled\.$/]] as const) {
    const { training, server, output, print } = await open(t)
    training.steps = [{ ...change, ended: 1 }]
    await t.rejects(train(server, undefined, { dataset: 'house' }, print, output), { name: 'ServerError', message })
  }
})

test('all that is typed reaches the server', async t => {
  const { training, server, output, lines, print } = await open(t)
  const checks = join(t.testdir(), 'checks.json')
  await writeFile(checks, JSON.stringify([{ name: 'short', type: 'words', least: 1, most: 9 }]))
  const flags = { dataset: 'barn', tenant: 'acme', base: 'tiny', checks, examples: '0', judge: 'tiny', detach: true }
  t.equal(await train(server, 'north', { ...flags, method: 'dpo', parent: 'run_1', hyper: ['lr=0.0003', 'amp=bf16', 'targets=["q_proj"]'], curve: true }, print, output), 0)
  const wanted = { tenant: 'acme', name: 'north', dataset: versionId(2), base: 'tiny', method: 'dpo', parent: 'run_1', candidate: null, hyper: { lr: 0.0003, amp: 'bf16', targets: ['q_proj'] }, checks: [{ name: 'short', type: 'words', least: 1, most: 9 }], examples: 0, judge: 'tiny', curve: true }
  t.strictSame(training.asked.splice(0), [['start', wanted]])
  t.match(lines.splice(0), [/has begun/, /^'engraft training show run_\d+' shows how far it is\.$/])
  await evaluate(server, 'north@7', flags, print, output)
  t.strictSame(training.asked.at(-1), ['start', { ...wanted, candidate: 'north@7', method: null, parent: null, hyper: {}, curve: false }])
  training.asked.length = 0
  lines.length = 0
  t.equal(await evaluate(server, 'north@7', { dataset: 'house', estimate: true }, print, output), 0)
  t.strictSame(lines, ['It takes about 4 min and 2.9 GB of memory, by a short test.'])
  t.strictSame(training.asked.map(([verb]) => verb), ['estimate'], 'nothing begins')
})

test('what is typed wrong is said before anything begins, and what the server refuses in its own words', async t => {
  const { training, server, output, print } = await open(t)
  const broken = join(t.testdir({ 'broken.json': '[{' }), 'broken.json')
  for (const [flags, message] of [
    [{}, /^Say which data set: --dataset NAME/],
    [{ dataset: 'house', hyper: ['epochs'] }, /--hyper is 'epochs', but must be KEY=VALUE/],
    [{ dataset: 'house', examples: 'many' }, /--examples is 'many'/],
    [{ dataset: 'house', checks: '/nowhere.json' }, /--checks is '\/nowhere\.json'.*ENOENT/],
    [{ dataset: 'house', checks: broken }, /cannot be read as JSON/],
    [{ dataset: 'house', method: 'ppo' }, /'method' must be one of sft, kto, dpo/],
    [{ dataset: 'attic' }, /no data set 'attic'/]
  ] as const) await t.rejects(train(server, undefined, flags, print, output), { name: 'ServerError', message })
  training.refusal = problem('training_too_few', { rows: 12, limit: 40 })
  await t.rejects(train(server, undefined, { dataset: 'house' }, print, output), { code: 'training_too_few', message: /12 rows/ })
  t.strictSame(training.runs, [])
})

test('Ctrl-C leaves a run going, and says how to see it again and how to end it', async t => {
  const { training, server, output, lines, print } = await open(t)
  training.steps = course().slice(0, 5)
  const listeners = process.listenerCount('SIGINT')
  const under = train(server, undefined, { dataset: 'house' }, print, output)
  while (training.steps.length > 0) await sleep(20)
  process.emit('SIGINT')
  t.equal(await under, null)
  const { id } = training.runs[0]!
  t.equal(lines.at(-1), `${id} goes on. 'engraft training show ${id} --follow' shows it again, 'engraft training cancel ${id}' ends it.`)
  t.equal(training.runs[0]!.stage, 'training')
  t.equal(process.listenerCount('SIGINT'), listeners, 'Ctrl-C is as before')
  training.steps = course().slice(5)
  t.equal(await showTraining(server, id, { follow: true }, print, output), 0)
  t.match(lines.at(-1), /engraft report/)
})

test('runs are listed, shown and cancelled', async t => {
  const { training, server, output, lines, print } = await open(t)
  await listTraining(server, {}, print)
  t.match(lines.splice(0), ["Nothing has been trained yet: 'engraft train --dataset NAME' does."])
  await train(server, undefined, { dataset: 'house', detach: true }, print, output)
  await evaluate(server, 'north@7', { dataset: 'barn', tenant: 'acme', detach: true }, print, output)
  lines.length = 0
  await listTraining(server, {}, print)
  t.match(lines.splice(0), [/^ID +NAME +TENANT/, /^run_\d*2 +north +acme +2025-10-09 08:53 +measures north@7 +waiting +- +-$/, /^run_\d*1 +house +local +2025-10-09 08:53 +- +waiting/])
  await listTraining(server, { tenant: 'local' }, print)
  t.equal(lines.splice(0).length, 2)
  const id = training.runs[1]!.id
  training.points = falling
  training.steps = course().slice(4, 5)
  t.equal(await showTraining(server, id, {}, print, output), 0)
  t.match([lines[1], lines.at(-2), lines.at(-1)], [/ sft +training /, /^Loss of 100 steps/, 'training: trains 3/12, loss 2.346, 171 tokens/s, 2 min left'])
  training.steps = course({ adapter: null, verdict: { ...verdict, decision: 'refuse' } }).slice(-1)
  t.equal(await showTraining(server, id, {}, print, output), 3)
  lines.length = 0
  await cancelTraining(server, id, print)
  await cancelTraining(server, training.runs[0]!.id, print)
  t.strictSame(lines, [`${id} had ended before: it is done.`, `${training.runs[0]!.id} is cancelled.`])
  await t.rejects(cancelTraining(server, 'run_none', print), { code: 'training_not_found' })
  await t.rejects(showTraining(server, '../keys', {}, print, output), { code: 'training_not_found' }, 'an id stays an id')
})

test('a report is printed, or written into a new folder, whole or not at all', async t => {
  const { training, server, output, lines, print } = await open(t)
  await train(server, undefined, { dataset: 'house', detach: true }, print, output)
  const { id } = training.runs[0]!
  const dir = t.testdir({})
  const out = join(dir, 'report')
  lines.length = 0
  await t.rejects(report(server, id, { out }, print), { code: 'training_not_done' })
  training.runs[0] = { ...training.runs[0]!, stage: 'done', ended: 1 }
  training.files = { 'report.md': '# house\n', 'report.json': '{}', 'card.md': 'card', 'gain.svg': '<svg/>' }
  await report(server, id, {}, print)
  await report(server, id, { json: true }, print)
  await report(server, id, { card: true }, print)
  await report(server, id, { out }, print)
  t.strictSame(lines, ['# house', '{}', 'card', `${out} has report.md, report.json, card.md, gain.svg.`])
  t.strictSame((await readdir(out)).sort(), ['card.md', 'gain.svg', 'report.json', 'report.md'])
  t.equal(await readFile(join(out, 'gain.svg'), 'utf8'), '<svg/>')
  await t.rejects(report(server, id, { out }, print), { name: 'ServerError', message: `${out} is there already: name a folder that is to be made.` })
  await t.rejects(report(server, id, { out: join(dir, 'no', 'such') }, print), { name: 'ServerError', message: /cannot be written/ })
  await t.rejects(report(server, id, { json: true, out }, print), { message: /one of --json, --card and --out/ })
  await mkdir(join(dir, 'empty'))
  await report(server, id, { out: join(dir, 'empty') }, print)
  t.strictSame((await readdir(dir)).sort(), ['empty', 'report'], 'nothing lies beside')
  delete training.files['report.md']
  await t.rejects(report(server, id, {}, print), { code: 'not_found' })
})

test('what training needs is set up without a server, with a line for each thing that happens', async t => {
  const lines: string[] = []
  const print = (line: string): void => { lines.push(line) }
  t.equal(await setUpTraining(async progress => {
    for (const words of ['fetches torch: about 192 MB', 'waits', 'waits', 'tries it']) progress(words)
    return { python: '/data/python/bin/python' }
  }, print), 0)
  t.strictSame(lines.splice(0), ['fetches torch: about 192 MB', 'waits', 'tries it', 'Training is done by /data/python/bin/python.'])
  await t.rejects(setUpTraining(async () => { throw problem('python_missing', { detail: 'there is none' }) }, print), { code: 'python_missing' })
  const stopped = setUpTraining(async (_progress, signal) => {
    await sleep(60_000, undefined, { signal })
    return { python: '' }
  }, print)
  process.emit('SIGINT')
  t.equal(await stopped, null)
  t.match(lines, [/^Stopped\. What arrived is kept/])
})

test('a curve fits a terminal, however many steps there are', t => {
  for (const steps of [2, 50, 64, 65, 5_000]) {
    const lines = lossCurve(Array.from({ length: steps }, (_, i) => 3 - i / steps))
    t.ok(lines.every(line => line.length <= 80), String(steps))
    t.ok(lines.length <= 12)
    t.match([lines[0], lines.at(-1)], [/^ {3}[23]\./, /^ {3}2\./])
  }
  t.ok(lossCurve([2, 2, 2]).length > 0, 'also where nothing is learnt')
  t.end()
})

test('what is typed reaches its action', async t => {
  const seen: unknown[] = []
  const actions = new Proxy({}, { get: (_, name) => async (...given: unknown[]) => { seen.push([name, ...given]) } }) as Actions
  for (const line of ['train --dataset house', 'train north --dataset house --hyper epochs=2 lr=0.1 --curve --detach', 'evaluate north@7 --dataset house --estimate', 'report run_1 --out here', 'training list', 'training show run_1 --follow', 'training cancel run_1', 'train --setup --data here']) await program(actions, '0').parseAsync(line.split(' '), { from: 'user' })
  t.strictSame(seen, [
    ['train', undefined, { dataset: 'house' }], ['train', 'north', { dataset: 'house', hyper: ['epochs=2', 'lr=0.1'], curve: true, detach: true }], ['evaluate', 'north@7', { dataset: 'house', estimate: true }], ['report', 'run_1', { out: 'here' }],
    ['trainingList', {}], ['trainingShow', 'run_1', { follow: true }], ['trainingCancel', 'run_1', {}], ['train', undefined, { setup: true, data: 'here' }]
  ])
})
