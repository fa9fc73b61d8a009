import { test } from 'tap'
import { objectGrammar, schemaGrammar } from '../../src/grammar/grammar.ts'
import type { Generation, Part, TokenLogprob } from '../../src/inference/engine.ts'
import { chat, collect, endless, generation, greedy, never, openEngine, prose } from '../support/engine.ts'
import { until } from '../support/wire.ts'

/** All answers to one prompt: their texts, how they ended, and their probabilities. */
async function choices (parts: AsyncIterable<Part>): Promise<{ texts: string[], ends: (string | undefined)[], logprobs: TokenLogprob[][], done: Extract<Part, { type: 'done' }> }> {
  const texts: string[] = []
  const ends: string[] = []
  const logprobs: TokenLogprob[][] = []
  for await (const part of parts) {
    if (part.type === 'done') return { texts, ends, logprobs, done: part }
    texts[part.choice] ??= ''
    if (part.type === 'text') texts[part.choice] += part.text
    if (part.type === 'end') ends[part.choice] = part.reason
    if ('logprobs' in part) (logprobs[part.choice] ??= []).push(...part.logprobs ?? [])
  }
  throw new Error('ended without done')
}

test('one engine, every way to speak', async t => {
  const engine = await openEngine(t, { slots: 3 })
  const ask = (content: string, over: Partial<Generation> = {}): AsyncIterable<Part> => engine.generate(generation(content, over), never)

  await t.test('several answers to one prompt, which is read once', async t => {
    const before = { ...engine.state().counters }
    const prompt = prose(300)
    const { texts, ends, done } = await choices(ask(prompt, { choices: 3, maxTokens: 12 }))
    t.equal(new Set(texts).size, 1, 'at temperature 0 all alike')
    t.strictSame(ends, ['length', 'length', 'length'])
    t.equal(done.usage.completionTokens, 36)
    t.equal(done.usage.promptTokens, (await engine.render(chat([{ role: 'user', content: prompt }]))).tokens.length)
    t.equal(engine.state().counters.decodedTokens - before.decodedTokens, 36)
    const warm = await choices(ask('Tell me a story.', { choices: 3, maxTokens: 12, sampling: { ...greedy, temperature: 1, seed: 3 } }))
    t.equal(new Set(warm.texts).size, 3, 'each has a seed of its own')
    t.strictSame((await choices(ask('Tell me a story.', { choices: 3, maxTokens: 12, sampling: { ...greedy, temperature: 1, seed: 3 } }))).texts, warm.texts, 'and the same one every time')
  })

  await t.test('what earlier answers were sampled with is no part of the next', async t => {
    const seeded = { ...greedy, temperature: 1, seed: 7 }
    const said = async (sampling: typeof greedy, over: Partial<Generation> = {}): Promise<string | undefined> => (await choices(ask('Tell me a story.', { maxTokens: 10, sampling, ...over }))).texts[0]
    const [plain, hot] = [await said(greedy), await said(seeded)]
    // 6 is what a sampler is left with that had the seed 7, and the other way round.
    for (const sampling of [{ ...seeded, seed: 6 }, { ...seeded, presencePenalty: 2, frequencyPenalty: 2 }, { ...seeded, topP: 0.1, topK: 2, minP: 0.5 }, { ...greedy, logitBias: new Map([[0, -100], [1, 50]]) }, seeded]) {
      await said(sampling)
      t.equal(await said(seeded), hot)
      t.equal(await said(greedy), plain)
    }
    await said(seeded, { grammar: objectGrammar() })
    t.equal(await said(seeded), hot)
  })

  await t.test('more answers than slots, and one who leaves in the middle of them', async t => {
    const { ends } = await choices(ask('Count.', { choices: 7, maxTokens: 5 }))
    t.equal(ends.length, 7)
    const caller = new AbortController()
    const left = choices(engine.generate(generation('Count.', { choices: 7, maxTokens: 1000, sampling: endless }), caller.signal))
    setTimeout(() => caller.abort(new Error('left')), 300)
    await t.rejects(left, { message: 'left' })
    await until(() => engine.state().running === 0)
    t.match(await collect(ask('Still there?', { maxTokens: 3 })), { reason: 'length' })
  })

  await t.test('probabilities are those of the whole vocabulary, and the likeliest comes first', async t => {
    const { texts, logprobs } = await choices(ask('What is the capital of France?', { logprobs: 5, maxTokens: 10 }))
    const [own = []] = logprobs
    t.equal(own.length, 10)
    t.equal(own.map(({ token }) => token).join(''), texts[0])
    for (const { logprob, top, token, bytes } of own) {
      t.ok(logprob !== null && logprob <= 0 && logprob > -12)
      t.equal(top.length, 5)
      t.equal(top[0]?.token, token, 'greedy takes the likeliest')
      t.equal(top[0]?.logprob, logprob)
      t.ok(top.reduce((sum, one) => sum + Math.exp(one.logprob ?? 0), 0) <= 1.0001)
      t.strictSame(bytes, [...new TextEncoder().encode(token)])
    }
    const hot = await choices(ask('What is the capital of France?', { logprobs: 0, maxTokens: 4, sampling: { ...greedy, temperature: 1.8, topK: 0, seed: 5 } }))
    t.ok((hot.logprobs[0] ?? []).every(({ logprob, top }) => logprob !== null && logprob < 0 && top.length === 0), 'also of unlikely tokens')
    const { tokens: [first = 0] } = await engine.render({ type: 'text', text: own[0]?.token ?? '' })
    const banned = await choices(ask('What is the capital of France?', { logprobs: 1, maxTokens: 3, sampling: { ...greedy, logitBias: new Map([[first, -100]]) } }))
    t.not(banned.logprobs[0]?.[0]?.token, banned.logprobs[0]?.[0]?.top[0]?.token, 'before any setting: a banned token is still the likeliest')
  })

  await t.test('probabilities of answers beside each other are each their own', async t => {
    for (let round = 0; round < 4; round++) {
      const { logprobs } = await choices(ask('Name three colours.', { logprobs: 2, maxTokens: 12, choices: 3 }))
      t.strictSame(logprobs.flat().filter(({ token, logprob, top }) => top[0]?.token !== token || top[0].logprob !== logprob), [], 'greedy takes the likeliest')
    }
  })

  await t.test('a text is continued as it is, and said back with its probabilities where that is asked for', async t => {
    const text = 'The capital of France is'
    const { texts, logprobs, done } = await choices(ask('', { input: { type: 'text', text }, echo: true, logprobs: 0, maxTokens: 3 }))
    t.ok(texts[0]?.startsWith(text))
    t.equal(logprobs[0]?.length, done.usage.promptTokens + 3)
    t.equal(logprobs[0]?.[0]?.logprob, null, 'nothing comes before the first token')
    t.ok(logprobs[0]?.slice(1).every(({ logprob }) => logprob !== null && logprob <= 0))
    const again = await choices(ask('', { input: { type: 'text', text }, echo: true, logprobs: 0, maxTokens: 0 }))
    t.strictSame([again.texts[0], again.ends], [text, ['length']], 'nothing need be written')
    t.strictSame(again.logprobs[0]?.map(({ logprob }) => logprob?.toFixed(2)), logprobs[0]?.slice(0, -3).map(({ logprob }) => logprob?.toFixed(2)))
    const { tokens } = await engine.render({ type: 'text', text })
    t.equal((await choices(ask('', { input: { type: 'tokens', tokens: [...tokens] }, maxTokens: 3 }))).texts[0], texts[0]?.slice(text.length), 'token ids are the same')
    await t.rejects(collect(ask('', { input: { type: 'tokens', tokens: [1, 10_000_000] } })), { code: 'invalid_request', param: 'prompt' })
    await t.rejects(collect(ask('', { input: { type: 'text', text: '' } })), { code: 'invalid_request', param: 'prompt' })
  })

  await t.test('an answer keeps to its grammar, with penalties and at any temperature', async t => {
    const schema = { type: 'object', properties: { city: { type: 'string', maxLength: 20 }, people: { type: 'integer', minimum: 1, maximum: 99 }, big: { type: 'boolean' } }, required: ['city', 'people', 'big'], additionalProperties: false }
    const hot = { ...greedy, temperature: 1.5, topK: 0, presencePenalty: 1 }
    for (const sampling of [greedy, hot, { ...hot, seed: 2 }, { ...hot, seed: 3 }]) {
      const { text, reason } = await collect(ask('Tell me about Paris.', { grammar: schemaGrammar(schema), maxTokens: 80, sampling }))
      t.equal(reason, 'stop')
      const value = JSON.parse(text) as { city: string, people: number, big: boolean }
      t.strictSame([typeof value.city, Number.isInteger(value.people), typeof value.big], ['string', true, 'boolean'], text)
    }
    const free = await collect(ask('Answer with {"ok": true}.', { grammar: objectGrammar(), maxTokens: 300 }))
    t.match(free.text, /^\{/)
    if (free.reason === 'stop') t.type(JSON.parse(free.text), 'object')
    const cut = await choices(ask('Tell me about Paris.', { grammar: schemaGrammar(schema), choices: 2, maxTokens: 80 }))
    for (const text of cut.texts) t.type(JSON.parse(text), 'object', 'each of several answers has a grammar of its own')
  })

  await t.test('two who begin with the same long prompt at once have it read once', async t => {
    const system = { role: 'system', content: `You are a guide. ${prose(400)}` } as const
    const begin = (content: string): Promise<Awaited<ReturnType<typeof collect>>> => collect(ask('', { tenant: 'guides', input: chat([system, { role: 'user', content }]), maxTokens: 4 }))
    const both = await Promise.all([begin('Where is the museum?'), begin('When does it open?')])
    const [first, second] = both.map(({ done }) => done.usage.cachedTokens).sort((a, b) => a - b)
    t.equal(first, 0)
    t.ok((second ?? 0) > 300, `${second} tokens were read by the other`)
  })

  await t.test('a text has a vector, near to those of its like', async t => {
    const near = (a?: Float32Array, b?: Float32Array): number => a?.reduce((sum, x, i) => sum + x * (b?.[i] ?? NaN), 0) ?? NaN
    const busy = collect(ask('Go on.', { maxTokens: 60, sampling: endless }))
    const { vectors: [cat, kitten, tax], promptTokens } = await engine.embed(['The cat sleeps on the sofa.', 'A kitten naps on the couch.', 'Income tax is due in April.'])
    t.equal(cat?.length, 576)
    t.ok(Math.abs(near(cat, cat) - 1) < 1e-5)
    t.ok(near(cat, kitten) > near(cat, tax), `${near(cat, kitten)} > ${near(cat, tax)}`)
    t.ok(promptTokens > 12)
    t.equal((await busy).done.usage.completionTokens, 60, 'answers go on beside')
    await t.rejects(engine.embed([prose(3000)]), { code: 'context_length_exceeded', param: 'input[0]' })
    await t.rejects(engine.embed(['']), { code: 'invalid_request' })
  })

  await t.test('what a model cannot do is refused before it is read', async t => {
    const tools = { list: [{ name: 'look', description: null, parameters: { type: 'object' } }], choice: 'auto', parallel: true } as const
    await t.rejects(collect(ask('', { input: { type: 'chat', messages: [{ role: 'user', content: 'hi' }], tools, effort: null } })), { code: 'tools_unsupported', param: 'tools' })
    await t.rejects(collect(ask('', { input: { type: 'chat', messages: [{ role: 'user', content: 'hi' }], tools: null, effort: 'high' } })), { code: 'effort_unsupported', param: 'reasoning_effort' })
    t.match(await collect(ask('', { input: { type: 'chat', messages: [{ role: 'user', content: 'hi' }], tools: null, effort: 'none' } })), { done: { type: 'done' } })
  })
})
