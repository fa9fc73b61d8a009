import OpenAI from 'openai'
import { test } from 'tap'
import { problem } from '../../src/errors.ts'
import { appFor, listening } from '../support/app.ts'
import { Scripted } from '../support/scripted.ts'
import { until } from '../support/wire.ts'

const messages = [{ role: 'user' as const, content: 'hi' }]

test('OpenAI\'s own client reads answers, streams, models and errors', async t => {
  const scripted = new Scripted()
  const app = await appFor(t, { scripted })
  const { url } = await listening(app)
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 })

  const completion = await client.chat.completions.create({ model: 'tiny', messages, store: null })
  t.equal(completion.choices[0]?.message.content, 'hello hello hello ')
  t.equal(completion.usage?.prompt_tokens_details?.cached_tokens, 2)

  let text = ''
  let total = 0
  for await (const chunk of await client.chat.completions.create({ model: 'tiny', messages, stream: true, stream_options: { include_usage: true } })) {
    text += chunk.choices[0]?.delta.content ?? ''
    total = chunk.usage?.total_tokens ?? total
  }
  t.equal(text, 'hello hello hello ')
  t.equal(total, 10)

  const helper = client.chat.completions.stream({ model: 'tiny', messages })
  t.equal(await helper.finalContent(), 'hello hello hello ')

  t.strictSame((await client.models.list()).data.map(model => model.id), ['tiny', 'org/big:q4@1'])
  t.equal((await client.models.retrieve('org/big:q4@1')).id, 'org/big:q4@1')
  await t.rejects(client.models.retrieve('gone'), { status: 404, code: 'model_not_found', param: 'model' })
  await t.rejects(client.chat.completions.create({ model: 'tiny', messages, n: 0 }), { status: 400, code: 'invalid_request', param: 'n' })

  scripted.script = { failAt: 2, failure: problem('engine_died', { model: 'tiny' }) }
  const broken = await client.chat.completions.create({ model: 'tiny', messages, stream: true })
  await t.rejects(async () => { for await (const chunk of broken) text += chunk.id }, /in the middle of this answer/)

  scripted.script = { texts: 10_000, every: 5 }
  const stream = await client.chat.completions.create({ model: 'tiny', messages, stream: true })
  const open = scripted.opened
  stream.controller.abort()
  await until(() => scripted.closed === open)
  t.ok(scripted.seen.at(-1)?.signal.aborted, 'aborting the stream cancels the answer')
})
