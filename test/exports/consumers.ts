import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Test, test } from 'tap'
import { type FormatName, formatNames } from '../../src/datasets/exports/format.ts'
import { type Summary, writeWhole } from '../../src/datasets/exports/writing.ts'
import { pythonWith, run } from '../clients/python.ts'
import { bedrockFaults, openaiFaults, openaiPreferenceFaults } from '../datasets/exports/rules.ts'
import { mixed, streamed } from '../datasets/exports/samples.ts'

/** Half of torch's wheel may have to come over a slow line. */
const minutes = 12
const script = fileURLToPath(new URL('consumers.py', import.meta.url))

const found = await pythonWith(
  ['trl==1.16.0', 'datasets==5.2.0', 'together==3.1.1', 'torch==2.13.0', 'transformers==5.23.0', 'accelerate==1.15.0', 'peft==0.21.2', 'numpy==2.4.6'],
  'trl',
  // LLaMA-Factory asks for older versions of the others, and its converter for none of them.
  { ms: minutes * 60_000, alone: ['llamafactory==0.9.5', 'omegaconf==2.4.0', 'antlr4-python3-runtime==4.9.3', 'av==18.1.0', 'einops==0.8.2'] }
)
const skip = 'missing' in found ? found.missing : false

/** A folder of exports, as `npm run example:month -- --out FOLDER` writes it, whose rows to learn from are read in place of made-up ones. */
const given = process.env.ENGRAFT_EXPORTS

/** Every format of the same rows, as files. */
async function files (t: Test): Promise<{ readonly folder: string, readonly of: Readonly<Record<FormatName, Pick<Summary, 'rows'>>> }> {
  const folder = t.testdir()
  if (given !== undefined) {
    const counts = await Promise.all(formatNames.map(async format => {
      const text = await readFile(join(given, `${format}.train.jsonl`), 'utf8')
      await writeFile(join(folder, `${format}.jsonl`), text)
      return [format, { rows: text.trimEnd().split('\n').length }] as const
    }))
    return { folder, of: Object.fromEntries(counts) as Record<FormatName, { rows: number }> }
  }
  const summaries = await Promise.all(formatNames.map(async format => [format, await writeWhole(join(folder, `${format}.jsonl`), { rows: streamed(mixed(400)), format, split: 'train' })] as const))
  return { folder, of: Object.fromEntries(summaries) as Record<FormatName, Summary> }
}

/** What the script tells of the files; throws its own words where it fails. */
async function consumed<T> (what: string, folder: string): Promise<T> {
  if ('missing' in found) throw new Error(found.missing)
  const { code, out, err } = await run(found.python, [script, what, folder], { ms: 300_000 })
  if (code !== 0) throw new Error(err)
  return JSON.parse(out.trim().split('\n').at(-1)!) as T
}

test('`datasets` loads every format with all its rows', { skip }, async t => {
  const { folder, of } = await files(t)
  const loaded = await consumed<Record<FormatName, { rows: number, columns: string[] }>>('datasets', folder)
  for (const format of formatNames) t.equal(loaded[format].rows, of[format].rows, format)
  t.strictSame(loaded['trl-kto'].columns, ['prompt', 'completion', 'label'])
})

test('TRL takes its rows for conversations, and each trainer does a step on them', { skip }, async t => {
  const { folder, of } = await files(t)
  const trained = await consumed<Record<string, { rows: number, conversational: boolean, loss: number, taught: number, given: number }>>('trl', folder)
  for (const format of ['trl-sft', 'trl-dpo', 'trl-kto'] as const) {
    t.match(trained[format], { rows: of[format].rows, conversational: true }, format)
    t.ok(Number.isFinite(trained[format]!.loss) && trained[format]!.loss > 0, `a loss of ${trained[format]!.loss}`)
    t.ok(trained[format]!.taught > 0, `${trained[format]!.taught} tokens are learnt`)
  }
  t.ok(trained['trl-sft']!.given > trained['trl-sft']!.taught, 'the prompt is not')
})

test('Together\'s own check passes OpenAI\'s formats', { skip }, async t => {
  const { folder, of } = await files(t)
  const checked = await consumed<Record<string, object>>('together', folder)
  for (const format of ['openai-sft', 'openai-dpo'] as const) t.match(checked[format], { is_check_passed: true, num_samples: of[format].rows }, format)
})

test('LLaMA-Factory\'s converter takes every row', { skip }, async t => {
  const { folder, of } = await files(t)
  const converted = await consumed<Record<string, object>>('llamafactory', folder).catch((error: Error) => {
    if (!/ImportError|ModuleNotFoundError|requires .* but/.test(error.message)) throw error
    return error.message.trim().split('\n').at(-1)!
  })
  if (typeof converted === 'string') {
    t.pass(`LLaMA-Factory cannot be imported: ${converted}`, { skip: true })
    return
  }
  for (const format of ['sharegpt', 'alpaca'] as const) t.strictSame(converted[format], { rows: of[format].rows, converted: of[format].rows, warnings: [] }, format)
})

test('the rules that OpenAI and Amazon publish hold', async t => {
  const { folder } = await files(t)
  const content = async (format: FormatName): Promise<string> => await readFile(join(folder, `${format}.jsonl`), 'utf8')
  t.strictSame(openaiFaults(await content('openai-sft')), [])
  t.strictSame(openaiPreferenceFaults(await content('openai-dpo')), [])
  t.strictSame(bedrockFaults(await content('bedrock'), 'train'), [])
})
