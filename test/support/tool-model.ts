import { readFile, rename, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readGguf } from '../../src/gguf/reader.ts'
import { pair } from '../gguf/builder.ts'
import { baseModel } from './model.ts'

const key = 'tokenizer.chat_template'

/** ChatML with tools as Hermes and Qwen write them, in as few words as there can be: the default model follows examples, not instructions. */
const template = `{%- if tools %}
  {{- '<|im_start|>system\\n' }}
  {%- for tool in tools %}{{- tool | tojson + '\\n' }}{%- endfor %}
  {{- '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
  {{- '<|im_start|>' + message.role + '\\n' + message.content }}
  {%- for call in message.tool_calls or [] %}{{- '<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' + (call.function.arguments | tojson) + '}\\n</tool_call>' }}{%- endfor %}
  {{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}`

/** The weather in three cities, asked for and told by the tool `weather`: after these turns the model calls it for a fourth. */
export const weatherTurns = [['Paris', 'sunny'], ['Rome', 'cloudy'], ['Lima', 'windy']].flatMap(([city = '', sky = '']) => [
  { role: 'user' as const, content: `What is the weather in ${city}?` },
  { role: 'assistant' as const, content: null, tool_calls: [{ id: `call_${city}`, type: 'function' as const, function: { name: 'weather', arguments: JSON.stringify({ city }) } }] },
  { role: 'tool' as const, tool_call_id: `call_${city}`, content: sky },
  { role: 'assistant' as const, content: `It is ${sky}.` }
])

export const weatherTool = {
  type: 'function' as const,
  function: { name: 'weather', description: 'The weather in a city', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false } }
}

/**
 * The default model's own weights under a chat template that knows tools, so
 * that it may choose to call one. Written once, beside the default model.
 */
export async function toolModel (): Promise<string> {
  const { path } = await baseModel()
  const target = join(dirname(path), 'tools-135m.gguf')
  const bytes = await retold(path)
  if (await stat(target).then(({ size }) => size === bytes.length, () => false)) return target
  // Test files that write it at once write the same.
  const own = `${target}.${process.pid}`
  await writeFile(own, bytes)
  await rename(own, target)
  return target
}

/** The file with the template in place of its own. Nothing else moves by other than whole units of alignment, so all offsets hold. */
async function retold (path: string): Promise<Buffer> {
  const { metadata } = await readGguf(path)
  const bytes = await readFile(path)
  const before = pair([key, 'string', metadata.get(key)])
  const at = bytes.indexOf(before)
  if (at === -1) throw new Error(`${path} has no chat template`)
  const alignment = Number(metadata.get('general.alignment') ?? 32)
  const after = (comment: string): Buffer => pair([key, 'string', `${template}{#${comment}#}`])
  const rest = (after('').length - before.length) % alignment
  return Buffer.concat([bytes.subarray(0, at), after(' '.repeat((alignment - rest) % alignment)), bytes.subarray(at + before.length)])
}
