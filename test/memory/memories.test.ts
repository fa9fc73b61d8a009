import t from 'tap'
import type { NewMemory } from '../../src/memory/memories.ts'
import { ada, bob, openedMemories } from './opened.ts'

const turn = (text: string, more: Partial<NewMemory> = {}): NewMemory => ({ kind: 'turn', text, session: 'first', role: 'user', ...more })

t.test('what one person said is found again, and by nobody else', async t => {
  const { memories } = await openedMemories(t)
  await memories.remember(ada, [turn('My dog is called Biscuit.'), turn('I work at the observatory.')])
  const found = await memories.recall(ada, { query: 'What is the name of my dog?', explain: true })
  t.equal(found.memories[0]?.text, 'My dog is called Biscuit.')
  t.strictSame(found.memories[0]?.why?.words, ['dog'])
  t.ok(found.lexicalOnly)
  t.strictSame((await memories.recall(bob, { query: 'What is the name of my dog?' })).memories, [])
})

t.test('words around a turn find it too, also when they come later or go again', async t => {
  const { memories } = await openedMemories(t)
  const said = async (query: string): Promise<string[]> => (await memories.recall(ada, { query })).memories.map(({ text }) => text)
  const { ids: [question] } = await memories.remember(ada, [turn('Where did you go diving?')])
  await memories.remember(ada, [turn('Near Zanzibar.')])
  t.strictSame(new Set(await said('diving')), new Set(['Where did you go diving?', 'Near Zanzibar.']), 'the turn after has it around')
  t.strictSame(new Set(await said('Zanzibar')), new Set(['Where did you go diving?', 'Near Zanzibar.']), 'and the turn before what came after')
  t.equal(await memories.forget(ada, [question!]), 1)
  t.strictSame(await said('diving'), [], 'an erased word is around nothing any more')
  t.strictSame(await said('Zanzibar'), ['Near Zanzibar.'])
})

t.test('a memory sent twice is kept once, and its id is told again', async t => {
  const { memories } = await openedMemories(t)
  const item = turn('I moved to Lisbon.', { externalId: 'm1' })
  const { ids: [first] } = await memories.remember(ada, [item])
  t.strictSame((await memories.remember(ada, [item, turn('It is sunny.'), item])).ids.filter(id => id === first).length, 2)
  t.equal((await memories.list(ada, {}, { limit: 10 })).memories.length, 2)
  t.not((await memories.remember(bob, [item])).ids[0], first, 'each person has ids of their own')
})

t.test('what two write at once for one person is all kept, each once and in one line', async t => {
  const { memories } = await openedMemories(t)
  await Promise.all(Array.from({ length: 20 }, async (_, i) => await memories.remember(ada, [turn(`Number ${i}.`)])))
  const { memories: all } = await memories.list(ada, {}, { limit: 50 })
  t.strictSame(all.map(({ position }) => position).sort((a, b) => a! - b!), Array.from({ length: 20 }, (_, i) => i))
})

t.test('a changed memory is found as it is now, has its old wording as history, and is gone with it', async t => {
  const { memories } = await openedMemories(t)
  const { ids: [id] } = await memories.remember(ada, [{ kind: 'note', text: 'The alarm code is heliotrope.', externalId: 'code' }])
  await memories.change(ada, id!, { text: 'The alarm code is marigold.' })
  t.strictSame((await memories.recall(ada, { query: 'alarm code' })).memories.map(({ text }) => text), ['The alarm code is marigold.'])
  t.match(await memories.get(ada, id!), { externalId: 'code', endedAt: null, history: [{ text: 'The alarm code is heliotrope.', supersededBy: id }] })
  const { at } = (await memories.get(ada, id!))!
  await memories.change(ada, id!, { text: 'The alarm code is lavender.', at: at + 60_000 })
  const code = async (asOf: number): Promise<string[]> => (await memories.recall(ada, { query: 'alarm code', asOf })).memories.map(({ text }) => text)
  t.strictSame(await code(at), ['The alarm code is marigold.'], 'a correction holds from the beginning')
  t.strictSame(await code(at + 60_000), ['The alarm code is lavender.'], 'a change from its own time')
  t.equal(await memories.change(bob, id!, { text: 'Mine.' }), null)
  t.equal(await memories.get(bob, id!), null)
  t.equal(await memories.forget(bob, [id!]), 0)
  t.equal(await memories.forget(ada, [id!]), 3)
  t.strictSame((await memories.list(ada, {}, { limit: 10 })).memories, [])
})

t.test('a fact that supersedes another holds from its time on, and the other until then', async t => {
  const { memories } = await openedMemories(t)
  const [then, later] = [Date.UTC(2023, 4, 8), Date.UTC(2024, 0, 2)]
  const { ids: [lisbon] } = await memories.remember(ada, [{ kind: 'fact', text: 'Ada lives in Lisbon.', at: then }])
  await memories.remember(ada, [{ kind: 'fact', text: 'Ada lives in Porto.', at: later, supersedes: [lisbon!] }])
  const home = async (asOf: number): Promise<string[]> => (await memories.recall(ada, { query: 'Where does Ada live?', asOf })).memories.map(({ text }) => text)
  t.strictSame(await home(later - 1), ['Ada lives in Lisbon.'])
  t.strictSame(await home(later), ['Ada lives in Porto.'])
  t.strictSame(await home(then - 1), [])
})

t.test('what was derived from a turn goes with it', async t => {
  const { memories } = await openedMemories(t)
  const { ids: [source] } = await memories.remember(ada, [turn('Call me Countess.')])
  await memories.remember(ada, [{ kind: 'preference', text: 'Wants to be called Countess.', source: source! }])
  t.equal(await memories.forget(ada, [source!]), 2)
})

t.test('a list goes through all pages, newest first, and keeps to its filter', async t => {
  const { memories } = await openedMemories(t)
  await memories.remember(ada, Array.from({ length: 7 }, (_, i) => ({ kind: i % 2 === 0 ? 'note' : 'turn', text: `Item ${i}`, session: i % 2 === 0 ? null : 's' } as const)))
  const first = await memories.list(ada, { kinds: ['note'] }, { limit: 3 })
  t.strictSame(first.memories.map(({ text }) => text), ['Item 6', 'Item 4', 'Item 2'])
  const rest = await memories.list(ada, { kinds: ['note'] }, { limit: 3, after: first.next })
  t.strictSame([rest.memories.map(({ text }) => text), rest.next], [['Item 0'], null])
})

t.test('what cannot be remembered is refused whole', async t => {
  const { memories } = await openedMemories(t)
  for (const [text, code] of [['', 'invalid_memory'], [' \n', 'invalid_memory'], ['x'.repeat(1 << 20), 'memory_too_large']] as const) {
    await t.rejects(memories.remember(ada, [turn('Fine.'), turn(text)]), { code })
  }
  await t.rejects(memories.remember(ada, [turn('Fine.', { at: NaN })]), { code: 'invalid_memory' })
  t.strictSame((await memories.list(ada, {}, { limit: 10 })).memories, [])
})

t.test('odd texts are kept as they are: half characters made whole, zeros, query operators, 131,072 characters', async t => {
  const { memories } = await openedMemories(t)
  const odd = ['a\u0000b "NEAR(" OR *; drop table memories --', 'half \ud800 here', '🧑‍🚀 ก็ 東京', 'word '.repeat(26_214), 'x'.repeat(131_072)]
  await memories.remember(ada, odd.map(text => turn(text)))
  const { memories: all } = await memories.list(ada, {}, { limit: 10 })
  t.strictSame(all.map(({ text }) => text).reverse(), odd.map(text => text.toWellFormed()))
  t.equal((await memories.recall(ada, { query: '"NEAR(" OR *' })).memories[0]?.text, odd[0])
  t.equal((await memories.recall(ada, { query: '東京' })).memories[0]?.text, odd[2])
})

t.test('a long memory is found by any part of it, once, and told whole with that part as its quote', async t => {
  const { memories } = await openedMemories(t)
  const text = `${'The walrus sleeps on ice. '.repeat(60)}The password is on the blue door. ${'The walrus eats clams. '.repeat(60)}`
  await memories.remember(ada, [{ kind: 'note', text }])
  const found = (await memories.recall(ada, { query: 'walrus password' })).memories
  t.equal(found.length, 1)
  t.equal(found[0]?.text, text)
  t.match(found[0]?.quote, /password is on the blue door/)
  t.strictSame((await memories.recall(ada, { query: 'walrus password', exclude: { texts: [text] } })).memories, [], 'not into a conversation that it is in')
  t.strictSame((await memories.recall(ada, { query: 'walrus password', maxTokens: 20 })).memories, [], 'nor where there is no room for it')
})
