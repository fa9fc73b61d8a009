import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'tap'
import { baseModel } from '../support/model.ts'
import { slowRelay } from '../support/relay.ts'
import { openSocket, type Frame } from '../support/socket.ts'
import { chatBody, cpuSeconds, endlessBias, events, startServer, type LiveServer } from '../support/server.ts'
import { post, until } from '../support/wire.ts'

const of = (frames: readonly Frame[], id: string): Frame[] => frames.filter(frame => frame.id === id)
const textOf = (frames: readonly Frame[], id: string): string => of(frames, id).map(frame => frame.data?.choices[0]?.delta.content ?? '').join('')

/** Whether the engine does nothing: under a tenth of a second of processor in a second. */
async function idles (server: LiveServer): Promise<boolean> {
  const before = await cpuSeconds(server.enginePid())
  await sleep(1000)
  return await cpuSeconds(server.enginePid()) - before < 0.1
}

test('the real model over real sockets', async t => {
  const server = await startServer(t)
  const ask = async (content: string, over: object = {}): Promise<{ text: string, usage: { completion_tokens: number, prompt_tokens_details: { cached_tokens: number } } }> => {
    const reply = await (await server.post('/v1/chat/completions', chatBody(content, over))).json() as { choices: { message: { content: string } }[], usage: never }
    return { text: reply.choices[0]?.message.content ?? '', usage: reply.usage }
  }

  await t.test('a stream says the same as a whole answer, and ends with [DONE]', async t => {
    const whole = await ask('Name three colours.')
    const frames = await Array.fromAsync(events(await server.post('/v1/chat/completions', chatBody('Name three colours.', { stream: true }))))
    t.equal(frames.at(-1), 'data: [DONE]')
    const text = frames.slice(0, -1).map(frame => JSON.parse(frame.slice(6)).choices[0].delta.content ?? '').join('')
    t.equal(text, whole.text)
    t.ok(text.length > 10)
  })

  await t.test('several answers run at once on one WebSocket, and one of them can be cancelled', async t => {
    const { frames, socket, create } = await openSocket(t, server.port)
    create('a', chatBody('Name three colours.', { max_tokens: 24 }))
    create('b', chatBody('Count on.', { max_tokens: 3000, ...endlessBias }))
    create('c', chatBody('Name three animals.', { max_tokens: 24 }))
    await until(() => of(frames, 'b').length > 5)
    socket.send(JSON.stringify({ type: 'cancel', id: 'b' }))
    await until(() => ['a', 'c'].every(id => of(frames, id).at(-1)?.type === 'done'))
    t.ok(frames.findIndex(frame => frame.id === 'c') < frames.findLastIndex(frame => frame.id === 'a'), 'they are interleaved')
    t.equal(textOf(frames, 'a'), (await ask('Name three colours.', { max_tokens: 24 })).text)
    await until(async () => await server.metric('engraft_base_running') === 0)
  })

  await t.test('a caller who closes the socket costs at most one more token, in mid-answer and in mid-prompt', async t => {
    const before = { cancelled: await server.metric('engraft_answers_cancelled_total'), after: await server.metric('engraft_tokens_decoded_after_cancel_total') }
    const rounds = 12
    for (let round = 0; round < rounds; round++) {
      const socket = connect(server.port, '127.0.0.1')
      const content = round % 3 === 0 ? `${round} ${'The quick brown fox jumps over the lazy dog. '.repeat(150)}` : `Round ${round}`
      socket.write(post(chatBody(content, { stream: true, max_tokens: 2000, ...endlessBias })))
      if (round % 3 === 0) await until(async () => await server.metric('engraft_base_running') === 1)
      else await once(socket, 'data')
      socket.destroy()
      await until(async () => await server.metric('engraft_base_running') === 0, 2_000)
    }
    await until(async () => await server.metric('engraft_answers_cancelled_total') - before.cancelled === rounds)
    t.ok(await server.metric('engraft_tokens_decoded_after_cancel_total') - before.after <= rounds)
  })

  await t.test('a paused HTTP reader pauses its answer alone, and gets all of it later', async t => {
    const relay = await slowRelay(t, server.port)
    const body = chatBody('Count to a thousand.', { stream: true, max_tokens: 1500, ...endlessBias })
    const frames = events(await fetch(`http://127.0.0.1:${relay.port}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }))
    await frames.next()
    relay.toggle()
    t.equal((await ask('And you?', { max_tokens: 64, ...endlessBias })).usage.completion_tokens, 64, 'another answer is not slowed to a halt')
    await until(() => idles(server), 60_000)
    t.equal(await server.metric('engraft_base_running'), 1, 'the engine waits for the reader')
    relay.toggle()
    const rest = await Array.fromAsync(frames)
    t.equal(rest.filter(frame => frame.includes('"content"')).length, 1500)
    t.equal(rest.at(-1), 'data: [DONE]')
  })

  await t.test('a paused WebSocket pauses its own answers and no other socket', async t => {
    const relay = await slowRelay(t, server.port)
    const slow = await openSocket(t, relay.port)
    slow.create('slow', chatBody('Count to a thousand.', { max_tokens: 1500, ...endlessBias }))
    await until(() => slow.frames.length > 0)
    relay.toggle()
    const quick = await openSocket(t, server.port)
    quick.create('quick', chatBody('And you?', { max_tokens: 64, ...endlessBias }))
    await until(() => quick.frames.at(-1)?.type === 'done', 30_000)
    await until(() => idles(server), 60_000)
    t.equal(await server.metric('engraft_base_running'), 1, 'the engine waits for the reader')
    relay.toggle()
    await until(() => slow.frames.at(-1)?.type === 'done', 60_000)
    t.equal(of(slow.frames, 'slow').filter(frame => frame.data?.choices[0]?.delta.content).length, 1500)
  })

  await t.test('no text of a request is ever logged', async t => {
    await ask('the password is xyzzy-4711')
    await server.post('/v1/chat/completions?token=plugh-4711', '{"messages": [{"role":"user","content":"xyzzy-4711')
    t.notMatch(server.log(), /4711/)
    t.notMatch(server.log(), /quick brown fox/)
  })

  t.equal(await server.stop(), 0)
})

test('a stalled reader is dropped, and its slot is free again', async t => {
  // With a long name of the model and twenty likely tokens in every frame, the sockets' buffers are full, and the server notices, long before the answer ends.
  const model = 'n'.repeat(100)
  const server = await startServer(t, ['--stall-timeout', '2', '--slots', '1', '--model', `${model}=${(await baseModel()).path}`])
  const relay = await slowRelay(t, server.port)
  const frames = events(await fetch(`http://127.0.0.1:${relay.port}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(chatBody('Count.', { model, stream: true, max_tokens: 3000, logprobs: true, top_logprobs: 20, ...endlessBias })),
    signal: AbortSignal.timeout(200_000)
  }))
  await frames.next()
  relay.toggle()
  await until(async () => await server.metric('engraft_base_running') === 0, 180_000)
  // It was dropped, and did not come to its end; the engine says so a batch later.
  await until(async () => await server.metric('engraft_answers_cancelled_total') === 1, 30_000)
  t.equal((await server.post('/v1/chat/completions', chatBody('Still there?', { model }))).status, 200)
})
