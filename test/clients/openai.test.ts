import OpenAI, { AuthenticationError, BadRequestError, NotFoundError } from 'openai'
import { zodFunction, zodResponseFormat } from 'openai/helpers/zod'
import { test } from 'tap'
import { z } from 'zod'
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

  await t.test('tells what happens in a stream, piece by piece, several answers at once', async t => {
    const told: string[] = []
    const stream = client.chat.completions.stream({ ...small, max_tokens: 6, n: 2, logprobs: true, top_logprobs: 2 })
      .on('content.delta', () => told.push('delta'))
      .on('content.done', () => told.push('done'))
      .on('logprobs.content.delta', () => told.push('logprobs'))
    const { choices } = await stream.finalChatCompletion()
    t.match(told.join(' '), /^(?:delta|logprobs).* done$/)
    t.strictSame(choices.map(({ index }) => index), [0, 1])
    t.equal(choices[0]?.message.content, choices[1]?.message.content, 'at temperature 0 all alike')
    const tokens = choices[0]?.logprobs?.content ?? []
    t.equal(tokens.map(({ token }) => token).join(''), choices[0]?.message.content)
    t.strictSame(tokens.filter(({ logprob, top_logprobs: top }) => !(logprob <= 0 && top.length === 2 && top[0]?.logprob === logprob)), [], 'the likeliest are the answer')
  })

  await t.test('parses an answer by a Zod schema, at once and from a stream', async t => {
    const Animal = z.object({ name: z.string().max(16), kind: z.enum(['bird', 'fish', 'mammal']), legs: z.number().int().min(0).max(8), tame: z.boolean().nullable() })
    const asked = { ...small, max_tokens: 100, messages: [{ role: 'user' as const, content: 'Describe a cat.' }], response_format: zodResponseFormat(Animal, 'animal') }
    const { choices } = await client.chat.completions.parse(asked)
    const animal = choices[0]?.message.parsed
    t.ok(Animal.safeParse(animal).success, JSON.stringify(animal))
    t.strictSame((await client.chat.completions.stream(asked).finalChatCompletion()).choices[0]?.message.parsed, animal)
  })

  await t.test('parses the arguments of a tool that must be called', async t => {
    const tool = zodFunction({ name: 'weather', description: 'The weather in a city', parameters: z.object({ city: z.string().max(16), days: z.number().int().min(1).max(7) }) })
    const asked = { ...small, max_tokens: 80, messages: [{ role: 'user' as const, content: 'How is the weather in Oslo?' }], tools: [tool], tool_choice: 'required' as const, parallel_tool_calls: false }
    const { choices } = await client.chat.completions.parse(asked)
    t.equal(choices[0]?.finish_reason, 'tool_calls')
    t.match(choices[0]?.message.tool_calls, [{ id: /^call_/, type: 'function', function: { name: 'weather', parsed_arguments: { city: /./, days: Number } } }])
    const named = await client.chat.completions.stream({ ...asked, tool_choice: { type: 'function', function: { name: 'weather' } } }).finalChatCompletion()
    t.equal(named.choices[0]?.finish_reason, 'stop', 'as OpenAI ends a call that was asked for by name')
    const givenTo = (calls: readonly object[] = []): unknown[] => calls.map(call => 'function' in call && (call.function as { arguments: string }).arguments)
    t.strictSame(givenTo(named.choices[0]?.message.tool_calls), givenTo(choices[0]?.message.tool_calls))
    t.match(await thrown(client.chat.completions.create({ ...asked, tool_choice: 'auto' })), { status: 400, code: 'tools_unsupported', param: 'tools' })
  })

  await t.test('continues plain texts', async t => {
    const asked = { model, prompt: 'The capital of France is', temperature: 0, max_tokens: 4 }
    const { choices: [whole], usage, ...completion } = await client.completions.create({ ...asked, logprobs: 1 })
    t.equal(completion.object, 'text_completion')
    t.match(completion.id, /^cmpl-/)
    t.match(whole, { index: 0, text: / Paris/, finish_reason: 'length' })
    t.equal(usage?.completion_tokens, 4)
    t.equal(whole?.logprobs?.tokens?.join(''), whole?.text)
    t.strictSame(whole?.logprobs?.text_offset?.[1], whole?.logprobs?.tokens?.[0]?.length)
    let text = ''
    for await (const chunk of await client.completions.create({ ...asked, stream: true })) text += chunk.choices[0]?.text ?? ''
    t.equal(text, whole?.text)
    const several = await client.completions.create({ ...asked, prompt: [asked.prompt, 'Two and two are'], n: 2, echo: true })
    t.strictSame(several.choices.map(({ index }) => index), [0, 1, 2, 3])
    t.strictSame(several.choices.map(({ text }) => text.slice(0, 12)), ['The capital ', 'The capital ', 'Two and two ', 'Two and two '])
    t.match(await thrown(client.completions.create({ ...asked, suffix: 'x' })), { status: 400, param: 'suffix' })
  })

  await t.test('gets vectors, in which alike means near', async t => {
    const { data, usage, ...list } = await client.embeddings.create({ model, input: ['The cat sleeps on the sofa.', 'A kitten naps on the couch.', 'Income tax is due in April.'] })
    t.match(list, { object: 'list', model })
    const [cat = [], kitten = [], tax = []] = data.map(({ embedding }) => embedding)
    t.ok(near(cat, kitten) > near(cat, tax))
    t.ok(Math.abs(near(cat, cat) - 1) < 1e-5)
    t.ok(usage.prompt_tokens > 12 && usage.total_tokens === usage.prompt_tokens)
    const [floats] = (await client.embeddings.create({ model, input: 'The cat sleeps on the sofa.', encoding_format: 'float', dimensions: cat.length })).data
    t.ok(near(floats?.embedding ?? [], cat) > 0.999, 'the client asks for base64 by itself; numbers are the same')
    t.match(await thrown(client.embeddings.create({ model, input: 'x', dimensions: 64 })), { status: 400, param: 'dimensions' })
    t.match(await thrown(client.embeddings.create({ model, input: ['x', 'word '.repeat(9_000)] })), { status: 400, code: 'context_length_exceeded' })
  })

  await t.test('lists the models and finds one', async t => {
    t.equal((await client.models.list()).data[0]?.id, model, 'the default first')
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

function near (a: readonly number[], b: readonly number[]): number { return a.reduce((sum, x, i) => sum + x * (b[i] ?? NaN), 0) }

async function thrown (promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(() => null, error => error)
}
