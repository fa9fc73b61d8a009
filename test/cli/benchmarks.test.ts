import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { benchmarkIn } from '../../src/cli/benchmarks.ts'
import { previewDataset } from '../../src/cli/datasets.ts'
import { corrections, world } from '../datasets/fixtures.ts'
import { appFor, listening } from '../support/app.ts'

test('the usual fields of benchmarks are read, of conversations what the user says', async t => {
  const folder = t.testdir()
  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  const lines = [
    { question: 'What is 7 times 8?', answer: '56' },
    { question: null, prompt: 'The capital of France is' },
    { instruction: 'Name the bird.', input: 'It is black and sings.', output: 'A blackbird.' },
    { messages: [{ role: 'system', content: 'You help.' }, { role: 'user', content: 'Hello?' }, { role: 'assistant', content: 'Yes?' }, { role: 'user', content: [{ type: 'text', text: 'Who are you?' }] }] },
    { prompt: [{ role: 'user', content: 'And where?' }] },
    { text: 'A long text.' },
    'Only a text.'
  ]
  const texts = ['What is 7 times 8?', 'The capital of France is', 'Name the bird.\nIt is black and sings.', 'Hello?', 'Who are you?', 'And where?', 'A long text.', 'Only a text.']
  t.strictSame(await benchmarkIn(file('mixed.test.jsonl', `\ufeff${lines.map(line => JSON.stringify(line)).join('\r\n\n')}\n`)), { name: 'mixed.test', texts })
  t.strictSame(await benchmarkIn(file('array.json', JSON.stringify(lines, null, 2))), { name: 'array', texts })
})

test('a file that holds no questions, or something else beside them, is refused with its place', async t => {
  const folder = t.testdir()
  const refused = async (content: string | Buffer, message: RegExp): Promise<void> => {
    writeFileSync(join(folder, 'bad.jsonl'), content)
    await t.rejects(benchmarkIn(join(folder, 'bad.jsonl')), { name: 'ServerError', message })
  }
  const good = '{"question": "Why?"}\n'
  await refused('', /no questions/)
  await refused('[]', /no questions/)
  await refused(`${good}\n{"answer": "56"}`, /line 3: there is no question/)
  await refused(`${good}{"question": "  "}`, /line 2: there is no question/)
  await refused(`${good}{"question": {"question": "Why?"}}`, /line 2: there is no question/)
  await refused(`${good}{"messages": [{"role": "assistant", "content": "Yes."}]}`, /line 2: there is no question/)
  await refused(`${good}7`, /line 2: there is no question/)
  await refused(`${good}{"question": "cut o`, /line 2: it is no JSON/)
  await refused('[{"question": "Why?"},', /it is no JSON/)
  await refused(`${good}${'{"question":'.repeat(1e6)}1${'}'.repeat(1e6)}`, /line 2/)
  await refused(Buffer.from([0x22, 0xff, 0x22]), /cannot be read/)
  await t.rejects(benchmarkIn(folder), { message: /it is no file/ })
  await t.rejects(benchmarkIn(join(folder, 'none.jsonl')), { message: /cannot be read/ })
  execFileSync('truncate', ['-s', String(64 * 1024 * 1024 + 1), join(folder, 'large.jsonl')])
  await t.rejects(benchmarkIn(join(folder, 'large.jsonl')), { message: /67108864 are read at most/ })
})

test('what stands in the files is kept from being learnt, beside what was set', async t => {
  const made = await world(t)
  await corrections(made, 20, 3)
  const { url } = await listening(await appFor(t, { datasets: made.datasets }))
  const server = { url, key: null }
  const rows = await made.interactions.since(0, 100)
  const folder = t.testdir()
  const asked = join(folder, 'asked.jsonl')
  writeFileSync(asked, rows.map(({ messages }) => JSON.stringify({ messages })).join('\n'))
  const preview = async (flags: object): Promise<string> => {
    const lines: string[] = []
    await previewDataset(server, 'house', { tenant: 'acme', ...flags }, line => { lines.push(line) })
    return lines.join('\n')
  }
  t.match(await preview({}), /train: [1-9]/)
  t.match(await preview({ benchmark: [asked] }), /60 texts of 'asked'[\s\S]*train: 0 rows/)
  writeFileSync(join(folder, 'else.jsonl'), '"What is the airspeed of a swallow that carries nothing, and of one that carries a nut?"')
  t.match(await preview({ benchmark: [join(folder, 'else.jsonl')], set: [`decontamination.benchmarks=${JSON.stringify({ given: rows.map(({ messages }) => messages[0]!.content) })}`] }), /overlaps with given[\s\S]*train: 0 rows/)
  await t.rejects(preview({ benchmark: [asked, asked] }), { name: 'ServerError', message: /Two benchmarks are named 'asked'/ })
  await t.rejects(preview({ benchmark: [asked], set: ['decontamination=off'] }), { name: 'ServerError', message: /leave one of them out/ })
})
