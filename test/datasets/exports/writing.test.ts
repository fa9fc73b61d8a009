import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, open, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import type { Split } from '../../../src/datasets/datasets.ts'
import { type FormatName, formatNames } from '../../../src/datasets/exports/format.ts'
import { spool, sweepParts, write, writeWhole } from '../../../src/datasets/exports/writing.ts'
import type { Row } from '../../../src/datasets/row.ts'
import { freshFolder } from '../../database/fixtures.ts'
import { demonstration, mixed, preference, several, streamed, verdict } from './samples.ts'

const many = (count: number, make: (given: object, i: number) => Row = demonstration): Row[] => Array.from({ length: count }, (_, i) => make({}, i))

test('a file has a line for each row that fits, the others are counted by their reason, and the same rows make the same bytes', async t => {
  const folder = freshFolder(t)
  const rows = mixed(400)
  for (const format of formatNames) {
    const path = join(folder, 'deep', `${format}.jsonl`)
    const told: number[] = []
    const summary = await writeWhole(path, { rows: streamed(rows), format, split: 'train', progress: done => { told.push(done) } })
    const content = await readFile(path)
    t.equal(content.toString().trimEnd().split('\n').map(line => JSON.parse(line)).length, summary.rows, format)
    t.equal(summary.rows + Object.values(summary.skipped).reduce((a, b) => a + b, 0), 400, 'none is lost')
    t.equal(summary.sha256, createHash('sha256').update(content).digest('hex'))
    t.equal(summary.bytes, content.length)
    t.equal(told.at(-1), 400)
    t.strictSame(await writeWhole(join(folder, 'again'), { rows: streamed(rows), format, split: 'train' }), summary)
  }
  t.equal((await readdir(join(folder, 'deep'))).length, formatNames.length, 'nothing lies beside')
})

test('a file that its reader would refuse is not made, and the error says why', async t => {
  const folder = freshFolder(t)
  const refused = async (format: FormatName, rows: Row[], message: RegExp, split: Split = 'train'): Promise<void> => {
    await t.rejects(writeWhole(join(folder, 'x'), { rows: streamed(rows), format, split }), { code: 'export_refused', message })
  }
  await refused('openai-sft', many(9), /no fewer than 10 rows to train on, and there are 9/)
  await refused('openai-dpo', many(9, preference), /no fewer than 10/)
  await refused('bedrock', many(31), /no fewer than 32 rows, and there are 31/)
  await refused('bedrock', many(10_001), /at most 10000 rows here, and there are 10001/)
  await refused('bedrock', many(1_001), /at most 1000/, 'valid')
  await refused('trl-dpo', many(3), /no row of it fits \(3: nothing was rejected/)
  await refused('alpaca', [], /no row of it fits, since it has none/)
  t.strictSame(await readdir(folder), [])
  for (const [format, rows, split] of [['openai-sft', 10, 'train'], ['openai-sft', 9, 'valid'], ['bedrock', 32, 'train'], ['bedrock', 10_000, 'train'], ['bedrock', 1_000, 'valid']] as const) {
    t.equal((await writeWhole(join(folder, 'x'), { rows: streamed(many(rows)), format, split })).rows, rows)
  }
})

test('what is worth knowing of a file is told', async t => {
  const folder = freshFolder(t)
  const warned = async (format: FormatName, rows: Row[]): Promise<readonly string[]> => (await writeWhole(join(folder, 'x'), { rows: streamed(rows), format, split: 'train' })).warnings
  t.match(await warned('openai-sft', many(20)), [/from 50 to 100 rows, and there are 20/])
  t.strictSame(await warned('openai-sft', many(50)), [])
  t.strictSame(await warned('openai-sft', [...many(50), demonstration({ prompt: [...several, ...several] })]), [])
  t.match(await warned('openai-sft', [...many(50), demonstration({ prompt: [...several, several[1]!] })]), [/1 rows have the same role twice running/])
  t.match(await warned('openai-sft', [...many(50), demonstration({ tools: [{ name: 'f', description: null, parameters: {} }] })]), [/1 rows have tools/])
  t.match(await warned('trl-kto', many(5, verdict)), [/all verdicts are good/])
  t.match(await warned('trl-kto', [verdict({ good: false })]), [/all verdicts are bad/])
  t.strictSame(await warned('trl-kto', [verdict(), verdict({ good: false })]), [])
  t.match(await warned('sharegpt', [demonstration({ prompt: several })]), [/mask_history/])
  t.match(await warned('bedrock', [...many(32), demonstration({ prompt: several })]), [/1 rows hold earlier answers/])
})

test('a full disk is said by its code, and what was there stays as it was', async t => {
  const folder = freshFolder(t)
  const full = await open('/dev/full', constants.O_WRONLY).catch(() => null)
  if (full === null) return
  t.teardown(() => full.close())
  await t.rejects(write(full, { rows: streamed(many(20)), format: 'trl-sft', split: 'train' }), { code: 'ENOSPC' })

  const path = join(folder, 'set.jsonl')
  await writeFile(path, 'before')
  const failing = async function * (): AsyncGenerator<Row> {
    yield * many(20)
    throw Object.assign(new Error('no space'), { code: 'ENOSPC', syscall: 'write' })
  }
  await t.rejects(writeWhole(path, { rows: failing(), format: 'trl-sft', split: 'train' }), { code: 'export_full', message: new RegExp(folder) })
  await t.rejects(writeWhole(join('/dev/full', 'x'), { rows: streamed(many(20)), format: 'trl-sft', split: 'train' }), { code: 'export_failed' })
  t.strictSame(await readdir(folder), ['set.jsonl'])
  t.equal(await readFile(path, 'utf8'), 'before')
})

test('what is spooled lies in no folder, and what a killed process left half written is swept', async t => {
  const folder = freshFolder(t)
  const { file, summary } = await spool(folder, { rows: streamed(many(20)), format: 'trl-sft', split: 'train' })
  t.strictSame(await readdir(folder), [])
  t.equal((await file.stat()).size, summary.bytes)
  await file.close()
  await mkdir(join(folder, 'deep'))
  await writeFile(join(folder, 'deep', '.part-0f8fad5b-d9cb-469f-a165-70867728950e'), 'half')
  await writeFile(join(folder, 'deep', 'set.jsonl'), 'whole')
  await sweepParts(folder)
  t.strictSame(await readdir(join(folder, 'deep')), ['set.jsonl'])
})

test('an export that is given up leaves nothing', async t => {
  const folder = freshFolder(t)
  const leaving = new AbortController()
  const rows = async function * (): AsyncGenerator<Row> {
    for (const row of many(20)) {
      yield row
      leaving.abort(new Error('given up'))
    }
  }
  await t.rejects(writeWhole(join(folder, 'x'), { rows: rows(), format: 'trl-sft', split: 'train', signal: leaving.signal }), { message: 'given up' })
  t.strictSame(await readdir(folder), [])
})
