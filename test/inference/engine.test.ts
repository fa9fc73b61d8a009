import { writeFile } from 'node:fs/promises'
import { test } from 'tap'
import { window } from '../../src/inference/llama/protocol.ts'
import type { Part } from '../../src/inference/engine.ts'
import { chat, collect, endless, generation, greedy, never, openEngine, prose } from '../support/engine.ts'
import { until } from '../support/wire.ts'

test('one engine, many answers', async t => {
  const engine = await openEngine(t)

  await t.test('an answer streams and ends with exactly one done', async t => {
    const parts: Part[] = []
    for await (const part of engine.generate(generation('What is the capital of France?'), never)) parts.push(part)
    t.ok(parts.length > 3, 'in several parts')
    t.equal(parts.filter(part => part.type === 'done').length, 1)
    t.match(parts.at(-2), { type: 'end', choice: 0, reason: 'length' })
    t.match(parts.at(-1), { type: 'done', prompt: /^[0-9a-f]{64}$/, usage: { promptTokens: 37, cachedTokens: 0, completionTokens: 16 } })
  })

  await t.test('temperature 0 repeats itself, also from a warm slot and beside others', async t => {
    const alone = await collect(engine.generate(generation('Name three colours.', { maxTokens: 24 }), never))
    const [again, other] = await Promise.all([
      collect(engine.generate(generation('Name three colours.', { maxTokens: 24 }), never)),
      collect(engine.generate(generation('Name three animals.', { maxTokens: 24 }), never))
    ])
    t.equal(again.text, alone.text)
    t.not(other.text, alone.text)
    t.equal(again.done.usage.cachedTokens, again.done.usage.promptTokens - 1)
  })

  await t.test('a seed repeats a random answer, another seed changes it', async t => {
    const ask = async (seed: number): Promise<string> => (await collect(engine.generate(generation('Tell me a story.', { maxTokens: 24, sampling: { ...greedy, temperature: 1, seed } }), never))).text
    const first = await ask(1)
    t.equal(await ask(1), first)
    t.not(await ask(2), first)
  })

  await t.test('a banned token never comes, a favoured one always does', async t => {
    const { text } = await collect(engine.generate(generation('hi', { maxTokens: 4, sampling: { ...greedy, logitBias: new Map([[28, 100]]) } }), never))
    t.equal(text, ',,,,')
    t.match(await collect(engine.generate(generation('Say only: yes', { maxTokens: 60, sampling: endless }), never)), { reason: 'length', done: { usage: { completionTokens: 60 } } })
  })

  await t.test('penalties change what is repeated', async t => {
    const ask = async (over: object): Promise<string> => (await collect(engine.generate(generation('What is the capital of France?', { maxTokens: 40, sampling: { ...greedy, ...over } }), never))).text
    const plain = await ask({})
    t.not(await ask({ frequencyPenalty: 2 }), plain)
    t.not(await ask({ presencePenalty: 2 }), plain)
  })

  await t.test('a stop string cuts the answer before it', async t => {
    const { text } = await collect(engine.generate(generation('What is the capital of France?'), never))
    const stop = text.slice(6, 9)
    t.match(await collect(engine.generate(generation('What is the capital of France?', { stop: [stop] }), never)), { text: text.slice(0, text.indexOf(stop)), reason: 'stop' })
  })

  await t.test('a growing conversation is not read again, and not by another tenant or other weights', async t => {
    const messages = [{ role: 'user', content: prose(300) }, { role: 'assistant', content: 'ok' }, { role: 'user', content: 'go on' }] as const
    await collect(engine.generate(generation('', { input: chat(messages.slice(0, 1)), maxTokens: 2 }), never))
    const second = await collect(engine.generate(generation('', { input: chat(messages), maxTokens: 2 }), never))
    t.ok(second.done.usage.cachedTokens > 300, `${second.done.usage.cachedTokens} tokens were kept`)
    t.equal((await collect(engine.generate(generation('', { input: chat(messages), maxTokens: 2, tenant: 'other' }), never))).done.usage.cachedTokens, 0)
    t.equal((await collect(engine.generate(generation('', { input: chat(messages), maxTokens: 2, target: { model: 'x', digest: 'other', adapters: [] } }), never))).done.usage.cachedTokens, 0)
  })

  await t.test('what was read for a tenant that is forgotten is read anew, and what for another is not', async t => {
    const ask = async (tenant: string): Promise<number> => (await collect(engine.generate(generation(prose(200), { tenant, maxTokens: 2 }), never))).done.usage.cachedTokens
    for (const tenant of ['one', 'other']) await ask(tenant)
    engine.forget('one')
    t.equal(await ask('one'), 0)
    t.ok(await ask('other') > 200)
    t.ok(await ask('one') > 200, 'and is remembered again')
  })

  await t.test('a shared beginning is copied from a conversation that is still being answered', async t => {
    // This question makes the model recite the system prompt, so the answer shows what the copy holds.
    const ask = (content: string, over: object = {}): ReturnType<typeof generation> => generation('', { tenant: 'kitchen', maxTokens: 24, input: chat([{ role: 'system', content: `You are a cook. ${prose(200)}` }, { role: 'user', content }]), ...over })
    const busy = engine.generate(ask('Tell a tale.', { maxTokens: 200, sampling: endless }), never)
    await busy.next()
    const copied = await collect(engine.generate(ask('How do I boil an egg?'), never))
    t.ok(copied.done.usage.cachedTokens > 200, `${copied.done.usage.cachedTokens} tokens were copied`)
    t.match(copied.text, /quick brown fox/)
    t.equal((await collect(busy)).done.usage.completionTokens, 200, 'and the other goes on')
  })

  await t.test('a prompt over the context is refused with both numbers, however long it is', async t => {
    for (const tokens of [2100, 200_000]) {
      await t.rejects(collect(engine.generate(generation(prose(tokens)), never)), { code: 'context_length_exceeded', status: 400, message: /2048 tokens.*alone has \d{4,}/ })
    }
    t.match(await collect(engine.generate(generation('still there?'), never)), { done: { type: 'done' } })
  })

  await t.test('an answer that fills the context ends there', async t => {
    const { done, reason } = await collect(engine.generate(generation(prose(1990), { maxTokens: null, sampling: endless }), never))
    t.equal(reason, 'length')
    t.equal(done.usage.promptTokens + done.usage.completionTokens, 2048)
  })

  await t.test('leaving in mid-answer stops the engine within one token, thirty times over', async t => {
    const before = engine.state().counters
    const start = { cancelled: before.cancelled, after: before.decodedAfterCancel }
    for (let round = 0; round < 30; round++) {
      const caller = new AbortController()
      const reading = (async () => { for await (const part of engine.generate(generation(`Round ${round}`, { maxTokens: 1500, sampling: endless }), caller.signal)) if (part.type === 'text' && round % 3 > 0) break })()
      if (round % 3 === 0) setTimeout(() => caller.abort(new Error('left')), 40)
      await reading.catch(error => t.equal(error.message, 'left'))
    }
    await until(() => engine.state().running === 0)
    const { cancelled, decodedAfterCancel } = engine.state().counters
    t.equal(cancelled - start.cancelled, 30)
    t.ok(decodedAfterCancel - start.after <= 30, `${decodedAfterCancel - start.after} tokens in 30 cancelled answers`)
  })

  await t.test('leaving in mid-prompt ends the reading of it', async t => {
    const caller = new AbortController()
    const began = performance.now()
    setTimeout(() => caller.abort(new Error('left')), 300)
    await t.rejects(collect(engine.generate(generation(`a${prose(1900)}`), caller.signal)), { message: 'left' })
    await until(() => engine.state().running === 0)
    const cut = performance.now() - began
    const whole = performance.now()
    await collect(engine.generate(generation(`b${prose(1900)}`, { maxTokens: 1 }), never))
    t.ok(cut < (performance.now() - whole) / 2, 'long before the prompt would have been read')
  })

  await t.test('a reader that pauses pauses its answer, slows nobody, and misses nothing', async t => {
    const long = generation('Count from one to one thousand.', { maxTokens: 420, sampling: endless })
    const whole = await collect(engine.generate(long, never))
    const slow = engine.generate(long, never)
    const first = await slow.next()
    const decoded = (): number => engine.state().counters.decodedTokens
    const quick = await collect(engine.generate(generation('And you?', { maxTokens: 420, sampling: endless }), never))
    t.equal(quick.done.usage.completionTokens, 420, 'the quick reader has all of its answer')
    t.equal(engine.state().running, 1, 'the slow one is still under way')
    const before = decoded()
    t.ok(window < 420, 'the window is smaller than the answer')
    const rest = await collect(slow)
    t.equal((first.value as { text: string }).text + rest.text, whole.text)
    t.equal(decoded() - before, 420, 'it ended only after it was read on')
  })
})

test('an answer goes on unchanged when a neighbour ends and its slot changes places', async t => {
  // Of three in a row the middle one ends first. A fourth slot is empty, so the outer two come together by way of it; without one they stay apart.
  const asks = ([['Tell me about the sea.', 24], ['Name a colour.', 4], ['Tell me about the snow.', 24]] as const).map(([content, maxTokens]) => generation(content, { sampling: endless, maxTokens }))
  const [moved, stayed] = [await openEngine(t), await openEngine(t, { slots: 3 })]
  const texts = async (engine: typeof moved): Promise<string[]> => await Promise.all(asks.map(async ask => (await collect(engine.generate(ask, never))).text))
  t.strictSame(await texts(moved), await texts(stayed))
})

test('when the child is killed in mid-answer the answer ends in an error, and the next one is answered', async t => {
  const engine = await openEngine(t)
  const killInMidAnswer = async (): Promise<void> => {
    const reading = engine.generate(generation('Count.', { maxTokens: 1500, sampling: endless }), never)
    await reading.next()
    process.kill(engine.pid ?? 0, 'SIGKILL')
    await t.rejects(collect(reading), { code: 'engine_died', status: 503 })
  }
  await killInMidAnswer()
  t.match(await collect(engine.generate(generation('Still there?'), never)), { done: { type: 'done' } }, 'the next caller only waits')
  await killInMidAnswer()
  await t.rejects(collect(engine.generate(generation('Still there?'), never)), { code: 'model_loading', status: 503, retryAfter: Number }, 'one that keeps dying is brought back more slowly')
  await until(() => engine.state().status === 'ready', 20_000)
  t.match(await collect(engine.generate(generation('Still there?'), never)), { done: { type: 'done' } })
  t.equal(engine.state().counters.restarts, 2)
})

test('a child that dies again while it is being brought back is brought back all the same', async t => {
  const engine = await openEngine(t, { context: 512 })
  await engine.load()
  const first = engine.pid
  process.kill(first ?? 0, 'SIGKILL')
  await until(() => engine.pid !== null && engine.pid !== first)
  t.equal(engine.state().status, 'loading')
  process.kill(engine.pid ?? 0, 'SIGKILL')
  await until(() => engine.state().status === 'ready', 30_000)
})

test('a caller who leaves while the model is being loaded is let go at once', async t => {
  const engine = await openEngine(t, { context: 512 })
  const caller = new AbortController()
  const answer = collect(engine.generate(generation('hi'), caller.signal))
  caller.abort(new Error('left'))
  await t.rejects(answer, { message: 'left' })
  t.equal(engine.state().status, 'loading')
  t.match(await collect(engine.generate(generation('hi', { maxTokens: 1 }), never)), { done: { usage: { completionTokens: 1 } } })
})

test('a child that hangs is killed by the watchdog and replaced', async t => {
  const engine = await openEngine(t, { context: 512 }, { silenceMs: 3_000 })
  await engine.load()
  const hung = engine.pid ?? 0
  const reading = engine.generate(generation('Count.', { maxTokens: 400, sampling: endless }), never)
  await reading.next()
  process.kill(hung, 'SIGSTOP')
  await t.rejects(collect(reading), { code: 'engine_died' })
  await until(() => engine.state().status === 'ready', 20_000)
  t.not(engine.pid, hung)
})

test('a model file that cannot be loaded says so at once and kills nothing', async t => {
  const path = `${t.testdir()}/broken.gguf`
  await writeFile(path, Buffer.concat([Buffer.from('GGUF'), Buffer.alloc(64, 7)]))
  const engine = await openEngine(t, { path })
  await t.rejects(engine.load(), { code: 'model_loading', status: 503 })
  t.equal(engine.state().status, 'failed')
  t.match(engine.state().detail, /.+/, 'the operator sees why')
})

test('unloading frees the child, and the next use brings it back', async t => {
  const engine = await openEngine(t, { context: 512 })
  await engine.load()
  await engine.unload()
  t.equal(engine.pid, null)
  t.match(await collect(engine.generate(generation('hi', { maxTokens: 2 }), never)), { done: { usage: { completionTokens: 2 } } })
  await engine.close()
  await t.rejects(engine.load(), { code: 'shutting_down' })
})
