import { test } from 'tap'
import { keyless, type Caller } from '../../src/access/caller.ts'
import type { Directory } from '../../src/adapters/directory.ts'
import { createAnswer, type AnswerParts, type ChatRequest } from '../../src/chat/answer.ts'
import { createCount } from '../../src/chat/count.ts'
import { problem } from '../../src/errors.ts'
import { Admission } from '../../src/inference/admission.ts'
import type { Engine, Part } from '../../src/inference/engine.ts'
import { People } from '../../src/privacy/people.ts'
import { openPolicy } from '../../src/privacy/policies.ts'
import { chat, greedy, never } from '../support/engine.ts'

/** The use cases on an engine that says what the test wants; what they ask of it is what is looked at here. */
function parts (over: { say?: readonly Part[], admit?: () => Promise<void>, drained?: AbortSignal } = {}): AnswerParts & { leases: number, running: Admission, spent: number[] } {
  const running = new Admission({ capacity: 1, queue: 1, queuePerTenant: 1, timeout: 1 })
  const counting = new Admission({ capacity: 1, queue: 1, queuePerTenant: 1, timeout: 1 })
  const engine = {
    async * generate (): AsyncGenerator<Part> { yield * over.say ?? [] },
    render: async () => ({ tokens: new Uint32Array(3), contextSize: 10, endOfTurn: [2] })
  } as unknown as Engine
  const state = {
    leases: 0,
    running,
    spent: [] as number[],
    maxMessages: 2,
    maxTokens: 100,
    maxChoices: 2,
    policies: { of: async () => openPolicy },
    people: new People(),
    ids: { make: (prefix: string) => `${prefix}-1` },
    interactions: { open: async () => { throw new Error('not asked for') }, record: async () => { throw new Error('not asked for') } },
    memories: { recall: async () => { throw new Error('not asked for') } },
    profile: { frame: async () => { throw new Error('not asked for') } },
    log: () => {},
    tried: () => {},
    answerTimeout: 60,
    limits: { admit: over.admit ?? (async () => {}), spend: (_: Caller, tokens: number) => { state.spent.push(tokens) } },
    models: {
      lease: name => {
        state.leases++
        return { target: { model: name ?? 'first', digest: 'ab', adapters: [] }, engine, contextSize: 1000, admission: running, counting, names: [name ?? 'first'], version: null, canary: null, signal: over.drained ?? never, ready: async () => {}, release: () => { state.leases-- } }
      }
    } satisfies Directory
  }
  return state
}

const request = (over: Partial<ChatRequest> = {}): ChatRequest => ({ model: null, adapters: [], input: chat([{ role: 'user', content: 'hi' }]), grammar: null, choices: 1, logprobs: null, echo: false, memory: null, memoryTokens: null, session: null, store: null, metadata: {}, maxTokens: 10, stop: [], sampling: greedy, ...over })
const done: Part = { type: 'done', usage: { promptTokens: 5, cachedTokens: 0, completionTokens: 2, reasoningTokens: 0 }, prompt: '00' }
const text = (text: string): Part => ({ type: 'text', choice: 0, text })
const three = [{ role: 'user', content: 'a' }, { role: 'assistant', content: 'b' }, { role: 'user', content: 'c' }] as const

test('an answer begins with start, ends with done, and gives back all it held', async t => {
  const with_ = parts({ say: [text('x'), done] })
  const events = await Array.fromAsync(createAnswer(with_)(request(), keyless, never))
  t.strictSame(events.map(event => event.type), ['start', 'text', 'done'])
  t.match(events[0], { model: 'first', digest: 'ab', version: null })
  t.strictSame([with_.leases, with_.running.running, with_.spent], [0, 0, [7]])
})

test('an engine that ends without done is an error, and what was written is counted', async t => {
  const with_ = parts({ say: [text('x')] })
  await t.rejects(Array.fromAsync(createAnswer(with_)(request(), keyless, never)), { code: 'incomplete_answer' })
  t.strictSame([with_.leases, with_.running.running], [0, 0])
  t.ok((with_.spent[0] ?? 0) >= 2, 'the prompt and the token')
})

test('an answer ends with the reason when what it leases was drained', async t => {
  const with_ = parts({ say: [done], drained: AbortSignal.abort(problem('adapter_drained', { adapter: 'house@1', seconds: 300 })) })
  await t.rejects(Array.fromAsync(createAnswer(with_)(request(), keyless, never)), { code: 'adapter_drained' })
  t.strictSame([with_.leases, with_.running.running], [0, 0])
})

test('a reader who stops early gives everything back, and pays for what it got', async t => {
  const with_ = parts({ say: [text('x'), text('y'), done] })
  for await (const event of createAnswer(with_)(request(), keyless, never)) if (event.type === 'text') break
  t.strictSame([with_.leases, with_.running.running, with_.spent.length], [0, 0, 1])
})

test('answering and counting refuse alike: scope, ceilings, allow-list of the default model too, messages', async t => {
  const only = (over: Partial<Caller>): Caller => ({ ...keyless, ...over })
  const busy = parts({ admit: async () => { throw problem('rate_limit_exceeded', { subject: 'key', limit: 1, seconds: 1 }) } })
  const answer = (with_: AnswerParts, caller: Caller, over: Partial<ChatRequest> = {}): Promise<unknown> => Array.fromAsync(createAnswer(with_)(request(over), caller, never))
  const count = (with_: AnswerParts, caller: Caller, over: Partial<ChatRequest> = {}): Promise<unknown> => createCount(with_)(over.model ?? null, over.input ?? { type: 'text', text: 'text' }, caller, never)
  for (const use of [answer, count]) {
    const with_ = parts()
    await t.rejects(use(with_, only({ scopes: new Set(['admin']) })), { code: 'insufficient_scope', status: 403 })
    await t.rejects(use(with_, only({ models: ['second'] })), { code: 'model_not_found', message: /'first'/ })
    await t.rejects(use(with_, only({ models: ['second'] }), { model: 'third@2' }), { code: 'model_not_found', message: /'third@2'/ }, 'before anybody looks whether it is there')
    await t.rejects(use(with_, keyless, { input: chat(three) }), { code: 'too_many_messages' })
    await t.rejects(use(busy, keyless), { code: 'rate_limit_exceeded' })
    t.equal(with_.leases, 0)
  }
  await t.rejects(answer(parts(), keyless, { maxTokens: 101 }), { code: 'token_limit_exceeded' })
  await t.rejects(answer(parts(), keyless, { choices: 3 }), { code: 'too_many_choices' })
})

test('counting goes one at a time and does not wait for slots', async t => {
  const with_ = parts()
  const slot = await with_.running.admit('someone', never)
  t.match(await createCount(with_)(null, { type: 'text', text: 'text' }, keyless, never), { contextSize: 10 })
  slot()
})
