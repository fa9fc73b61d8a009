import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { test } from 'tap'
import { endlessBias, startServer } from '../support/server.ts'
import { ask, begin, fixturePath, remove, says, stored } from './swapping.ts'

test("vLLM's calls bring an adapter, change it and take it off", async t => {
  const server = await startServer(t)
  const call = async (verb: string, body: object): Promise<{ status: number, text: string }> => {
    const reply = await server.post(`/v1/${verb}_lora_adapter`, body)
    return { status: reply.status, text: await reply.text() }
  }
  t.match(await call('load', { lora_name: 'tone', lora_path: fixturePath('support') }), { status: 200, text: /^Success: .*'tone' added/ })
  t.match(await ask(server, 'tone'), { status: 200, model: 'tone@1', text: says.support })
  const { data } = await (await fetch(`${server.url}/v1/models`)).json() as { data: { id: string, parent: string | null }[] }
  t.match(data.find(({ id }) => id === 'tone'), { parent: 'smollm2-135m' })
  t.equal((await call('load', { lora_name: 'tone', lora_path: fixturePath('json') })).status, 200)
  t.match(await ask(server, 'tone'), { model: 'tone@2', text: says.json })
  t.match(await call('unload', { lora_name: 'tone' }), { status: 200, text: /^Success: .*'tone' removed/ })
  t.match(await ask(server, 'tone'), { status: 404, code: 'adapter_not_live' })
  t.match(await ask(server, 'tone@1'), { text: says.support }, 'its versions stay')
  t.match(await call('unload', { lora_name: 'nobody' }), { status: 404, text: /adapter_not_found/ })
  t.match(await call('load', { lora_name: 'tone', lora_path: '/nowhere/at-all.gguf' }), { status: 422, text: /source_failed/ })
})

test('the command line brings an adapter and takes it away; what still answers on it is ended after --drain-timeout', async t => {
  const server = await startServer(t, ['--drain-timeout', '5'])
  const engraft = async (...words: string[]): Promise<string> => {
    const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
    return await promisify(execFile)(process.execPath, [main, 'adapters', ...words], { env: { ...process.env, ENGRAFT_URL: server.url } }).then(({ stdout }) => stdout, (failed: { stderr: string }) => failed.stderr)
  }
  t.match(await engraft('add', 'house', fixturePath('support'), '--promote'), /house@1 answers as house now/)
  t.match(await ask(server, 'house'), { model: 'house@1', text: says.support })
  t.match(await engraft('remove', 'house@1'), /'house@1' is live/)
  t.match(await engraft('list'), /house +1 +live +yes/)

  const long = await begin(server, 'house', { max_tokens: 3000, ...endlessBias })
  const brief = await begin(server, 'house')
  t.match(await engraft('retire', 'house'), /house answers no more/)
  t.equal(await remove(server, 'house', 1), 409, 'it is still answering')
  t.match(await ask(server, 'house'), { status: 404, code: 'adapter_not_live' })
  t.match(await brief.rest(), { models: ['house@1'], text: says.support, end: '[DONE]' }, 'what is done in time comes to its end')
  t.match(await long.rest(), { models: ['house@1'], end: 'adapter_drained' })
  t.match(await engraft('remove', 'house'), /house is gone/)
  t.strictSame(await stored(server), [])
  t.match(await ask(server, 'house'), { status: 404, code: 'model_not_found' })
})
