import fc from 'fast-check'
import { test } from 'tap'
import { openSocket } from '../support/socket.ts'
import { chatBody, events, startServer } from '../support/server.ts'
import { until } from '../support/wire.ts'
import { as, ask, assistant, captured, embedded, memoriesOf, patience, search, user } from './remembering.ts'

test('the memory of a real server', async t => {
  const server = await startServer(t)

  await t.test('what somebody said in one chat answers their next one, and nobody else\'s', async t => {
    const question = [user('What is the name of my dog?')]
    await ask(server, 'ada', [user('My dog is called Biscuit.')])
    await captured(server)
    const [said] = await memoriesOf(server, 'ada')
    t.match(said, { kind: 'turn', role: 'user', content: 'My dog is called Biscuit.' })
    const knowing = await ask(server, 'ada', question, { max_tokens: 24 })
    const without = await ask(server, 'ada', question, { max_tokens: 24, engraft: { memory: 'off' } })
    t.ok(knowing.engraft.memories.includes(said!.id))
    t.not(knowing.engraft.session, said!.session, 'in another session')
    t.match(knowing.content, /Biscuit/)
    t.notMatch(without.content, /Biscuit/)
    t.strictSame(without.engraft.memories, [])
    const stranger = await ask(server, 'bob', question, { max_tokens: 24 })
    t.strictSame(stranger.engraft.memories, [])
    t.equal(stranger.content, without.content, 'he is answered as if nothing had been said')
    t.equal((await fetch(`${server.url}/v1/memories/${said!.id}`, as('bob'))).status, 404)
  })

  await t.test('a question that nothing said before has to do with gets no memories', async t => {
    await embedded(server)
    const { relevant } = await search(server, 'ada', 'How do I change the oil of a diesel engine?')
    t.equal(relevant, false)
    t.strictSame((await ask(server, 'ada', [user('How do I change the oil of a diesel engine?')], { engraft: { memory: 'read' } })).engraft.memories, [])
  })

  await t.test('each turn is captured once: resent, asked again, edited, streamed and over a WebSocket', async t => {
    const texts = async (name: string): Promise<string[]> => (await memoriesOf(server, name)).map(({ content }) => content)
    const begun = [user('I grow tomatoes.')]
    const first = await ask(server, 'carl', begun)
    const longer = [...begun, assistant(first.content), user('And basil.')]
    const second = await ask(server, 'carl', longer)
    await captured(server)
    t.strictSame(await texts('carl'), ['I grow tomatoes.', first.content, 'And basil.', second.content], 'a conversation is sent whole each time')

    const again = await ask(server, 'carl', longer, { temperature: 1.5, seed: 7 })
    await captured(server)
    t.not(again.content, second.content)
    t.strictSame(await texts('carl'), ['I grow tomatoes.', first.content, 'And basil.', again.content], 'an answer asked for again takes the place of the one before')

    const edited = await ask(server, 'carl', [...begun, assistant(first.content), user('And peppers.')])
    await captured(server)
    t.strictSame(await texts('carl'), ['I grow tomatoes.', first.content, 'And peppers.', edited.content], 'an edited turn too')
    t.equal(new Set((await memoriesOf(server, 'carl')).map(({ session }) => session)).size, 1)

    const frames = await Array.fromAsync(events(await server.post('/v1/chat/completions', chatBody('I keep bees.', { stream: true }), as('dora'))))
    t.equal(frames.at(-1), 'data: [DONE]')
    const { frames: heard, create } = await openSocket(t, server.port)
    create('w', chatBody('I play chess.', { user: 'dora' }))
    await until(() => heard.at(-1)?.type === 'done', patience)
    await captured(server)
    const dora = (await memoriesOf(server, 'dora')).filter(({ kind }) => kind === 'turn')
    t.strictSame(dora.filter(({ role }) => role === 'user').map(({ content }) => content), ['I keep bees.', 'I play chess.'])
    t.equal(dora.length, 4)
  })

  await t.test('less is remembered where less is asked for', async t => {
    await server.post('/v1/memories', { content: 'Lives in a lighthouse.' }, as('eve'))
    const asked = async (over: object): Promise<number> => {
      const { engraft } = await ask(server, 'eve', [user(`Where do I live, in a lighthouse? ${JSON.stringify(over)}`)], over)
      await captured(server)
      return engraft.memories.length
    }
    const count = async (): Promise<number> => (await memoriesOf(server, 'eve')).length
    t.equal(await asked({ engraft: { memory: 'off' } }), 0)
    t.equal(await asked({ engraft: { memory: 'write' } }), 0, 'only written')
    t.equal(await count(), 3)
    t.ok(await asked({ engraft: { memory: 'read' } }) > 0, 'only read')
    t.ok(await asked({ store: false }) > 0, 'what is not stored is not remembered')
    t.equal(await count(), 3)
    const before = await server.metric('engraft_turns_captured_total')
    t.match((await ask(server, '', [user('I have no name.')])).engraft, { session: null, recorded: null, memories: [] })
    await captured(server)
    t.equal(await server.metric('engraft_turns_captured_total') - before, 2, 'of one who names nobody nothing is kept: the two turns are those of the marker')
  })

  await t.test('no system prompt, no tool\'s output and nothing recalled is remembered', async t => {
    await server.post('/v1/memories', { content: 'The gate code is heliotrope.' }, as('finn'))
    await ask(server, 'finn', [{ role: 'system', content: 'Be brief about zeppelins.' }, user('What is the gate code?')])
    await captured(server)
    const said = (await memoriesOf(server, 'finn')).slice(1)
    t.strictSame(said.map(({ role }) => role), ['user', 'assistant'])
    t.equal(said[0]?.content, 'What is the gate code?')
  })

  await t.test('two who write at once for one person, the same and other things, keep each once', async t => {
    const turns = Array.from({ length: 60 }, (_, i) => ({ content: `Shared ${i}.`, external_id: `x${i}` }))
    const replies = await Promise.all([0, 1, 2, 3].flatMap(writer => [
      server.post('/v1/memories', { session: 's', turns }, as('gina')),
      server.post('/v1/memories', { content: `Own of ${writer}.` }, as('gina'))
    ]))
    t.ok(replies.every(({ status }) => status === 202))
    const all = (await memoriesOf(server, 'gina')).map(({ content }) => content)
    t.strictSame(all.toSorted(), [...turns.map(({ content }) => content), ...[0, 1, 2, 3].map(writer => `Own of ${writer}.`)].toSorted())
  })

  await t.test('whoever writes, changes, erases and asks what, each user finds their own and only that', async t => {
    const words = ['dog', 'house', 'Lisbon', 'peanuts', 'violin', '東京', 'ก็ตาม', 'NEAR(', '"']
    const text = fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 4 }).map(picked => picked.join(' '))
    const command = fc.record({ who: fc.constantFrom('ada', 'Ada', 'ada ada', 'ądą', '東'), what: fc.constantFrom('write', 'write', 'change', 'erase', 'search', 'chat'), text, pick: fc.nat() })
    let run = 0
    await fc.assert(fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 20 }), async commands => {
      const suffix = `~${++run}`
      const known = new Map<string, Map<string, string>>()
      for (const { who, what, text, pick } of commands) {
        const name = who + suffix
        const mine = known.get(name) ?? new Map<string, string>()
        known.set(name, mine)
        const others = [...known].filter(([other]) => other !== name).flatMap(([, memories]) => [...memories.keys()])
        const stranger = others[pick % Math.max(others.length, 1)]
        const own = [...mine.keys()][pick % Math.max(mine.size, 1)]
        const call = async (method: string, id: string, body?: object): Promise<number> => (await fetch(`${server.url}/v1/memories/${id}`, { method, headers: { ...as(name).headers as object, 'content-type': 'application/json' }, ...(body !== undefined && { body: JSON.stringify(body) }) })).status
        const ids = async (found: Promise<{ readonly data: readonly { readonly id: string }[] }>): Promise<string[]> => (await found).data.map(({ id }) => id)
        if (what === 'write') mine.set(((await (await server.post('/v1/memories', { content: text }, as(name))).json()) as { data: { id: string }[] }).data[0]!.id, text)
        if (what === 'change') for (const id of [own, stranger]) if (id !== undefined && await call('PATCH', id, { content: `${text} now` }) !== (mine.has(id) ? 200 : 404)) return false
        if (what === 'erase') for (const id of [own, stranger]) if (id !== undefined && await call('DELETE', id).then(status => { const was = mine.delete(id); return status !== (was ? 200 : 404) })) return false
        if (what === 'search' && !(await ids(search(server, name, text))).every(id => mine.has(id))) return false
        if (what === 'chat' && !(await ask(server, name, [user(text)], { max_tokens: 1, engraft: { memory: 'read' } })).engraft.memories.every(id => mine.has(id))) return false
      }
      for (const [name, mine] of known) {
        // What a change replaced stays as history, under an id of its own.
        const holding = (await memoriesOf(server, name) as unknown as { id: string, ended_at: string | null }[]).filter(({ ended_at: ended }) => ended === null).map(({ id }) => id)
        if (holding.toSorted().join() !== [...mine.keys()].toSorted().join()) return false
        for (const word of words) if (!(await search(server, name, word, { limit: 100 })).data.every(({ id }) => mine.has(id))) return false
      }
      return true
      // A run takes half a second: looking for a smaller failure would take minutes.
    }), { numRuns: 12, endOnFailure: true })
    t.pass()
  })
})

test('without an embedding model memories are found by their words, and that is said', async t => {
  const server = await startServer(t, ['--embedder', 'none'])
  await ask(server, 'ada', [user('My dog is called Biscuit.')])
  await captured(server)
  t.match(await search(server, 'ada', 'What is my dog called?', { limit: 1 }), { data: [{ content: 'My dog is called Biscuit.' }], relevant: true, lexical_only: true })
  t.ok((await ask(server, 'ada', [user('What is my dog called?')])).engraft.memories.length > 0)
  t.strictSame((await search(server, 'ada', 'submarine')).data, [])
})

test('with memory on, a conversation is read from the slot as it is with memory off', async t => {
  const server = await startServer(t)
  const turns = Array.from({ length: 40 }, (_, i) => ({ role: 'user', content: `On day ${i} of the voyage we saw ${i + 2} whales near the island of ${['Faial', 'Pico', 'Flores', 'Corvo'][i % 4]}.` }))
  await server.post('/v1/memories', { session: 'voyage', turns }, as('on'))
  await embedded(server)
  const cached = async (name: string, memory: 'on' | 'off'): Promise<{ cached: number[], recalled: number }> => {
    const counts: number[] = []
    let recalled = 0
    let messages = [user(`For ${name}: ${'the ship sails west and the wind is fair. '.repeat(60)} How many whales did we see near Pico?`)]
    for (let turn = 1; turn <= 6; turn++) {
      const { content, usage, engraft } = await ask(server, name, messages, { engraft: { memory } })
      counts.push(usage.prompt_tokens_details.cached_tokens)
      recalled += engraft.memories.length
      messages = [...messages, assistant(content), user(`And near ${['Flores', 'Corvo', 'Faial', 'Pico', 'Flores', 'Corvo'][turn % 6]} on day ${turn * 3}, how many whales?`)]
    }
    return { cached: counts.slice(1), recalled }
  }
  const on = await cached('on', 'on')
  const off = await cached('off', 'off')
  t.ok(on.recalled > 10, `${on.recalled} memories were quoted`)
  for (const [i, count] of on.cached.entries()) t.ok(count >= 0.95 * off.cached[i]!, `turn ${i + 2}: ${count} tokens cached with memory, ${off.cached[i]} without`)
})
