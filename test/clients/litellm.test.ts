import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import OpenAI from 'openai'
import { test, type Test } from 'tap'
import { startServer } from '../support/server.ts'
import { toolModel, weatherTool, weatherTurns } from '../support/tool-model.ts'
import { until } from '../support/wire.ts'
import { pythonWith } from './python.ts'

/** What the proxy imports, without the rest of its extra `proxy`: that is 300 MB of clients of clouds. */
const found = await pythonWith([
  'litellm==1.99.4', 'apscheduler==3.11.3', 'backoff==2.2.1', 'boto3==1.44.8', 'cryptography==50.0.2', 'email-validator==2.4.0', 'expression==5.8.0', 'fastapi==0.165.0', 'fastapi-sso==0.23.0', 'litellm-enterprise==0.1.83', 'opentelemetry-api==1.45.2',
  'orjson==3.13.0', 'pydantic-settings==2.16.3', 'pyjwt==2.15.1', 'python-multipart==0.0.34', 'pyyaml==6.0.4', 'redis==8.1.0', 'rich==15.0.0', 'starlette==1.10.0', 'uvicorn==0.54.0', 'uvloop==0.23.0', 'websockets==17.4'
], 'litellm')

test('LiteLLM as a proxy in front', { skip: 'missing' in found ? found.missing : false }, async t => {
  if ('missing' in found) return
  const server = await startServer(t, ['--model', `tools=${await toolModel()}`])
  const baseURL = await startProxy(t, found.python, `${server.url}/v1`)
  const client = new OpenAI({ baseURL, apiKey: 'sk-house', maxRetries: 0 })
  const model = 'house'
  const small = { model, messages: [{ role: 'user' as const, content: 'Name three colours.' }], temperature: 0, max_tokens: 8 }

  const { choices: [whole], usage } = await client.chat.completions.create(small)
  t.match(whole?.message.content, /\w/)
  t.equal(usage?.completion_tokens, 8)
  let text = ''
  let tokens = 0
  for await (const chunk of await client.chat.completions.create({ ...small, stream: true, stream_options: { include_usage: true } })) {
    text += chunk.choices[0]?.delta.content ?? ''
    tokens = chunk.usage?.completion_tokens ?? tokens
  }
  t.strictSame([text, tokens], [whole?.message.content, 8])

  const called = client.chat.completions.stream({ ...small, max_tokens: 60, messages: [...weatherTurns, { role: 'user', content: 'What is the weather in Oslo?' }], tools: [weatherTool] })
  t.match((await called.finalChatCompletion()).choices, [{ finish_reason: 'tool_calls', message: { tool_calls: [{ function: { name: 'weather', arguments: '{"city": "Oslo"}' } }] } }])

  const schema = { type: 'object', properties: { legs: { type: 'integer', minimum: 0, maximum: 8 } }, required: ['legs'], additionalProperties: false }
  const held = await client.chat.completions.create({ ...small, max_tokens: 40, response_format: { type: 'json_schema', json_schema: { name: 'animal', schema, strict: true } } })
  t.match(JSON.parse(held.choices[0]?.message.content ?? ''), { legs: Number })

  const { choices: [continued] } = await client.completions.create({ model, prompt: 'The capital of France is', temperature: 0, max_tokens: 4 })
  t.match(continued?.text, / Paris/)
  const { data } = await client.embeddings.create({ model, input: ['The cat sleeps.', 'A dog barks.'], encoding_format: 'float' })
  t.strictSame(data.map(({ embedding }) => embedding.length), [576, 576])

  await t.rejects(client.chat.completions.create({ ...small, messages: [{ role: 'user', content: 'word '.repeat(9_000) }] }), { status: 400, message: /context is 4096 tokens/ })
})

/** LiteLLM's proxy, whose model `house` is ours, once it answers; its address for clients. */
async function startProxy (t: Test, python: string, ours: string): Promise<string> {
  const home = t.testdirName + '-proxy'
  await mkdir(home, { recursive: true })
  const config = join(home, 'config.yaml')
  await writeFile(config, JSON.stringify({ model_list: [{ model_name: 'house', litellm_params: { model: 'openai/tools', api_base: ours, api_key: 'none' } }], litellm_settings: { num_retries: 0 } }))
  const port = await freePort()
  // It would look for prices, a database and a place to report to.
  const env = { PATH: process.env.PATH, HOME: home, LITELLM_LOCAL_MODEL_COST_MAP: 'True', NO_PROXY: '127.0.0.1' }
  const proxy = spawn(join(dirname(python), 'litellm'), ['--config', config, '--host', '127.0.0.1', '--port', String(port), '--telemetry', 'False'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  for (const stream of [proxy.stdout, proxy.stderr]) stream.on('data', chunk => { out += chunk })
  t.teardown(async () => {
    proxy.kill('SIGKILL')
    if (proxy.exitCode === null && proxy.signalCode === null) await once(proxy, 'exit')
  })
  const url = `http://127.0.0.1:${port}`
  await until(async () => {
    if (proxy.exitCode !== null) throw new Error(`the proxy ended with ${proxy.exitCode}:\n${out}`)
    return await fetch(`${url}/health/liveliness`).then(({ ok }) => ok, () => false)
  }, 150_000)
  return `${url}/v1`
}

async function freePort (): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
