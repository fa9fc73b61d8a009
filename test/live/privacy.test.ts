import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { chatBody, endlessBias, events, startServer } from '../support/server.ts'
import { as, ask, assistant, captured, embedded, memoriesOf, user } from './remembering.ts'

interface Receipt { readonly id: string, readonly erased_at: string | null, readonly rows: Readonly<Record<string, number>> }

/** All bytes below a folder, but for the models. */
function bytesBelow (folder: string): Buffer {
  return Buffer.concat(readdirSync(folder, { withFileTypes: true }).map(entry => entry.isDirectory() ? bytesBelow(join(folder, entry.name)) : readFileSync(join(folder, entry.name))))
}

test('what a real server keeps of people, and how it goes', async t => {
  const server = await startServer(t)
  const erase = async (name: string): Promise<Receipt> => await (await fetch(`${server.url}/v1/users/${name}`, { method: 'DELETE' })).json() as Receipt
  const patch = async (name: string, body: object): Promise<number> => (await fetch(`${server.url}/v1/users/${name}`, { method: 'PATCH', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })).status

  await t.test('a policy holds for the next answer, and a request cannot ask for more', async t => {
    await ask(server, 'eve', [user('I keep axolotls.')])
    await captured(server)
    t.equal((await memoriesOf(server, 'eve')).length, 2)
    t.equal(await patch('eve', { memory: { read: false, write: false } }), 200)
    const { engraft } = await ask(server, 'eve', [user('Which axolotls do I keep?')], { engraft: { memory: 'on' } })
    await captured(server)
    t.strictSame(engraft.memories, [])
    t.equal((await memoriesOf(server, 'eve')).length, 2)
    t.equal(await patch('eve', { memory: { read: true }, store: false }), 200)
    const silent = await ask(server, 'eve', [user('Do I keep axolotls?')], { store: true })
    t.ok(silent.engraft.memories.length > 0)
    t.equal(silent.engraft.recorded, null)
  })

  await t.test('an erasure ends the answer under way, leaves no byte, and touches nobody else', async t => {
    const said = [user('My xylophone is called Zanzibar.')]
    const first = await ask(server, 'ada', said)
    await ask(server, 'ada', [...said, assistant(first.content), user('And my zither is called Timbuktu.')])
    await ask(server, 'bob', [user('I play the trombone.')])
    await captured(server)
    await embedded(server)
    t.ok(bytesBelow(server.data).includes('Zanzibar'))
    const before = await memoriesOf(server, 'bob')
    // The same words from somebody else are read fast as long as the engine remembers them.
    const repeated = async (): Promise<number> => (await ask(server, 'carl', said, { store: false, engraft: { memory: 'off' } })).usage.prompt_tokens_details.cached_tokens
    t.ok(await repeated() > 20)

    const stream = events(await server.post('/v1/chat/completions', chatBody('Tell me of Zanzibar for ever.', { max_tokens: 3000, stream: true, ...endlessBias }), as('ada')))
    const heard = [(await stream.next()).value as string, (await stream.next()).value as string]
    const [receipt, same] = await Promise.all([erase('ada'), erase('ada')])
    t.strictSame(receipt, same)
    for await (const event of stream) heard.push(event)
    t.match(heard.at(-1), /"code":"user_erased"/)
    t.ok(receipt.erased_at !== null)
    t.equal(await repeated(), 0, 'what the engine had read of the tenant is not told by how fast it reads')
    t.ok((receipt.rows.interactions ?? 0) === 2 && (receipt.rows.memories ?? 0) >= 4, JSON.stringify(receipt.rows))
    await captured(server)
    t.strictSame(await memoriesOf(server, 'ada'), [])
    const bytes = bytesBelow(server.data)
    for (const word of ['anzibar', 'imbuktu', 'ylophon']) t.notOk(bytes.includes(word), word)
    t.notMatch(server.log(), /anzibar|imbuktu|user_erased.*ada/)
    t.strictSame(await memoriesOf(server, 'bob'), before)

    await ask(server, 'ada', [user('Hello, I am new here.')])
    await captured(server)
    t.equal((await memoriesOf(server, 'ada')).filter(({ role }) => role === 'user').length, 1, 'who comes back is new')
  })

  await t.test('what is forgotten by itself is not read fast any more: a memory by its id, by asking in a chat, and an answer', async t => {
    const said = (what: string) => [user(`My ${what} stands in the little room behind the kitchen, beside the blue door.`)]
    /** How much of it the engine would reuse for somebody else of the tenant. */
    const reused = async (what: string): Promise<number> => (await ask(server, 'carl', said(what), { store: false, engraft: { memory: 'off' } })).usage.prompt_tokens_details.cached_tokens
    const tell = async (what: string): Promise<string> => {
      await ask(server, 'dora', said(what))
      await captured(server)
      t.ok(await reused(what) > 20, 'until then it is')
      return (await memoriesOf(server, 'dora')).find(({ role, content }) => role === 'user' && content.includes(what))!.id
    }

    const id = await tell('harpsichord')
    t.equal((await fetch(`${server.url}/v1/memories/${id}`, { method: 'DELETE', ...as('dora') })).status, 200)
    t.equal(await reused('harpsichord'), 0)

    await tell('accordion')
    await ask(server, 'dora', [user('Forget that my accordion stands in the little room behind the kitchen, beside the blue door.')])
    await captured(server)
    t.notOk((await memoriesOf(server, 'dora')).some(({ content }) => content.includes('accordion')))
    t.equal(await reused('accordion'), 0)

    await tell('clavichord')
    const { data } = await (await fetch(`${server.url}/v1/chat/completions?user=dora&limit=1&order=desc`, as('dora'))).json() as { data: { id: string }[] }
    t.equal((await fetch(`${server.url}/v1/chat/completions/${data[0]!.id}`, { method: 'DELETE', ...as('dora') })).status, 200)
    t.equal(await reused('clavichord'), 0)
  })
})
