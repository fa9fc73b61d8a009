import Fastify from 'fastify'
import OpenAI from 'openai'
import { type Test, test } from 'tap'
import { type Caller, keyless } from '../../src/access/caller.ts'
import { parse } from '../../src/config.ts'
import type { Message } from '../../src/inference/engine.ts'
import { auth, identifier } from '../../src/server/plugins/auth.ts'
import { failures } from '../../src/server/plugins/failures.ts'
import { completionsStored } from '../../src/server/routes/completions-stored.ts'
import { type Store, ada, answers, bob, choice, interaction, says, store } from '../interactions/fixtures.ts'
import { listening } from '../support/app.ts'

/** Keys of the test: any user of acme, only ada, another tenant, and one without the scope. */
const callers: Readonly<Record<string, Caller>> = {
  ek_acme: { ...keyless, keyId: 'acme', tenant: 'acme' },
  ek_ada: { ...keyless, keyId: 'ada', tenant: 'acme', boundUser: 'ada' },
  ek_other: { ...keyless, keyId: 'other', tenant: 'other' },
  ek_admin: { ...keyless, keyId: 'admin', tenant: 'acme', scopes: new Set(['admin'] as const) }
}

/** The routes on a real record, and OpenAI's client for a key and a user. */
async function served (t: Test): Promise<Store & { readonly client: (key: string, user?: string) => OpenAI, readonly url: string }> {
  const s = await store(t)
  const config = parse({}, {})
  const app = Fastify({ ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: false, allowUnionTypes: true } } })
  app.setSerializerCompiler(() => value => JSON.stringify(value))
  await app.register(failures, { limits: config })
  await app.register(auth, { identify: identifier(async bearer => callers[bearer] ?? null, config) })
  await app.register(completionsStored, { stored: s.interactions })
  t.teardown(() => app.close())
  const { url } = await listening(app)
  return { ...s, url, client: (apiKey, user) => new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0, ...(user !== undefined && { defaultHeaders: { 'x-engraft-user': user } }) }) }
}

test('OpenAI\'s own client reads a stored completion', async t => {
  const { interactions, client } = await served(t)
  const calls = [{ id: 'c1', name: 'weather', arguments: '{"city":"Bern"}' }]
  const plain = interaction({ model: 'house@7', version: 7, memories: ['m1'], block: 'secret block', choices: [choice('hi', { reasoning: 'hm' })], metadata: { topic: 'greeting' } })
  await interactions.record(plain)
  const completion = await client('ek_acme').chat.completions.retrieve(plain.id)
  t.strictSame(completion, {
    id: plain.id,
    object: 'chat.completion',
    created: plain.created / 1000,
    model: 'house@7',
    system_fingerprint: 'fp_abababababababab',
    choices: [{ index: 0, message: { role: 'assistant', content: 'hi', reasoning_content: 'hm', refusal: null }, logprobs: null, finish_reason: 'stop' }],
    usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10, prompt_tokens_details: { cached_tokens: 2 }, completion_tokens_details: { reasoning_tokens: 0 } },
    temperature: 1,
    seed: 7,
    metadata: { topic: 'greeting' },
    input_user: 'ada',
    engraft: { version: 7, digest: 'ab'.repeat(32), memories: ['m1'], session: 's1', error: null }
  })
  const called = interaction({ owner: { tenant: 'acme', user: '' }, choices: [choice('', { calls, reason: 'tool_calls' })], params: { id: 'forged', object: 'forged', tools: [{ type: 'function' }] }, usage: null, error: 'cancelled' })
  await interactions.record(called)
  t.match(await client('ek_acme').chat.completions.retrieve(called.id), {
    id: called.id,
    object: 'chat.completion',
    tools: [{ type: 'function' }],
    choices: [{ message: { content: null, tool_calls: [{ id: 'c1', type: 'function', function: { name: 'weather', arguments: '{"city":"Bern"}' } }] }, finish_reason: 'tool_calls' }],
    usage: null,
    input_user: null,
    engraft: { error: 'cancelled' }
  })
})

test('OpenAI\'s own client walks through the list, in order and filtered', async t => {
  const { interactions, client, url } = await served(t)
  const ids: string[] = []
  for (let i = 0; i < 45; i++) {
    const made = interaction({ messages: [says(`q${i}`)], model: i % 2 === 0 ? 'tiny' : 'house@1', metadata: { third: String(i % 3), 'a b]&=ü': 'x y' } })
    ids.push(made.id)
    await interactions.record(made)
  }
  const { completions } = client('ek_acme').chat
  const walk = async (query: OpenAI.Chat.ChatCompletionListParams) => {
    const seen: number[] = []
    for await (const { id } of completions.list(query)) seen.push(ids.indexOf(id))
    return seen
  }
  const all = ids.map((_, i) => i)
  t.strictSame(await walk({}), all)
  t.strictSame(await walk({ order: 'desc', limit: 7 }), all.toReversed())
  t.strictSame(await walk({ model: 'house@1', limit: 2 }), all.filter(i => i % 2 === 1))
  t.strictSame(await walk({ metadata: { third: '2', 'a b]&=ü': 'x y' } }), all.filter(i => i % 3 === 2))
  t.strictSame(await walk({ metadata: { third: '3' } }), [])
  const page = await (await fetch(`${url}/v1/chat/completions?order=asc`, { headers: { authorization: 'Bearer ek_acme' } })).json() as { data: unknown[] }
  t.match(page, { object: 'list', first_id: ids[0], last_id: ids[19], has_more: true })
  t.equal(page.data.length, 20)
  await t.rejects(completions.list({ after: 'gone' }), { status: 404, code: 'completion_not_found', param: 'after' })
  for (const limit of [0, 101, -1, 1.5]) await t.rejects(completions.list({ limit }), { status: 400, code: 'invalid_request' }, String(limit))
  await t.rejects(completions.list({ order: 'up' as 'asc' }), { status: 400, code: 'invalid_request' })
})

test('OpenAI\'s own client reads the messages that were answered', async t => {
  const { interactions, client } = await served(t)
  const messages: Message[] = [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'q', name: 'Ada' }, { role: 'assistant', content: '', calls: [{ id: 'c1', name: 'f', arguments: '{}' }] }, { role: 'tool', content: 'r', callId: 'c1' }, answers('a'), says('s')]
  const { id } = interaction()
  await interactions.record(interaction({ id, messages, block: 'never shown' }))
  const list = client('ek_ada').chat.completions.messages
  const seen = []
  for await (const message of list.list(id, { limit: 4 })) seen.push(message)
  t.strictSame(seen.map(message => message.id), messages.map((_, i) => `${id}-${i}`))
  t.match(seen, [{ role: 'system', content: 'Be brief.' }, { role: 'user', name: 'Ada', content_parts: null }, { role: 'assistant', tool_calls: [{ id: 'c1', function: { name: 'f' } }] }, { role: 'tool', tool_call_id: 'c1' }, { content: 'a' }, { content: 's' }])
  t.match(await list.list(id, { order: 'desc', after: `${id}-2`, limit: 1 }), { data: [{ id: `${id}-1` }], has_more: true })
  await t.rejects(list.list(id, { after: 'gone' }), { status: 400, code: 'invalid_request', param: 'after' })
  await t.rejects(list.list('gone'), { status: 404, code: 'completion_not_found' })
})

test('OpenAI\'s own client sets metadata, and forgets', async t => {
  const { interactions, client, url } = await served(t)
  const made = interaction({ metadata: { a: '1', b: '2' } })
  await interactions.record(made)
  const { completions } = client('ek_acme').chat
  t.strictSame((await completions.update(made.id, { metadata: { c: '3' } })).metadata, { c: '3' })
  t.strictSame((await completions.update(made.id, { metadata: null })).metadata, {})
  const many = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, '']))
  for (const metadata of [many, { ['k'.repeat(65)]: '' }, { k: 'v'.repeat(513) }, { k: 1 }, 'text', []] as Record<string, string>[]) {
    await t.rejects(completions.update(made.id, { metadata }), { status: 400, code: 'invalid_request' }, JSON.stringify(metadata).slice(0, 40))
  }
  t.equal((await fetch(`${url}/v1/chat/completions/${made.id}`, { method: 'POST', headers: { authorization: 'Bearer ek_acme', 'content-type': 'application/json' }, body: '{}' })).status, 400)
  t.strictSame(await completions.delete(made.id), { object: 'chat.completion.deleted', id: made.id, deleted: true })
  await t.rejects(completions.retrieve(made.id), { status: 404, code: 'completion_not_found' })
  await t.rejects(completions.delete(made.id), { status: 404, code: 'completion_not_found' })
})

test('a key sees its tenant\'s completions, and a user only their own', async t => {
  const { interactions, client } = await served(t)
  const [adas, bobs, others] = [interaction(), interaction({ owner: bob }), interaction({ owner: { tenant: 'other', user: ada.user } })]
  for (const made of [adas, bobs, others]) await interactions.record(made)
  const seen = async (key: string, user?: string) => (await client(key, user).chat.completions.list()).data.map(({ id }) => id)
  t.strictSame(await seen('ek_acme'), [adas.id, bobs.id])
  t.strictSame(await seen('ek_acme', 'bob'), [bobs.id])
  t.strictSame(await seen('ek_ada'), [adas.id])
  t.strictSame(await seen('ek_other'), [others.id])
  t.strictSame(await seen('ek_acme', 'nobody we know'), [])
  for (const [key, user] of [['ek_acme', 'bob'], ['ek_other', 'ada'], ['ek_other', undefined]] as const) {
    const { completions } = client(key, user).chat
    const gone = { status: 404, code: 'completion_not_found', message: /'chatcmpl-\d+'/ }
    await t.rejects(completions.retrieve(adas.id), gone)
    await t.rejects(completions.messages.list(adas.id), gone)
    await t.rejects(completions.update(adas.id, { metadata: {} }), gone)
    await t.rejects(completions.delete(adas.id), gone)
  }
  await t.rejects(client('ek_ada', 'bob').chat.completions.list(), { status: 403, code: 'user_mismatch' })
  await t.rejects(client('ek_admin').chat.completions.list(), { status: 403, code: 'insufficient_scope' })
  await t.rejects(client('ek_wrong').chat.completions.list(), { status: 401, code: 'invalid_api_key' })
  t.equal((await interactions.find(ada, adas.id)).id, adas.id)
})
