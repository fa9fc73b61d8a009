import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import { startServer } from '../support/server.ts'
import { until } from '../support/wire.ts'
import { openaiPython, run } from './python.ts'

const found = await openaiPython()
const script = fileURLToPath(new URL('openai_client.py', import.meta.url))

test("OpenAI's package for Python reads answers, streams, models, schemas, tools, texts, vectors and errors, and its closed stream stops the engine", { skip: 'missing' in found ? found.missing : false }, async t => {
  if ('missing' in found) return
  const server = await startServer(t)
  const { code, out, err } = await run(found.python, [script, `${server.url}/v1`])
  t.equal(code, 0, err)
  const seen = JSON.parse(out) as { answer: string }
  t.not(seen.answer, '')
  t.strictSame(seen, {
    answer: seen.answer,
    total: 0,
    streamed: seen.answer,
    streamed_tokens: 0,
    parsed: 'Animal',
    events: ['content.delta', 'content.done'],
    parsed_stream: true,
    called: ['tool_calls', ['Weather']],
    call_streamed: true,
    texts: [[0, true, null], [1, true, null]],
    text_streamed: true,
    near: true,
    several: 2,
    default: 'smollm2-135m',
    unknown: ['NotFoundError', 404, 'model_not_found'],
    long: ['BadRequestError', 400, 'context_length_exceeded'],
    stranger: ['AuthenticationError', 401, 'invalid_api_key'],
    together: [seen.answer]
  })
  await until(async () => await server.metric('engraft_answers_cancelled_total') === 1)
  t.ok(await server.metric('engraft_tokens_decoded_after_cancel_total') <= 1)
})
