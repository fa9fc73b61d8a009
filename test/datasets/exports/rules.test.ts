import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import type { FormatName } from '../../../src/datasets/exports/format.ts'
import { writeWhole } from '../../../src/datasets/exports/writing.ts'
import type { Row } from '../../../src/datasets/row.ts'
import { freshFolder } from '../../database/fixtures.ts'
import { bedrockFaults, openaiFaults, openaiPreferenceFaults } from './rules.ts'
import { demonstration, mixed, streamed } from './samples.ts'

test('files keep the rules that OpenAI and Amazon publish, whatever the rows were', async t => {
  const calls = [{ id: 'c1', name: 'sum', arguments: '{}' }]
  const odd: Row[] = [
    demonstration({ answer: { content: '' } }),
    demonstration({ prompt: [] }),
    demonstration({ answer: { content: '', calls } }),
    demonstration({ answer: { content: 'Well.\nAssistant: yes' } }),
    demonstration({ prompt: [{ role: 'system', content: '' }, { role: 'user', content: 'x' }] }),
    demonstration({ prompt: [{ role: 'user', content: 'x', name: 'ada' }, { role: 'user', content: 'y' }] }),
    demonstration({ prompt: [{ role: 'user', content: ' ' }] })
  ]
  const folder = freshFolder(t)
  const contentOf = async (format: FormatName): Promise<string> => {
    const path = join(folder, format)
    await writeWhole(path, { rows: streamed([...mixed(400), ...odd]), format, split: 'train' })
    return await readFile(path, 'utf8')
  }
  t.strictSame(openaiFaults(await contentOf('openai-sft')), [])
  t.strictSame(openaiPreferenceFaults(await contentOf('openai-dpo')), [])
  t.strictSame(bedrockFaults(await contentOf('bedrock'), 'train'), [])
})

test('the rules find what breaks them', async t => {
  const line = (record: object): string => `${JSON.stringify(record)}\n`.repeat(40)
  t.match(openaiFaults(line({ messages: [{ role: 'user', content: 'x', weight: 1 }, { role: 'assistant', content: 'y', weight: 0 }] })), ['wrong weight', 'example_missing_assistant_message'])
  t.match(openaiPreferenceFaults(line({ input: { messages: [{ role: 'assistant', content: 'x' }] }, preferred_output: [], non_preferred_output: [{ role: 'assistant', content: 'x' }] })), ['wrong input', 'wrong output'])
  t.match(bedrockFaults(line({ system: '', messages: [{ role: 'user', content: 'x' }, { role: 'user', content: 'y' }] }), 'train'), ['system must be a nonempty string', 'roles must alternate'])
})
