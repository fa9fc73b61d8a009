import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { test, type Test } from 'tap'
import type { Split } from '../../../src/datasets/datasets.ts'
import type { Row } from '../../../src/datasets/row.ts'
import { prepare, type PrepareParts } from '../../../src/training/prepare/prepare.ts'
import { shareOf } from '../../../src/training/prepare/share.ts'
import { trainerFolder } from '../../../src/training/python/package.ts'
import type { Served } from '../../../src/training/served.ts'
import type { TokenRow } from '../../../src/training/trainer.ts'
import { row } from '../../datasets/curation/rows.ts'
import { run } from '../../clients/python.ts'
import { corrections, each, never, openRenderer, quiet } from './support.ts'

const open = await openRenderer(t)
/** Renders as the engine does; nothing is asked of it where nothing is replayed. */
const served: Served = {
  ...open(),
  name: 'smollm2-135m',
  digest: 'ab'.repeat(32),
  path: '/models/base.gguf',
  score: async () => { throw new Error('nothing is scored') },
  answer: async () => { throw new Error('nothing is asked') }
}
const [train, valid, held] = [corrections(60, 20), corrections(8, 4).map((one, i) => ({ ...one, id: `valid-${i}` })), corrections(12, 3).map((one, i) => row(`What about ${one.id}?`, `Nothing about ${one.id}.`, { group: `held-${i % 3}` }))]

function partsOf (folder: string, splits: Partial<Record<Split, readonly Row[]>> = {}, over: Partial<PrepareParts> = {}): PrepareParts {
  const rows = { train, valid, test: held, ...splits }
  return { id: 'run_1', wanted: { hyper: { kl: 0 } }, method: null, served, rows: split => each(rows[split]), folder, bases: join(folder, 'bases'), qk: 'permuted', threads: 1, rssMb: null, parentPeft: null, ...over }
}
const prepared = async (t: Test, ...[splits, over]: [Parameters<typeof partsOf>[1]?, Parameters<typeof partsOf>[2]?]) => await prepare(partsOf(t.testdir(), splits, over), quiet, never)
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
const linesOf = async (path: string): Promise<TokenRow[]> => (await readFile(path, 'utf8')).trimEnd().split('\n').map(line => JSON.parse(line) as TokenRow)

// Before the first test: one that is declared after a wait may come too late to be run.
const missing = await withoutPython()

test('a job holds every row once, with the digests of its files, and says what it counted', async t => {
  const { job, ...told } = await prepared(t, {}, { threads: 2, rssMb: 4096 })
  t.strictSame((await readdir(job.path)).sort(), ['job.json', 'train.jsonl', 'valid.jsonl'])
  const files = Object.fromEntries(await Promise.all(['train', 'valid'].map(async name => [name, { file: `${name}.jsonl`, sha256: sha256(await readFile(join(job.path, `${name}.jsonl`))) }])))
  t.strictSame(JSON.parse(await readFile(join(job.path, 'job.json'), 'utf8')), {
    run_id: 'run_1', method: 'sft', base: served.path, base_sha256: served.digest, eot: (await served.render({ type: 'text', text: '' })).endOfTurn, data: files, hyper: { kl: 0, max_len: 511 }, limits: { threads: 2, rss_mb: 4096 }, qk: 'permuted'
  })
  const lines = await linesOf(join(job.path, 'train.jsonl'))
  t.strictSame(lines.map(({ id, group }) => [id, group]), train.map(({ id, group }) => [id, group]))
  const lengths = lines.map(({ prompt, completion }) => prompt.length + completion.length)
  t.match(told, { method: 'sft', counts: { train: 60, valid: 8, replay: 0, left: {} }, tokens: { train: lengths.reduce((sum, length) => sum + length), replay: 0 }, longest: Math.max(...lengths), data: { trained: 60, sharedPeople: 0, sharedRows: 0, rude: 0, secrets: 0 } })
  t.strictSame(job, { path: job.path, base: served.path, baseDigest: served.digest })
})

test('the trainer takes the job and its rows', { skip: missing }, async t => {
  const verdicts = train.map((one, i) => row(one.id, `It is ${one.id}.`, { kind: 'verdict', good: i % 2 === 0 }))
  const peft = t.testdir({ 'adapter_config.json': '{}', 'adapter_model.safetensors': 'weights' })
  const both = corrections(45, 9, { rejected: 'No idea.' })
  const jobs = await Promise.all([
    partsOf(join(peft, 'sft'), {}, { wanted: { hyper: { kl: 0, targets: ['q_proj'], amp: 'fp32', rank: 4 } } }),
    partsOf(join(peft, 'kto'), { train: verdicts }),
    partsOf(join(peft, 'dpo'), { train: both, valid: [] }, { method: 'dpo', parentPeft: peft, wanted: { hyper: {} } })
  ].map(async parts => await prepare(parts, quiet, never)))
  t.strictSame(jobs.map(({ method }) => method), ['sft', 'kto', 'dpo'])
  for (const { job, counts, method } of jobs) {
    const { code, out, err } = await run('python3', ['-c', checking, join(job.path, 'job.json')], { cwd: trainerFolder, env: { PATH: process.env.PATH, PYTHONDONTWRITEBYTECODE: '1' } })
    t.equal(code, 0, err)
    t.strictSame(JSON.parse(out), { method, rows: { train: counts.train, ...counts.valid > 0 && { valid: counts.valid } } })
  }
})

const checking = `import json, sys
from pathlib import Path
sys.modules.setdefault("psutil", type(sys)("psutil"))
from engraft_trainer.job import files_of, read_job
from engraft_trainer.rows import Check, read_rows
path = Path(sys.argv[1])
job = read_job(path)
check = Check(49152, job.hyper.max_len, frozenset(job.eot))
print(json.dumps({"method": job.method, "rows": {name: len(read_rows(path.parent / file.file, job.method, check)) for name, file in files_of(job)}}))`

async function withoutPython (): Promise<string | false> {
  const { code, out } = await run('python3', ['-c', 'import sys; print(sys.version_info >= (3, 11))'])
  return code === 0 && out.trim() === 'True' ? false : 'there is no Python 3.11 here'
}

test('the same rows and settings are the same bytes, in whatever order the settings stand', async t => {
  const one = await prepared(t, {}, { wanted: { hyper: { kl: 0, rank: 8 } } })
  const other = await prepare(partsOf(join(t.testdirName, 'other'), {}, { wanted: { hyper: { rank: 8, kl: 0 } } }), quiet, never)
  for (const file of await readdir(one.job.path)) t.strictSame(await readFile(join(other.job.path, file)), await readFile(join(one.job.path, file)), file)
})

test('a job that is made again keeps its limits, so that what was trained of it goes on; another job does not', async t => {
  const folder = t.testdir()
  const { job } = await prepare(partsOf(folder), quiet, never)
  const before = await readFile(join(job.path, 'job.json'))
  await writeFile(join(job.path, 'train.jsonl'), 'damaged')
  await prepare(partsOf(folder, {}, { threads: 7, rssMb: 100 }), quiet, never)
  t.strictSame(await readFile(join(job.path, 'job.json')), before)
  t.equal((await linesOf(join(job.path, 'train.jsonl'))).length, 60, 'what was damaged is whole again')
  await prepare(partsOf(folder, { train: train.slice(1) }, { threads: 7 }), quiet, never)
  t.match(JSON.parse(await readFile(join(job.path, 'job.json'), 'utf8')), { limits: { threads: 7 } })
})

test('a job that is given up or fails leaves none, and does not touch the one before', async t => {
  const folder = t.testdir()
  await t.rejects(prepare(partsOf(folder, { train: train.slice(0, 20) }), quiet, never), { code: 'training_too_few', message: /28 rows .* 40/ })
  t.strictSame(await readdir(folder), [])
  await prepare(partsOf(folder), quiet, never)
  const stop = new AbortController()
  const stopped = prepare(partsOf(folder, {}, { wanted: { hyper: { kl: 0, rank: 2 } } }), ({ what, done }) => { if (what === 'writes the rows to learn from' && done > 0) stop.abort(new Error('enough')) }, stop.signal)
  await t.rejects(stopped, /enough/)
  t.strictSame(await readdir(folder), ['job'])
  await mkdir(join(folder, 'other'))
  await writeFile(join(folder, 'other', 'job.part'), 'a file in the way')
  await prepare(partsOf(join(folder, 'other')), quiet, never)
  t.strictSame(await readdir(join(folder, 'other')), ['job'])
})

test('rows that are left out are counted with their reasons, and none of them is found in the data', async t => {
  const long = row('Say it.', `You are an idiot. ${'one more word '.repeat(200)}`, { group: 'held-0' })
  const { counts, data } = await prepared(t, { train: [...train, long, row('Q?', 'A.', { kind: 'verdict' })] })
  t.strictSame(counts, { train: 60, valid: 8, replay: 0, left: { 'longer than the context': 1, 'says nothing that sft learns from': 1 } })
  t.match(data, { sharedPeople: 0, rude: 0 })
})

test('a data set with nobody held out, or nothing kept back, is trained on all the same', async t => {
  const { job, counts } = await prepared(t, { valid: [], test: [] })
  t.equal(counts.valid, 0)
  t.strictSame(Object.keys((JSON.parse(await readFile(join(job.path, 'job.json'), 'utf8')) as { data: object }).data), ['train'])
  await t.rejects(prepared(t, { train: [], valid: train }), { code: 'training_too_few' }, 'but not with nothing to learn from')
})

test('data that were altered after their build are seen', async t => {
  const { data } = await prepared(t, { train: [...train, held[0]!, row('Who are you?', 'You are an idiot.'), row('My key?', `Your password is: ${'hunter'}2xyz!`)] })
  t.strictSame(data, { trained: 63, sharedPeople: 1, sharedRows: 1, rude: 1, secrets: 1 })
})

test('dpo brings the adapter that it goes on from along', async t => {
  const peft = t.testdir({ 'adapter_config.json': '{}', 'adapter_model.safetensors': 'weights', 'README.md': 'no part of it' })
  const { job } = await prepare(partsOf(join(peft, 'run'), { train: corrections(45, 9, { rejected: 'No idea.' }) }, { method: 'dpo', parentPeft: peft, wanted: { hyper: {} } }), quiet, never)
  t.strictSame((await readdir(join(job.path, 'parent'))).sort(), ['adapter_config.json', 'adapter_model.safetensors'])
  t.match(JSON.parse(await readFile(join(job.path, 'job.json'), 'utf8')), { method: 'dpo', adapter: 'parent' })
})

test('settings that the trainer would refuse are refused before a row is read', async t => {
  const parts = partsOf(t.testdir(), {}, { wanted: { hyper: { rank: 0 } }, rows: () => { throw new Error('a row was read') } })
  await t.rejects(prepare(parts, quiet, never), { code: 'invalid_request', param: 'hyper.rank' })
})

test('a share of a job has a share of its people, a smaller one inside a larger, and the same otherwise', async t => {
  const folder = t.testdir()
  const whole = await prepare(partsOf(folder), quiet, never)
  const [half, quarter] = [await shareOf(whole.job, 0.5, join(folder, 'half')), await shareOf(whole.job, 0.25, join(folder, 'quarter'))]
  const people = async ({ job }: typeof half): Promise<Set<string>> => new Set((await linesOf(join(job.path, 'train.jsonl'))).map(({ group }) => group))
  const [inHalf, inQuarter] = [await people(half), await people(quarter)]
  t.strictSame([inHalf.size, inQuarter.size, half.rows, quarter.rows], [10, 5, 30, 15])
  t.ok([...inQuarter].every(one => inHalf.has(one)))
  const [before, after] = await Promise.all([whole.job, half.job].map(async ({ path }) => JSON.parse(await readFile(join(path, 'job.json'), 'utf8')) as { run_id: string, data: { train: { sha256: string } } }))
  t.strictSame({ ...after, run_id: 0, data: { ...after!.data, train: 0 } }, { ...before, run_id: 0, data: { ...before!.data, train: 0 } })
  t.equal(after!.run_id, 'run_1-50')
  t.equal(after!.data.train.sha256, sha256(await readFile(join(half.job.path, 'train.jsonl'))))
  const again = await shareOf(whole.job, 0.5, join(folder, 'again'))
  t.strictSame(await readFile(join(again.job.path, 'train.jsonl')), await readFile(join(half.job.path, 'train.jsonl')))
  const seeded = await prepare(partsOf(join(folder, 'seeded'), {}, { wanted: { hyper: { kl: 0, seed: 1 } } }), quiet, never)
  t.notSame(await people(await shareOf(seeded.job, 0.25, join(folder, 'other'))), inQuarter, 'another seed draws others')
})
