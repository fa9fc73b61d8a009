import { type Test, test } from 'tap'
import { type Caller, keyless } from '../../src/access/caller.ts'
import { problem } from '../../src/errors.ts'
import { longestMemory } from '../../src/memory/memories.ts'
import { openedMemories } from '../memory/opened.ts'
import { type Overrides, appFor, hello } from '../support/app.ts'
import { Scripted } from '../support/scripted.ts'

interface Wire { readonly [field: string]: unknown }
interface Said { readonly status: number, readonly body: Wire & { data: Wire[], error?: Wire }, readonly headers: Readonly<Record<string, unknown>> }

/** The routes over real memories in a fresh database. */
async function open (t: Test, overrides: Overrides = {}) {
  const { memories } = await openedMemories(t)
  const app = await appFor(t, { memories, ...overrides })
  const call = async (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, body?: object, headers: Record<string, string> = {}): Promise<Said> => {
    const reply = await app.inject({ method, url, headers: { host: '127.0.0.1', ...headers }, ...(body !== undefined && { payload: body }) })
    return { status: reply.statusCode, body: reply.json(), headers: reply.headers }
  }
  const remember = async (body: object): Promise<string> => String((await call('POST', '/v1/memories', { user: 'ada', ...body })).body.data[0]?.id)
  return { call, remember, memories }
}

const found = ({ body }: Said): unknown[] => body.data.map(({ content }) => content)

test('what is written is found at once, in the words of the contract', async t => {
  const { call } = await open(t)
  const written = await call('POST', '/v1/memories', { user: 'ada', content: 'Is allergic to peanuts.', kind: 'fact', at: '2023-05-08T12:00:00+02:00', external_id: 'f1', session: 'may' })
  t.match(written, { status: 202, body: { object: 'list', data: [{ id: /^mem_/, external_id: 'f1' }], pending: 0 } })
  const id = written.body.data[0]?.id
  const search = (await call('POST', '/v1/memories/search', { user: 'ada', query: 'Which peanuts may I eat?' })).body
  const score = Number(search.data[0]?.score)
  t.ok(score > 0)
  t.strictSame(search, {
    object: 'list',
    data: [{ id, kind: 'fact', content: 'Is allergic to peanuts.', session: 'may', at: '2023-05-08T10:00:00.000Z', external_id: 'f1', score }],
    relevant: true,
    lexical_only: true
  })
  t.match((await call('POST', '/v1/memories/search', { user: 'ada', query: 'peanuts', explain: true })).body.data[0]?.explain, { quote: 'Is allergic to peanuts.', words: ['peanut'], cosine: null, factors: {} })
  t.match(await call('GET', `/v1/memories/${id}?user=ada`), {
    status: 200,
    body: { id, object: 'memory', kind: 'fact', content: 'Is allergic to peanuts.', session: 'may', role: null, name: null, at: '2023-05-08T10:00:00.000Z', recorded_at: /Z$/, ended_at: null, superseded_by: null, external_id: 'f1', completion_id: null, source: null, history: [] }
  })
})

test('a history of 600 turns comes in one request, in its order, and again without a second copy', async t => {
  const { call } = await open(t)
  const turns = Array.from({ length: 600 }, (_, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', name: i % 2 === 0 ? 'Ada' : null, content: `Turn number ${i}.`, at: new Date(Date.UTC(2023, 0, 1) + i * 60_000).toISOString(), external_id: `t${i}` }))
  const first = await call('POST', '/v1/memories', { user: 'ada', session: 's1', turns })
  t.equal(first.status, 202)
  t.strictSame(first.body.data.map(one => one.external_id), turns.map(turn => turn.external_id))
  const again = await call('POST', '/v1/memories', { user: 'ada', session: 's1', turns: turns.slice(500) })
  t.strictSame(again.body.data.map(({ id }) => id), first.body.data.slice(500).map(({ id }) => id))

  const walked: unknown[] = []
  for (let cursor: unknown = null, pages = 0; pages < 20; pages++) {
    const page = await call('GET', `/v1/memories?user=ada&limit=100${cursor === null ? '' : `&cursor=${String(cursor)}`}`)
    walked.push(...found(page))
    cursor = page.body.next_cursor
    if (cursor === null) break
  }
  t.strictSame(walked.reverse(), turns.map(({ content }) => content))
  t.match((await call('GET', '/v1/memories?user=ada&external_id=t7')).body.data, [{ kind: 'turn', role: 'assistant', name: null, session: 's1', at: '2023-01-01T00:07:00.000Z' }])
  t.strictSame(found(await call('POST', '/v1/memories/search', { user: 'ada', query: 'turn number 4', limit: 1 })), ['Turn number 4.'])
})

test('the list keeps to kind, session and time', async t => {
  const { call, remember } = await open(t)
  await remember({ content: 'A note.' })
  await remember({ content: 'Likes tea.', kind: 'preference', session: 'one', at: '2023-01-01' })
  await remember({ content: 'Lives in Lisbon.', kind: 'fact', session: 'two', at: '2024-01-01T00:00:00Z' })
  t.strictSame(found(await call('GET', '/v1/memories?user=ada&kind=preference')), ['Likes tea.'])
  t.strictSame(found(await call('GET', '/v1/memories?user=ada&session=two')), ['Lives in Lisbon.'])
  t.strictSame(found(await call('GET', '/v1/memories?user=ada&as_of=2023-06-01T00:00:00Z')), ['Likes tea.'])
  t.strictSame(found(await call('POST', '/v1/memories/search', { user: 'ada', query: 'tea Lisbon note', kinds: ['note', 'fact'] })).toSorted(), ['A note.', 'Lives in Lisbon.'])
  t.strictSame(found(await call('POST', '/v1/memories/search', { user: 'ada', query: 'tea Lisbon', as_of: '2023-06-01' })), ['Likes tea.'])
  t.equal((await call('POST', '/v1/memories/search', { user: 'ada', query: 'tea Lisbon note', max_tokens: 20 })).body.data.length, 1, 'as many as their quotes have room')
})

test('a correction keeps the old wording as history, an end can be taken back, and erasing leaves nothing', async t => {
  const { call, remember } = await open(t)
  const id = await remember({ content: 'The alarm code is heliotrope.' })
  t.match(await call('PATCH', `/v1/memories/${id}`, { user: 'ada', content: 'The alarm code is marigold.', colour: 1 }), {
    status: 200, headers: { 'x-engraft-ignored': 'colour' }, body: { id, content: 'The alarm code is marigold.', history: [{ content: 'The alarm code is heliotrope.', superseded_by: id }] }
  })
  t.match((await call('PATCH', `/v1/memories/${id}`, { user: 'ada', ended_at: '2030-01-01T00:00:00Z' })).body, { ended_at: '2030-01-01T00:00:00.000Z' })
  t.match((await call('PATCH', `/v1/memories/${id}`, { user: 'ada', ended_at: null, content: null })).body, { ended_at: null })
  t.match(await call('PATCH', `/v1/memories/${id}`, { user: 'ada', content: null }), { status: 400 }, 'null is absent, and nothing is no change')
  t.strictSame((await call('DELETE', `/v1/memories/${id}?user=ada`)).body, { id, object: 'memory.deleted', deleted: true })
  t.match(await call('DELETE', `/v1/memories/${id}?user=ada`), { status: 404, body: { error: { code: 'memory_not_found' } } })
  t.strictSame(found(await call('GET', '/v1/memories?user=ada')), [])
})

test('another user, and another tenant, reach nothing by any route', async t => {
  const callers: Readonly<Record<string, Caller>> = {
    ek_acme: { ...keyless, keyId: 'a', tenant: 'acme' },
    ek_bob: { ...keyless, keyId: 'b', tenant: 'acme', boundUser: 'bob' },
    ek_chat: { ...keyless, keyId: 'c', tenant: 'acme', scopes: new Set(['chat', 'admin'] as const) },
    ek_other: { ...keyless, keyId: 'o', tenant: 'other' }
  }
  const { call } = await open(t, { verify: async bearer => callers[bearer] ?? null })
  const as = (key: string, user?: string) => ({ authorization: `Bearer ek_${key}`, ...(user !== undefined && { 'x-engraft-user': user }) })
  const { body: { data: [mine] } } = await call('POST', '/v1/memories', { content: 'The vault opens at noon.', external_id: 'v' }, as('acme', 'ada'))
  const at = `/v1/memories/${String(mine?.id)}`
  for (const who of [as('acme', 'bob'), as('bob'), as('other', 'ada')]) {
    t.match(await call('GET', at, undefined, who), { status: 404, body: { error: { code: 'memory_not_found' } } })
    t.match(await call('PATCH', at, { content: 'Mine.' }, who), { status: 404 })
    t.match(await call('DELETE', at, undefined, who), { status: 404 })
    t.strictSame(found(await call('GET', '/v1/memories?external_id=v', undefined, who)), [])
    t.strictSame(found(await call('POST', '/v1/memories/search', { query: 'When does the vault open?' }, who)), [])
    t.match(await call('GET', `/v1/memories?cursor=${String(mine?.id)}`, undefined, who), { status: 400 }, 'nor does a cursor tell of it')
  }
  t.match(await call('GET', '/v1/memories?user=ada', undefined, as('bob')), { status: 403, body: { error: { code: 'user_mismatch' } } })
  t.match(await call('GET', '/v1/memories?user=ada', undefined, as('chat')), { status: 403, body: { error: { code: 'insufficient_scope' } } })
  t.match((await call('GET', at, undefined, as('acme', 'ada'))).body, { content: 'The vault opens at noon.' })
})

test('without a user every route says how to name one', async t => {
  const { call } = await open(t)
  for (const said of await Promise.all([
    call('POST', '/v1/memories', { content: 'x' }), call('GET', '/v1/memories'), call('POST', '/v1/memories/search', { query: 'x' }),
    call('GET', '/v1/memories/m'), call('PATCH', '/v1/memories/m', { content: 'x' }), call('DELETE', '/v1/memories/m')
  ])) t.match(said, { status: 400, body: { error: { code: 'user_required', param: 'user', message: /x-engraft-user/ } } })
})

test('what cannot be remembered is refused whole, and its place named', async t => {
  const { call } = await open(t)
  const refused = async (body: object, expected: object): Promise<void> => { t.match(await call('POST', '/v1/memories', { user: 'ada', ...body }), expected, JSON.stringify(body).slice(0, 60)) }
  await refused({ content: '' }, { status: 400, body: { error: { code: 'invalid_memory', param: 'content' } } })
  await refused({ content: ' \n\t' }, { status: 400, body: { error: { code: 'invalid_memory' } } })
  await refused({ content: 'x'.repeat(1 << 20) }, { status: 413, body: { error: { code: 'memory_too_large', param: 'content' } } })
  await refused({ turns: [{ content: 'Fine.' }, { content: '' }] }, { status: 400, body: { error: { code: 'invalid_memory', param: 'turns[1].content' } } })
  await refused({ turns: Array(2001).fill({ content: 'x' }) }, { status: 400, body: { error: { param: 'turns', message: /at most 2000 items/ } } })
  await refused({ turns: [] }, { status: 400, body: { error: { param: 'turns' } } })
  await refused({ turns: [{ content: 'x', role: 'system' }] }, { status: 400, body: { error: { param: 'turns[0].role' } } })
  await refused({ turns: [{ content: 'x', at: 'yesterday' }] }, { status: 400, body: { error: { param: 'turns[0].at', message: /ISO 8601/ } } })
  await refused({ content: 'x', at: '2023-02-30T10:00' }, { status: 400, body: { error: { param: 'at' } } })
  await refused({ content: 'x', at: '0000-01-01' }, { status: 400, body: { error: { param: 'at' } } })
  await refused({ content: 'x', turns: [{ content: 'y' }] }, { status: 400, body: { error: { param: 'turns' } } })
  await refused({ turns: [{ content: 'y' }], kind: 'fact' }, { status: 400, body: { error: { param: 'kind' } } })
  await refused({}, { status: 400, body: { error: { param: 'content' } } })
  await refused({ content: 'x', kind: 'turn' }, { status: 400, body: { error: { param: 'kind' } } })
  t.strictSame(found(await call('GET', '/v1/memories?user=ada')), [])
})

test('odd users are refused, odd texts kept: operators, half characters, the longest there may be', async t => {
  const { call, remember } = await open(t)
  for (const user of ['x'.repeat(10_240), 'a\u0000b', 'half \ud800', '']) t.match(await call('POST', '/v1/memories', { user, content: 'x' }), { status: 400, body: { error: { param: 'user' } } })
  for (const user of ['x'.repeat(10_240), 'a%00b', '']) t.match(await call('GET', `/v1/memories?user=${user}`), { status: 400 })
  t.match(await call('GET', '/v1/memories?user=a%00b'), { body: { error: { param: 'user' } } })
  t.match(await call('GET', '/v1/memories', undefined, { 'x-engraft-user': 'x'.repeat(10_240) }), { status: 400 })
  t.match(await call('GET', '/v1/memories/mem_a%00b?user=ada'), { status: 400 })

  const odd = ['a "NEAR(" OR * NOT; drop table memories --', 'half \ud800 here', 'y'.repeat(longestMemory)]
  for (const content of odd) await remember({ content })
  t.strictSame(found(await call('GET', '/v1/memories?user=ada')).reverse(), odd.map(text => text.toWellFormed()))
  t.equal(found(await call('POST', '/v1/memories/search', { user: 'ada', query: 'NEAR(" OR * NOT' }))[0], odd[0])
  t.match(await call('POST', '/v1/memories/search', { user: 'ada', query: '\udc00 "' }), { status: 200 })
  t.match(await call('POST', '/v1/memories/search', { user: 'ada', query: '' }), { status: 400, body: { error: { param: 'query' } } })
  t.match(await call('POST', '/v1/memories/search', { user: 'ada', query: 'x', limit: 101 }), { status: 400, body: { error: { param: 'limit' } } })
  t.match(await call('GET', '/v1/memories?user=ada&limit=0'), { status: 400, body: { error: { param: 'limit' } } })
})

test('fields that nobody knows are told of, and null is as absent', async t => {
  const { call } = await open(t)
  const { status, headers } = await call('POST', '/v1/memories', { user: 'ada', colour: 'red', session: null, kind: null, content: null, turns: [{ content: 'x', at: null, mood: 1, external_id: null, role: null, name: null }] })
  t.match({ status, ignored: headers['x-engraft-ignored'] }, { status: 202, ignored: 'colour, turns[].mood' })
  t.match(await call('POST', '/v1/memories/search', { user: 'ada', query: 'x', limit: null, max_tokens: null, as_of: null, kinds: null, explain: null, fuzzy: true }), { status: 200, headers: { 'x-engraft-ignored': 'fuzzy' } })
})

test('a request counts against its user\'s share', async t => {
  const { call } = await open(t, { admit: async ({ user }) => { if (user === 'ada') throw problem('rate_limit_exceeded', { subject: 'user', limit: 1, seconds: 9 }, { retryAfter: 9 }) } })
  t.match(await call('GET', '/v1/memories?user=ada'), { status: 429, headers: { 'retry-after': '9' } })
  t.match(await call('GET', '/v1/memories?user=bob'), { status: 200 })
})

test('a chat takes no user that another one could be stored as, and an empty one is nobody', async t => {
  const scripted = new Scripted()
  const { call } = await open(t, { scripted })
  for (const user of ['half \ud800', 'a\u0000b']) t.match(await call('POST', '/v1/chat/completions', { ...hello, user }), { status: 400, body: { error: { param: 'user' } } })
  t.match(await call('POST', '/v1/chat/completions', { ...hello, user: '' }), { status: 200 })
  t.equal(scripted.seen[0]?.caller.user, null)
})

test('the metrics tell how much is embedded, how long recall takes and how much was captured', async t => {
  let watcher: Parameters<Overrides['watch'] & {}>[0] | null = null
  const { memories } = await openedMemories(t)
  const app = await appFor(t, { memories: { ...memories, progress: async () => ({ embedded: 7, pending: 3 }) }, watch: given => { watcher = given } })
  watcher!.recalled(20)
  watcher!.captured(2)
  const { body } = await app.inject('/metrics')
  for (const line of ['engraft_memory_units{state="embedded"} 7', 'engraft_memory_units{state="pending"} 3', 'engraft_recall_duration_seconds_bucket{le="0.025"} 1', 'engraft_turns_captured_total 2']) t.ok(body.includes(line), line)
})
