import OpenAI, { AuthenticationError, BadRequestError, NotFoundError } from 'openai'
import { test } from 'tap'
import { endlessBias, startServer } from '../support/server.ts'
import { until } from '../support/wire.ts'

const model = 'smollm2-135m'
const messages = [{ role: 'user' as const, content: 'Name three colours.' }]
const small = { model, messages, temperature: 0, max_tokens: 24 }

test("OpenAI's client for Node.js", async t => {
  const server = await startServer(t)
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })

  await t.test('reads an answer and what it cost', async t => {
    const { choices, usage, ...completion } = await client.chat.completions.create(small)
    t.equal(completion.object, 'chat.completion')
    t.equal(completion.model, model)
    t.not(choices[0]?.message.content, '')
    t.equal(usage?.total_tokens, (usage?.prompt_tokens ?? 0) + (usage?.completion_tokens ?? 0))
    t.ok((usage?.prompt_tokens ?? 0) > 10, 'the chat template is counted too')
  })

  await t.test('streams the same words as it gets at once', async t => {
    const whole = await client.chat.completions.create(small)
    let text = ''
    let tokens = 0
    for await (const chunk of await client.chat.completions.create({ ...small, stream: true, stream_options: { include_usage: true } })) {
      text += chunk.choices[0]?.delta.content ?? ''
      tokens = chunk.usage?.completion_tokens ?? tokens
    }
    t.equal(text, whole.choices[0]?.message.content)
    t.equal(tokens, whole.usage?.completion_tokens)
    t.equal(await client.chat.completions.stream(small).finalContent(), text, 'and so does its helper')
  })

  await t.test('lists the models and finds one', async t => {
    t.strictSame((await client.models.list()).data.map(({ id }) => id), [model])
    t.equal((await client.models.retrieve(model)).id, model)
  })

  await t.test('throws its own class for each kind of refusal', async t => {
    const unknown = await thrown(client.chat.completions.create({ ...small, model: 'gpt-4o' }))
    t.ok(unknown instanceof NotFoundError)
    t.match(unknown, { status: 404, code: 'model_not_found', param: 'model', type: 'invalid_request_error', message: /gpt-4o/ })

    const long = await thrown(client.chat.completions.create({ ...small, messages: [{ role: 'user', content: 'word '.repeat(9_000) }] }))
    t.ok(long instanceof BadRequestError)
    t.match(long, { status: 400, code: 'context_length_exceeded', param: 'messages', message: /4096 tokens.*90\d\d/ })

    const stranger = await thrown(new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'ek_aaaaaaaaaaaaaaaa_0123456789012345678901234567890123456789012', maxRetries: 0 }).models.list())
    t.ok(stranger instanceof AuthenticationError)
    t.match(stranger, { status: 401, code: 'invalid_api_key' })
    t.match((stranger as AuthenticationError).requestID, /./)
  })

  await t.test('stops the engine within one token when it aborts a stream', async t => {
    const before = await server.metric('engraft_answers_cancelled_total')
    const stream = await client.chat.completions.create({ ...small, ...endlessBias, max_tokens: 2_000, stream: true })
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break
    await until(async () => await server.metric('engraft_answers_cancelled_total') === before + 1)
    t.ok(await server.metric('engraft_tokens_decoded_after_cancel_total') <= 1)
    t.equal(await server.metric('engraft_base_running'), 0)
  })
})

async function thrown (promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(() => null, error => error)
}
