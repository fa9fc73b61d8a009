import { fileURLToPath } from 'node:url'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { embed, generateObject, generateText, isStepCount, streamText, tool, type ModelMessage } from 'ai'
import OpenAI from 'openai'
import { test } from 'tap'
import { z } from 'zod'
import { events, startServer } from '../support/server.ts'
import { toolModel, weatherTool, weatherTurns } from '../support/tool-model.ts'
import { run } from './python.ts'

const model = 'tools'
const question = 'What is the weather in Oslo?'
const city = z.object({ city: z.string().max(16) })
const Animal = z.object({ name: z.string().max(12), kind: z.enum(['bird', 'fish', 'mammal']), legs: z.number().int().min(0).max(8) })

test('Frameworks on a model that may call tools', async t => {
  const server = await startServer(t, ['--model', `${model}=${await toolModel()}`])
  const baseURL = `${server.url}/v1`

  await t.test("OpenAI's tool runner calls what the model calls, and reads on, streamed and not", async t => {
    const client = new OpenAI({ baseURL, apiKey: 'none', maxRetries: 0 })
    for (const stream of [false, true] as const) {
      const asked: string[] = []
      const runner = client.chat.completions.runTools({
        model,
        messages: [...weatherTurns, { role: 'user', content: question }],
        temperature: 0,
        max_tokens: 60,
        stream: stream as false,
        tools: [{ type: 'function', function: { ...weatherTool.function, parse: JSON.parse, function: ({ city }: { city: string }) => { asked.push(city); return 'snowy' } } }]
      })
      t.match(await runner.finalContent(), /snow/)
      t.strictSame(asked, ['Oslo'])
    }
  })

  await t.test('the AI SDK', async t => {
    const language = createOpenAICompatible({ name: 'engraft', baseURL, includeUsage: true, supportsStructuredOutputs: true }).chatModel(model)
    const weather = tool({ description: 'The weather in a city', inputSchema: city, execute: async ({ city }) => `snowy in ${city}` })
    const history = weatherTurns.map(turnOfSdk)
    const calls = { model: language, messages: [...history, { role: 'user' as const, content: question }], tools: { weather }, stopWhen: isStepCount(3), temperature: 0, maxOutputTokens: 60, maxRetries: 0 }

    const { text, usage } = await generateText({ model: language, prompt: 'Name three colours.', temperature: 0, maxOutputTokens: 8, maxRetries: 0 })
    t.match(text, /\w/)
    t.equal(usage.outputTokens, 8)
    const streamed = streamText({ model: language, prompt: 'Name three colours.', temperature: 0, maxOutputTokens: 8, maxRetries: 0 })
    t.equal((await Array.fromAsync(streamed.textStream)).join(''), text)
    t.equal((await streamed.usage).outputTokens, 8)
    const answered = await generateText(calls)
    t.match(answered.steps[0]?.toolCalls, [{ toolName: 'weather', input: { city: 'Oslo' } }])
    t.match(answered.text, /snow/)
    const stepped = streamText(calls)
    const parts = await Array.fromAsync(stepped.fullStream)
    t.strictSame(parts.filter(({ type }) => type === 'error'), [])
    t.strictSame(parts.flatMap(part => part.type === 'tool-call' ? [part.input] : []), [{ city: 'Oslo' }])
    t.equal(await stepped.text, answered.text)
    const { object } = await generateObject({ model: language, schema: Animal, prompt: 'Describe a cat.', temperature: 0, maxOutputTokens: 80, maxRetries: 0 })
    t.ok(Animal.safeParse(object).success, JSON.stringify(object))
    const { embedding } = await embed({ model: createOpenAICompatible({ name: 'engraft', baseURL }).embeddingModel(model), value: 'The cat sleeps.', maxRetries: 0 })
    t.equal(embedding.length, 576)
  })

  await t.test('LangChain', async t => {
    // In a process of its own: the loader that tests run under cannot find what LangChain imports of OpenAI's package.
    const { code, out, err } = await run(process.execPath, [fileURLToPath(new URL('langchain-client.ts', import.meta.url)), baseURL, model])
    t.equal(code, 0, err)
    const seen = JSON.parse(out) as { answer: string }
    t.match(seen.answer, /\w/)
    t.match(seen, {
      answer: seen.answer,
      outputTokens: 8,
      streamed: seen.answer,
      animals: [{ name: String, kind: /^(?:bird|fish|mammal)$/, legs: Number }, { name: String, kind: /^(?:bird|fish|mammal)$/, legs: Number }],
      calls: [{ name: 'weather', args: { city: 'Oslo' } }],
      streamedCalls: [{ name: 'weather', args: { city: 'Oslo' } }],
      vectors: [576, 576]
    })
  })

  // As backend/open_webui/routers/openai.py sends them, with the parameters of its chat controls.
  await t.test("Open WebUI's calls", async t => {
    const headers = { authorization: 'Bearer none', 'X-OpenWebUI-User-Name': 'Ada%20L', 'X-OpenWebUI-User-Id': 'a1b2', 'X-OpenWebUI-User-Email': 'ada@example.org', 'X-OpenWebUI-User-Role': 'user', 'X-OpenWebUI-Chat-Id': 'c3' }
    const models = await (await fetch(`${baseURL}/models`, { headers: { ...headers, 'content-type': 'application/json' } })).json() as { data: { id: string, name?: string }[] }
    t.equal(models.data[0]?.id, model, 'the default first')
    const controls = { temperature: 0, top_p: 0.9, top_k: 20, min_p: 0.05, frequency_penalty: 0, presence_penalty: 0, repeat_penalty: 1.1, seed: 1, stop: ['###'], max_tokens: 12, logit_bias: { 7: 1 }, reasoning_effort: null, num_ctx: 4096 }
    const streamed = await server.post('/v1/chat/completions', { stream: true, model, messages: [{ role: 'system', content: 'You are kind.' }, { role: 'user', content: [{ type: 'text', text: 'Name three colours.' }] }], stream_options: { include_usage: true }, ...controls }, { headers })
    t.equal(streamed.status, 200)
    t.equal(streamed.headers.get('x-engraft-ignored'), 'repeat_penalty, num_ctx')
    const frames = await Array.fromAsync(events(streamed))
    t.equal(frames.at(-1), 'data: [DONE]')
    const chunks = frames.slice(0, -1).map(frame => JSON.parse(frame.slice(6)) as { choices: { delta: { content?: string } }[], usage?: { completion_tokens: number } | null })
    t.match(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join(''), /\w/)
    t.ok((chunks.at(-1)?.usage?.completion_tokens ?? 0) > 0)
    const title = await server.post('/v1/chat/completions', { model, messages: [{ role: 'user', content: '### Task:\nGenerate a title.' }], stream: false, max_completion_tokens: 8 }, { headers })
    t.match(await title.json(), { choices: [{ message: { content: String } }] })
    const called = await server.post('/v1/chat/completions', { stream: true, model, messages: [...weatherTurns, { role: 'user', content: question }], tools: [weatherTool], temperature: 0, max_tokens: 60 }, { headers })
    const text = (await Array.fromAsync(events(called))).join('\n')
    t.match(text, /"tool_calls":\[\{"index":0,"id":"call_/)
    t.match(text, /"finish_reason":"tool_calls"/)
  })
})

/** A turn in the AI SDK's own form. */
function turnOfSdk (turn: typeof weatherTurns[number]): ModelMessage {
  if (turn.role === 'tool') return { role: 'tool', content: [{ type: 'tool-result', toolCallId: turn.tool_call_id, toolName: 'weather', output: { type: 'text', value: turn.content } }] }
  if (turn.tool_calls === undefined) return turn as ModelMessage
  return { role: 'assistant', content: turn.tool_calls.map(({ id, function: { name, arguments: given } }) => ({ type: 'tool-call' as const, toolCallId: id, toolName: name, input: JSON.parse(given) as unknown })) }
}
