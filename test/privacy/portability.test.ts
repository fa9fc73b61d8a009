import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { type Test, test } from 'tap'
import { type Caller, keyedPolicy } from '../../src/access/caller.ts'
import { exportUser, importUser } from '../../src/cli/portability.ts'
import { query } from '../../src/database/sql.ts'
import { openFeedback } from '../../src/interactions/open-feedback.ts'
import { openInteractions } from '../../src/interactions/open.ts'
import type { Memories, Owner } from '../../src/memory/memories.ts'
import { createExport } from '../../src/privacy/export.ts'
import { createImport } from '../../src/privacy/import.ts'
import { openErasures } from '../../src/privacy/erasures.ts'
import { People } from '../../src/privacy/people.ts'
import { openPolicies } from '../../src/privacy/policies.ts'
import { answers, choice, interaction, says } from '../interactions/fixtures.ts'
import { embedded, openedMemories } from '../memory/opened.ts'
import { type Overrides, appFor, listening } from '../support/app.ts'
import { embedderModel } from '../support/model.ts'

const ada: Owner = { tenant: 'local', user: 'ada' }
const bob: Owner = { tenant: 'local', user: 'bob' }

/** The routes over real people, policies, memories and a real record, in a fresh database. */
async function world (t: Test, overrides: Overrides = {}, embedder: Awaited<ReturnType<typeof embedderModel>> | null = null) {
  const opened = await openedMemories(t, { embedder })
  const { database, path, memories } = opened
  const people = new People()
  const policies = openPolicies(database)
  const interactions = openInteractions(database)
  const erasures = openErasures({ database, path: `${path}.erasures`, people, policies })
  // As remembering.ts has it: writes of a person are waited for by an erasure.
  const restore: Memories['restore'] = async (owner, ...given) => await people.write(owner, async () => await memories.restore(owner, ...given))
  const record: typeof interactions.record = async (given, signal) => await people.write(given.owner, async () => await interactions.record(given, signal))
  const portability = {
    export: createExport({ database, interactions, policies, people }),
    import: createImport({ database, memories: { restore }, interactions: { record }, policies, people })
  }
  const { url, port } = await listening(await appFor(t, { memories, policies, portability, ...overrides }))
  const take = async (user = 'ada', headers = {}): Promise<string> => await (await fetch(`${url}/v1/users/${user}/export`, { headers })).text()
  const bring = async (body: string | Uint8Array<ArrayBuffer>, user = 'ada', headers = {}): Promise<{ status: number, body: Record<string, unknown> & { error?: { code: string, param: string, message: string } } }> => {
    const reply = await fetch(`${url}/v1/users/${user}/import`, { method: 'POST', body, headers: { 'content-type': 'application/jsonl', ...headers } })
    return { status: reply.status, body: await reply.json() as Record<string, unknown> }
  }
  const feedback = openFeedback({ database, ids: { unkept: () => null }, write: async (owner, work) => await people.write(owner, work), erasedAt: async () => null, keeps: async () => true })
  return { ...opened, url, port, people, policies, interactions, feedback, erasures, take, bring }
}

type World = Awaited<ReturnType<typeof world>>

/** A person with all that can be kept of one: sessions, corrections, what ended, what was derived, what was forgotten, answers and a policy. */
async function lived ({ memories, interactions, feedback, policies, database }: World, owner = ada): Promise<void> {
  const day = (n: number): number => Date.UTC(2024, 2, n)
  const topics = ['my dog Biscuit', 'the leaking roof', 'a trip to Lisbon', 'the tax return', 'peanut allergies', 'a red bicycle', 'my sister Nora', 'the choir on Tuesdays']
  for (const [i, topic] of topics.entries()) {
    const turns = Array.from({ length: 5 }, (_, n) => ({ kind: 'turn' as const, text: n % 2 === 0 ? `I was talking about ${topic}, part ${n}.` : `So you said something of ${topic} in part ${n}.`, session: `s${i % 3}`, role: n % 2 === 0 ? 'user' as const : 'assistant' as const, speaker: i % 2 === 0 ? 'Ada' : null, at: day(i + 1) + n, externalId: `t${i}-${n}`, interaction: `chatcmpl-${i}` }))
    await memories.remember(owner, turns)
  }
  await memories.remember(owner, [{ kind: 'turn', text: `${'A long tale of a voyage around the world. '.repeat(60)}And then home.`, session: 's1', role: 'user', at: day(20) }])
  const { ids: [home] } = await memories.remember(owner, [{ kind: 'fact', text: 'I live in Porto', role: 'user', at: day(2) }])
  await memories.remember(owner, [{ kind: 'fact', text: 'I moved to Lisbon', role: 'user', at: day(9), supersedes: [home!] }])
  const { ids: [wish, gone] } = await memories.remember(owner, [{ kind: 'instruction', text: 'Answer briefly' }, { kind: 'note', text: 'To be gone.', session: 's0' }])
  await memories.change(owner, wish!, { text: 'Answer in detail' })
  await memories.change(owner, (await memories.list(owner, { externalId: 't1-2' }, { limit: 1 })).memories[0]!.id, { endedAt: day(12) })
  await memories.forget(owner, [gone!])
  for (const n of [0, 1, 2]) await interactions.record(interaction({ id: `chatcmpl-${n}${owner.user}`, owner, session: 's0', created: day(n + 1), messages: [says('Grüß dich 😀'), answers('\n"quoted"'), says(`And ${n}?`)], choices: [choice(`Answer ${n}`, { reasoning: 'hm', calls: [{ id: 'call_1', name: 'f', arguments: '{}' }] }), ...n === 1 ? [choice('Another')] : []], block: '<memory>x</memory>', memories: [home!], metadata: { n: String(n) }, training: true }))
  for (const given of [{ kind: 'thumb', value: true }, { kind: 'correction', value: 'Better.' }] as const) await feedback.give({ tenant: owner.tenant, user: owner.user }, { ...given, completion: `chatcmpl-1${owner.user}`, choice: given.kind === 'thumb' ? 1 : 0, session: null, comment: given.kind === 'thumb' ? 'Good' : null, author: null }, null)
  await feedback.give({ tenant: owner.tenant, user: owner.user }, { kind: 'preference', value: { chosen: `chatcmpl-0${owner.user}`, rejected: `chatcmpl-2${owner.user}` }, completion: null, choice: 0, session: null, comment: null, author: 'Ada' }, null)
  await feedback.give({ tenant: owner.tenant, user: owner.user }, { kind: 'outcome', value: { metric: 'booked', number: 1 }, completion: null, choice: 0, session: 's0', comment: null, author: null }, null)
  await database.commit([query('update capture set seq = (select max(seq) from interactions) - 1'), query('insert into forgotten_turns select id, randomblob(32) from owners where user = :user', { user: owner.user })])
  await policies.change(owner, { retentionDays: 20_000, training: true })
}

const questions = ['What is my dog called?', 'Where do I live?', 'What did we say of the roof in March 2024?', 'How shall you answer?', 'Tell me of Nora and the choir', 'voyage around the world', 'what am I allergic to', 'zebra crossing']

async function recalls ({ memories }: World, owner = ada): Promise<object[]> {
  return await Promise.all(questions.map(async query => {
    const { memories: found, relevant, lexicalOnly } = await memories.recall(owner, { query, limit: 8, explain: true })
    return { relevant, lexicalOnly, found }
  }))
}

const withoutHead = (file: string): string[] => file.trim().split('\n').slice(1, -1)

test('all that is kept of a person comes into an empty server, where recall is the same, result for result', async t => {
  const embedder = await embedderModel()
  const [old, fresh] = [await world(t, {}, embedder), await world(t, {}, embedder)]
  await lived(old, bob)
  await lived(old)
  await embedded(old)
  const file = await old.take()
  t.notMatch(file, 'chatcmpl-0bob', "and nothing of another's")
  const { status, body } = await fresh.bring(file)
  t.equal(status, 200)
  t.strictSame(body, { object: 'import', user: 'ada', memories: { brought: 45, there: 0 }, interactions: { brought: 3, there: 0 }, feedback: { brought: 4, there: 0 } })
  await embedded(fresh)

  const all = async ({ memories }: World): Promise<unknown> => await memories.list(ada, {}, { limit: 1000 })
  t.strictSame(await all(fresh), await all(old), 'every time, id and origin')
  for (const { id } of (await old.memories.list(ada, {}, { limit: 1000 })).memories) t.strictSame(await fresh.memories.get(ada, id), await old.memories.get(ada, id))
  t.strictSame(await recalls(fresh), await recalls(old), 'the same ids in the same order with the same scores')
  t.notOk((await recalls(fresh)).some(recall => (recall as { lexicalOnly: boolean }).lexicalOnly))
  t.strictSame(await fresh.policies.of(ada), await old.policies.of(ada))
  t.strictSame(withoutHead(await fresh.take()).filter(line => !line.includes('"interaction",')), withoutHead(file).filter(line => !line.includes('"interaction",')), 'exported again it is the same')
  const said = async ({ interactions }: World): Promise<object[]> => (await interactions.since(0, 99, ada)).map(({ seq, remember, ...rest }) => rest)
  t.strictSame(await said(fresh), await said(old))
  const judged = async ({ feedback }: World, user = 'ada'): Promise<object[]> => (await feedback.list({ tenant: 'local', user }, { completion: null, session: null, kind: null, after: null, limit: 9 })).data.map(({ seq, ...rest }) => rest)
  t.strictSame(await judged(fresh), await judged(old))
  t.equal((await fresh.feedback.list({ tenant: 'local', user: 'ada' }, { completion: 'chatcmpl-2ada', session: null, kind: null, after: null, limit: 9 })).data.length, 1, 'on both answers of a preference')
  t.strictSame((await fresh.interactions.since(0, 9, ada)).map(({ remember }) => remember), [false, false, true], 'what had become memories does not again, and what had not still will')
  await fresh.database.check()

  t.match((await fresh.bring(file)).body, { memories: { brought: 0, there: 45 }, interactions: { brought: 0, there: 3 }, feedback: { brought: 0, there: 4 } }, 'a second time nothing is written')
  t.match((await fresh.bring(file, 'carol')).body, { memories: { brought: 45 }, interactions: { brought: 3 }, feedback: { brought: 4 } }, 'and another can have a copy')
  t.match((await fresh.bring(file, 'carol')).body, { memories: { there: 45 }, interactions: { there: 3 }, feedback: { there: 4 } })
  t.equal((await fresh.interactions.since(0, 9, { ...ada, user: 'carol' })).length, 3)
})

test('an export that was cut off is noticed wherever it was cut, and goes on where it stopped', async t => {
  const [old, fresh] = [await world(t), await world(t)]
  await lived(old)
  const file = Buffer.from(await old.take())
  for (const share of [0, 0.2, 0.5, 0.9]) {
    const { status, body } = await fresh.bring(file.subarray(0, file.lastIndexOf('\n', Math.floor(file.length * share)) + 1))
    t.match({ status, body }, { status: 400, body: { error: { code: 'import_incomplete' } } }, `${share}`)
  }
  t.match((await fresh.bring(file.subarray(0, file.length - 20))).body, { error: { code: 'import_invalid' } }, 'in the middle of a line')
  t.match(await fresh.policies.of(ada), { retentionDays: null }, 'a policy is set at the end only')
  // A connection that is lost.
  await new Promise<void>(resolve => {
    const half = request({ port: fresh.port, path: '/v1/users/ada/import', method: 'POST', headers: { 'content-length': file.length } })
    half.on('error', () => { resolve() })
    half.write(file.subarray(0, file.length / 2), () => { setTimeout(() => half.destroy(), 100) })
  })
  const { body } = await fresh.bring(file)
  t.match(body, { memories: { brought: Number, there: Number } })
  const { brought, there } = body.memories as { brought: number, there: number }
  t.ok(brought + there === 45 && there > 0, 'what had come is not brought again')
  t.equal((await fresh.memories.list(ada, {}, { limit: 1000 })).memories.length, 45)
  t.strictSame(await recalls(fresh), await recalls(old))
})

test('a file that is none, is changed or is hostile is refused with its line, and nothing past it is kept', async t => {
  const [old, fresh] = [await world(t), await world(t, { config: { bodyLimit: 4096 } })]
  await lived(old)
  const lines = (await old.take()).trim().split('\n')
  const changed = (i: number, change: object): string => lines.with(i, JSON.stringify({ ...JSON.parse(lines[i]!) as object, ...change })).join('\n')
  const asks = lines.findIndex(line => line.includes('"type":"interaction"'))
  const [memory, user] = [2, lines.findIndex(line => line.includes('"position":null'))]
  const cases: [string, string | Uint8Array<ArrayBuffer>, string, string?][] = [
    ['nothing', '', 'import_incomplete'],
    ['no JSON', 'hello', 'import_invalid', 'line 1'],
    ['another JSON', '{"turns":[]}', 'import_invalid', 'line 1'],
    ['a later form', changed(0, { format: 2 }), 'import_invalid', 'line 1'],
    ['no UTF-8', Uint8Array.of(0x22, 0xff, 0x22), 'import_invalid', 'line 1'],
    ['a list', [lines[0], '[1]'].join('\n'), 'import_invalid', 'line 2'],
    ['a prototype', [lines[0], '{"type":"memory","__proto__":{}}'].join('\n'), 'import_invalid', 'line 2'],
    ['an unknown row', [lines[0], '{"type":"owners","tenant":"other"}'].join('\n'), 'import_invalid', 'line 2'],
    ['a row of a prototype\'s name', [lines[0], '{"type":"constructor"}'].join('\n'), 'import_invalid', 'line 2'],
    ['an owner', changed(memory, { owner: 1 }), 'import_invalid', `line ${memory + 1}`],
    ['an id that is none of ours', changed(memory, { id: 'mem_1' }), 'import_invalid', `line ${memory + 1}`],
    ['a kind', changed(memory, { kind: 'system' }), 'import_invalid', `line ${memory + 1}`],
    ['a blank text', changed(memory, { content: ' ' }), 'import_invalid', `line ${memory + 1}`],
    ['a text too long', changed(memory, { content: 'x'.repeat(10_000) }), 'import_invalid', `line ${memory + 1}`],
    ['a time that is none', changed(memory, { at: '2024-02-30' }), 'import_invalid', `line ${memory + 1}`],
    ['a place', changed(memory, { position: 1e300 }), 'import_invalid', `line ${memory + 1}`],
    ['a place in no session', changed(user, { position: 1 }), 'import_invalid', `line ${user + 1}`],
    ['a NUL', changed(memory, { session: 'a\0b' }), 'import_invalid', `line ${memory + 1}`],
    ['a retention of 0', changed(1, { retention_days: 0 }), 'import_invalid', 'line 2'],
    ['a retention of -1', changed(1, { retention_days: -1 }), 'import_invalid', 'line 2'],
    ['a role', changed(asks, { messages: [{ role: 'root', content: 'x' }] }), 'import_invalid', `line ${asks + 1}`],
    ['a digest', changed(asks, { digest: 'x' }), 'import_invalid', `line ${asks + 1}`],
    ['a rating', changed(lines.length - 2, { kind: 'rating', value: 7 }), 'import_invalid', `line ${lines.length - 1}`],
    ['words on nothing', changed(lines.length - 2, { session: null }), 'import_invalid', `line ${lines.length - 1}`],
    ['something after the end', [...lines, lines[1]].join('\n'), 'import_invalid', `line ${lines.length + 1}`],
    ['another text', changed(memory, { content: 'I never said this.' }), 'import_damaged'],
    ['a row less', lines.toSpliced(memory, 1).join('\n'), 'import_damaged'],
    ['no first line', lines.slice(1).join('\n'), 'import_invalid', 'line 1']
  ]
  for (const [what, body, code, param] of cases) t.match(await fresh.bring(body), { status: 400, body: { error: { code, ...param !== undefined && { param } } } }, what)
  t.match((await fresh.bring(changed(0, { format: 2 }))).body.error?.message, /form 2 of an export/)
  t.match(await fresh.policies.of(ada), { retentionDays: null })
  await fresh.database.check()

  const later = changed(memory, { recorded_at: '9999-01-01T00:00:00Z' }).split('\n')
  const sealed = [...later.slice(0, -1), JSON.stringify({ type: 'end', rows: later.length - 2, sha256: createHash('sha256').update(`${later.slice(0, -1).join('\n')}\n`).digest('hex') })].join('\n')
  t.equal((await fresh.bring(sealed, 'dan')).status, 200)
  t.ok((await fresh.memories.list({ ...ada, user: 'dan' }, {}, { limit: 1000 })).memories.every(({ recordedAt }) => recordedAt <= Date.now()), 'its time to go cannot be put off')
})

test('a person is taken along from the terminal', async t => {
  const [old, fresh] = [await world(t), await world(t)]
  await lived(old)
  const file = join(t.testdir(), 'ada.jsonl')
  const out = createWriteStream(file)
  await exportUser({ url: old.url, key: null }, 'ada', out)
  await finished(out.end())
  const lines: string[] = []
  for (let i = 0; i < 2; i++) await importUser({ url: fresh.url, key: null }, 'ada', file, line => { lines.push(line) })
  t.strictSame(lines, ['Of ada came in: 45 memories, 3 answers and 4 words on them.', 'Of ada came in: 0 memories (45 more were there already), 0 answers (3 more were there already) and 0 words (4 more were there already) on them.'])
  await t.rejects(importUser({ url: fresh.url, key: null }, 'ada', `${file}.not`, () => {}), /no file/)
  const cut = await world(t, { portability: { export: async function * () { throw new Error('no more') }, import: async () => { throw new Error('unused') } } })
  await t.rejects(exportUser({ url: cut.url, key: null }, 'ada', createWriteStream(file)), /lost|incomplete/)
})

test('only who may speak for the person takes or brings it, and brings no leave to train', async t => {
  const caller = (over: Partial<Caller>): Caller => ({ tenant: 'local', keyId: 'k', scopes: new Set(['memory', 'chat']), user: null, namedBy: null, policy: keyedPolicy, boundUser: null, models: null, requestsPerMinute: null, tokensPerDay: null, ...over })
  const bearer = { authorization: 'Bearer ek_x' }
  const old = await world(t)
  await lived(old)
  const file = await old.take()
  const bound = await world(t, { verify: async () => caller({ boundUser: 'bob', user: 'bob', namedBy: 'key' }) })
  t.match(JSON.parse(await bound.take('ada', bearer)), { error: { code: 'user_mismatch' } })
  t.match(await bound.bring(file, 'ada', bearer), { status: 403, body: { error: { code: 'user_mismatch' } } })
  t.equal((await bound.bring(file, 'bob', bearer)).status, 200)
  t.ok((await bound.interactions.since(0, 9)).every(({ training }) => !training))
  for (const scope of ['memory', 'chat'] as const) {
    const half = await world(t, { verify: async () => caller({ scopes: new Set([scope]) }) })
    t.match(JSON.parse(await half.take('ada', bearer)), { error: { code: 'insufficient_scope' } })
    t.match(await half.bring(file, 'ada', bearer), { status: 403 })
  }
  const unkept = await world(t, { verify: async () => caller({ policy: { ...keyedPolicy, store: false } }) })
  t.match(await unkept.bring(file, 'ada', bearer), { status: 403, body: { error: { code: 'memory_off' } } })
  await old.policies.change(bob, { write: false })
  t.match(await old.bring(file, 'bob'), { status: 403, body: { error: { code: 'memory_off' } } })
})

test('an erasure ends an import and an export, and nothing of either comes back', async t => {
  const old = await world(t)
  await lived(old)
  const file = Buffer.from(await old.take())
  const coming = new ReadableStream({
    async start (controller) {
      controller.enqueue(file.subarray(0, file.length - 400))
      while ((await old.interactions.since(0, 1, bob)).length === 0) await new Promise(resolve => setTimeout(resolve, 10))
      await old.erasures.erase(bob)
      controller.enqueue(file.subarray(file.length - 400))
      controller.close()
    }
  })
  const reply = await fetch(`${old.url}/v1/users/bob/import`, { method: 'POST', body: coming, duplex: 'half' } as RequestInit)
  t.match(await reply.json(), { error: { code: 'user_erased' } })
  t.strictSame((await old.memories.list(bob, {}, { limit: 9 })).memories, [])
  t.strictSame(await old.interactions.since(0, 9, bob), [])

  const rows = createExport({ ...old, policies: old.policies })(ada)
  await rows.next()
  await old.erasures.erase(ada)
  await t.rejects((async () => { for await (const row of rows) t.ok(row) })(), { code: 'user_erased' })
})
