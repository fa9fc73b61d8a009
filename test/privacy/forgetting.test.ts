import { randomUUID } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Test, test } from 'tap'
import type { Message } from '../../src/inference/engine.ts'
import { openInteractions } from '../../src/interactions/open.ts'
import { createCapture } from '../../src/memory/capture.ts'
import { createProfile } from '../../src/memory/profile/profile.ts'
import { createForgetting, createForgettingInTurn } from '../../src/privacy/forgetting.ts'
import { People } from '../../src/privacy/people.ts'
import { openPolicies } from '../../src/privacy/policies.ts'
import { createRetention } from '../../src/privacy/retention.ts'
import { answers, choice, interaction, says } from '../interactions/fixtures.ts'
import { ada, bob, openedMemories } from '../memory/opened.ts'

async function world (t: Test, retentionDays = 0) {
  const opened = await openedMemories(t)
  const { database, memories } = opened
  const people = new People()
  const interactions = openInteractions(database)
  const log = (message: string, { error }: Readonly<Record<string, unknown>>): void => { t.fail(`${message}: ${String(error)}`) }
  const capture = createCapture({ database, interactions, memories, profile: createProfile({ ...memories, forget: async (owner, ids) => await createForgettingInTurn({ database, memories })(owner, ids as string[]) }), inTurn: async work => await people.inTurn(work), log })
  t.teardown(() => capture.close())
  const forget = createForgetting({ database, memories, people })
  const unread: string[] = []
  const retention = createRetention({ database, memories, unread: tenant => { unread.push(tenant) }, retentionOf: tenant => tenant === ada.tenant && retentionDays > 0 ? retentionDays : null, log })
  /** Puts a conversation and its answer on record as a chat does. */
  const chat = async (owner: typeof ada, messages: readonly Message[], answer: string, over: Partial<ReturnType<typeof interaction>> = {}): Promise<string> => {
    const { session } = await interactions.open(owner, null, messages)
    const id = randomUUID()
    await interactions.record(interaction({ id, owner, session, created: Date.now(), messages, choices: [choice(answer)], remember: true, ...over }))
    await capture.settled()
    return id
  }
  const texts = async (owner = ada): Promise<string[]> => (await memories.list(owner, { kinds: ['turn', 'note'] }, { limit: 100 })).memories.map(({ text }) => text).reverse()
  const files = (): Buffer => Buffer.concat(readdirSync(dirname(opened.path)).map(name => readFileSync(join(dirname(opened.path), name))))
  const reach = { tenant: ada.tenant, user: null }
  return { ...opened, interactions, forget, retention, unread, chat, texts, files, reach }
}

test('a forgotten turn leaves no byte in memory, record and prompts, and does not come back when it is sent again', async t => {
  const { memories, interactions, forget, chat, texts, files, reach } = await world(t)
  const begun = [says('My secret is ultramarine.')]
  await chat(ada, begun, 'I see.')
  const [said] = (await memories.list(ada, {}, { limit: 9 })).memories.filter(({ role }) => role === 'user')
  const quoting = await chat(ada, [says('What did I say?')], 'Something.', { block: '<memory>My secret is ultramarine.</memory>', memories: [said!.id], profile: '<profile>Ada</profile>' })
  const others = await chat(bob, begun, 'I see.')
  const longer = [...begun, answers('I see.'), says('And I like tea.')]
  await chat(ada, longer, 'Fine.')

  t.equal(await forget(ada, [said!.id]), 1)
  t.strictSame(await texts(), ['I see.', 'What did I say?', 'Something.', 'And I like tea.', 'Fine.'])
  t.match(await interactions.find(reach, quoting), { block: null, memories: [], profile: null })
  t.match(await interactions.find(reach, others), { messages: begun }, 'what another said is theirs')
  t.equal((await interactions.list({ tenant: ada.tenant, user: 'ada' }, { after: null, limit: 9, order: 'asc', model: null, metadata: {} })).data.length, 1)

  await chat(ada, [...longer, answers('Fine.'), says('And coffee.')], 'Good.')
  const after = await texts()
  t.notOk(after.some(text => text.includes('ultramarine')), 'sent again, it stays forgotten')
  t.ok(after.includes('And coffee.'))
  for (const { id } of (await memories.list(bob, {}, { limit: 9 })).memories) await forget(bob, [id])
  await interactions.remove(reach, (await interactions.list({ tenant: ada.tenant, user: 'ada' }, { after: null, limit: 1, order: 'desc', model: null, metadata: {} })).data[0]!.id)
  await forget(ada, [(await memories.list(ada, {}, { limit: 1 })).memories[0]!.id])
  t.notOk(files().includes('ltramarine'), 'no byte of it is in a file')
  t.equal(await forget(ada, ['mem_unknown']), 0)
})

test('what is older than its person or the server keeps goes, the newer stays', async t => {
  const { database, memories, interactions, retention, unread, chat, texts, files, reach } = await world(t, 90)
  await openPolicies(database).change(bob, { retentionDays: 10 })
  const day = 86_400_000
  await chat(ada, [says('Vermilion is my colour.')], 'Yes.')
  await chat(bob, [says('Saffron is mine.')], 'Yes.')
  const now = Date.now()
  await retention.sweep(now + 9 * day)
  t.equal((await texts(bob)).length, 2)
  t.strictSame(unread, [])
  await retention.sweep(now + 11 * day)
  t.strictSame(await texts(bob), [], "a user's own time is shorter")
  t.strictSame(unread, [bob.tenant], 'and engines reuse nothing of it')
  t.equal((await texts()).length, 2)
  t.notOk(files().includes('affron'))
  await retention.sweep(now + 91 * day)
  t.strictSame(await texts(), [])
  t.notOk(files().includes('ermilion'))
  t.strictSame((await interactions.list(reach, { after: null, limit: 9, order: 'asc', model: null, metadata: {} })).data, [])
  await memories.remember(ada, [{ kind: 'note', text: 'New.' }])
  await retention.sweep(now)
  t.strictSame(await texts(), ['New.'])
})

test('"forget that…" in a chat leaves no byte of it in memory, record, prompts and files, and it does not come back', async t => {
  const { memories, interactions, chat, texts, files } = await world(t)
  const begun = [says('Hello. I am allergic to sesame seeds.')]
  await chat(ada, begun, 'Noted: you are allergic to sesame seeds.', { profile: '<profile>Hm</profile>' })
  await chat(ada, [says('My hint is ultramarine lagoon 42.')], 'I see.')
  await chat(ada, [says('I have two cats.')], 'Sweet.')
  await chat(bob, [says('I have two cats.'), answers('And?'), says('I am allergic to seeds of sesame.')], 'Noted.')
  t.match((await memories.list(ada, { kinds: ['fact'] }, { limit: 9 })).memories.map(({ text }) => text), [/cats/, /sesame/])
  t.ok(files().includes('esame seeds'))

  const longer = [...begun, answers('Noted: you are allergic to sesame seeds.'), says('Forget that I am allergic to sesame seeds. I live in Porto.')]
  await chat(ada, longer, 'Forgotten.', { block: '<memory>allergic to sesame seeds</memory>', memories: (await memories.list(ada, { kinds: ['fact'] }, { limit: 9 })).memories.map(({ id }) => id) })
  await chat(ada, [says('Forget that my hint is ultramarine lagoon 42.')], 'Done.')
  t.strictSame(await texts(), ['I see.', 'I have two cats.', 'Sweet.', 'Forgotten.', 'Done.'])
  t.strictSame((await memories.list(ada, { kinds: ['fact'] }, { limit: 9 })).memories.map(({ text }) => text), ['I live in Porto', 'I have two cats'], 'what else was said there is kept')
  const { data } = await interactions.list({ tenant: ada.tenant, user: 'ada' }, { after: null, limit: 9, order: 'asc', model: null, metadata: {} })
  t.strictSame(data.map(({ choices }) => choices[0]?.content), ['Sweet.'])
  t.notOk(files().includes('ltramarine'))
  t.notOk(files().includes('esame seeds'), 'no byte of it')
  t.strictSame((await texts(bob)).length, 4, 'what another said is theirs')

  await chat(ada, [...longer, answers('Forgotten.'), says('And tea, please.')], 'Fine.')
  t.notOk((await texts()).some(text => text.includes('sesame')), 'sent again, it stays forgotten')
  t.notMatch((await memories.list(ada, { kinds: ['fact'] }, { limit: 9 })).memories.map(({ text }) => text), [/sesame/])
})
