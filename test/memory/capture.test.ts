import { randomUUID } from 'node:crypto'
import { test, type Test } from 'tap'
import type { Message } from '../../src/inference/engine.ts'
import type { Interactions } from '../../src/interactions/interactions.ts'
import { openInteractions } from '../../src/interactions/open.ts'
import { createCapture, type Capture } from '../../src/memory/capture.ts'
import type { Memories, Memory, Owner } from '../../src/memory/memories.ts'
import { createProfile, type Profile } from '../../src/memory/profile/profile.ts'
import { seeded } from '../database/fixtures.ts'
import { answers, choice, interaction, says } from '../interactions/fixtures.ts'
import { ada, openedMemories } from './opened.ts'

interface World { readonly interactions: Interactions, readonly memories: Memories, readonly profile: Profile, readonly capture: Capture, again (): Capture }

async function world (t: Test): Promise<World> {
  const { database, memories } = await openedMemories(t)
  const interactions = openInteractions(database)
  const profile = createProfile(memories)
  const again = (): Capture => createCapture({ database, interactions, memories, profile, inTurn: async work => await work(), log: (message, { error }) => t.fail(`${message}: ${String(error)}`) })
  const capture = again()
  return { interactions, memories, profile, capture, again }
}

/** Puts a conversation and its answer on record as a chat does. */
async function chat ({ interactions }: World, owner: Owner, messages: readonly Message[], answer: string, over: { session?: string | null, remember?: boolean, error?: string | null } = {}): Promise<string> {
  const { session } = await interactions.open(owner, over.session ?? null, messages)
  await interactions.record(interaction({ id: randomUUID(), owner, session, created: Date.now(), messages, choices: [choice(answer)], remember: over.remember ?? true, error: over.error ?? null }))
  return session
}

async function all ({ memories }: World, owner: Owner): Promise<Memory[]> {
  const found: Memory[] = []
  for (let cursor: string | null = null; ;) {
    const { memories: page, next } = await memories.list(owner, { kinds: ['turn'] }, { after: cursor, limit: 100 })
    found.push(...page)
    if (next === null) return found.sort((a, b) => (a.session ?? '').localeCompare(b.session ?? '') || (a.position ?? 0) - (b.position ?? 0))
    cursor = next
  }
}

const texts = async (here: World, owner = ada): Promise<string[]> => (await all(here, owner)).map(({ text }) => text)

test('a conversation that is sent again with every question is remembered once, in order', async t => {
  const here = await world(t)
  const first = [says('My dog is called Biscuit.')]
  const session = await chat(here, ada, first, 'A lovely name.')
  await here.capture.settled()
  const second = [...first, answers('A lovely name.'), says('He likes carrots.')]
  await chat(here, ada, second, 'Noted.')
  await chat(here, ada, [...second, answers('Noted.'), says('And thunder scares him.')], 'Poor dog.')
  await here.capture.settled()
  t.strictSame(await texts(here), ['My dog is called Biscuit.', 'A lovely name.', 'He likes carrots.', 'Noted.', 'And thunder scares him.', 'Poor dog.'])
  const [turn] = await all(here, ada)
  t.match(turn, { kind: 'turn', role: 'user', session, position: 0, interaction: /.+/ })
})

test('an answer asked for again takes the place of the old one, an edited turn that of all that followed', async t => {
  const here = await world(t)
  const first = [says('Name a fruit.')]
  await chat(here, ada, first, 'Apple.')
  await here.capture.settled()
  await chat(here, ada, first, 'Pear.')
  await here.capture.settled()
  t.strictSame(await texts(here), ['Name a fruit.', 'Pear.'], 'the first answer is gone')
  const more = [...first, answers('Pear.'), says('And a colour?')]
  await chat(here, ada, more, 'Green.')
  await chat(here, ada, [...more, answers('Green.'), says('Why?')], 'Because.')
  await here.capture.settled()
  await chat(here, ada, [...first, answers('Pear.'), says('And a number?')], 'Seven.')
  await here.capture.settled()
  t.strictSame(await texts(here), ['Name a fruit.', 'Pear.', 'And a number?', 'Seven.'])
})

test('what is not said is not remembered: system prompts, tools, blocks, what was cut off or may not be', async t => {
  const here = await world(t)
  await chat(here, ada, [{ role: 'system', content: 'Be a pirate.' }, says('Ahoy, I am Ada.'), { role: 'assistant', content: '', calls: [{ id: 'c', name: 'look', arguments: '{}' }] }, { role: 'tool', content: 'a dump of a tool', callId: 'c' }], 'Arr.')
  await chat(here, ada, [says('Tell me a very long story.')], 'Once upon a', { error: 'caller_left' })
  await chat(here, ada, [says('This is private.')], 'I see.', { remember: false })
  await here.capture.settled()
  t.strictSame((await texts(here)).sort(), ['Ahoy, I am Ada.', 'Arr.', 'Tell me a very long story.'])
})

test('a session that a client names without sending its history keeps all that was said in it', async t => {
  const here = await world(t)
  for (const [question, answer] of [['I like tea.', 'Good.'], ['I play chess.', 'Nice.'], ['I like tea.', 'You said so.'], ['I sing.', 'Great.']] as const) {
    await chat(here, ada, [says(question)], answer, { session: 'desk' })
    await here.capture.settled()
  }
  t.strictSame(await texts(here), ['I like tea.', 'You said so.', 'I play chess.', 'Nice.', 'I sing.', 'Great.'].sort((a, b) => order(a) - order(b)))
  function order (text: string): number { return ['I like tea.', 'You said so.', 'I play chess.', 'Nice.', 'I sing.', 'Great.'].indexOf(text) }
})

test('a history that a client brings is remembered with its first question', async t => {
  const here = await world(t)
  await chat(here, ada, [says('I moved to Lisbon.'), answers('How nice.'), says('What do you know of me?')], 'You live in Lisbon.')
  await here.capture.settled()
  t.strictSame(await texts(here), ['I moved to Lisbon.', 'How nice.', 'What do you know of me?', 'You live in Lisbon.'])
})

test('looked at twice, or by one that forgot how far it had come, nothing is there twice', async t => {
  const here = await world(t)
  const messages: Message[] = []
  for (let i = 0; i < 12; i++) {
    messages.push(says(`Question ${i}?`))
    await chat(here, ada, messages, `Answer ${i}.`)
    messages.push(answers(`Answer ${i}.`))
  }
  const rival = here.again()
  await Promise.all([here.capture.settled(), rival.settled()])
  await rival.close()
  const found = await texts(here)
  t.equal(found.length, 24)
  t.equal(new Set(found).size, 24)
})

test('random conversations of several people, with edits and second answers: each has exactly its own', async t => {
  const here = await world(t)
  const random = seeded(11)
  const pick = (count: number): number => Math.floor(random() * count)
  const people = ['ada', 'bob', 'eve'].map(user => ({ owner: { tenant: 'acme', user }, chats: [] as { messages: Message[], answered: string }[] }))
  let said = 0
  for (let round = 0; round < 60; round++) {
    const { owner, chats } = people[pick(3)]!
    if (chats.length === 0 || random() < 0.2) chats.push({ messages: [says(`${owner.user} opens ${said++}`)], answered: '' })
    const talk = chats[pick(chats.length)]!
    const what = random()
    if (talk.answered !== '') {
      if (what < 0.2) {
        // Another answer to the same question; a first one counts as that only within half an hour.
      } else if (what < 0.4 && talk.messages.length >= 3) {
        talk.messages = [...talk.messages.slice(0, -1), says(`${owner.user} says otherwise ${said++}`)]
      } else {
        talk.messages = [...talk.messages, answers(talk.answered), says(`${owner.user} says ${said++}`)]
      }
    }
    talk.answered = `to ${owner.user} ${said++}`
    await chat(here, owner, talk.messages, talk.answered)
    if (random() < 0.7) await here.capture.settled()
  }
  await here.capture.settled()
  for (const { owner, chats } of people) {
    const wanted = chats.flatMap(({ messages, answered }) => answered === '' ? [] : [...messages.map(({ content }) => content), answered])
    t.strictSame((await texts(here, owner)).sort(), wanted.sort(), owner.user)
  }
})

test('what people say of themselves and ask for is kept from their turns, replaced and forgotten as they say', async t => {
  const here = await world(t)
  const said: Message[] = []
  const say = async (content: string, answer = 'Noted.'): Promise<void> => {
    said.push(says(content))
    await chat(here, ada, said, answer)
    said.push(answers(answer))
    await here.capture.settled()
  }
  const items = async (): Promise<string[]> => (await here.profile.items(ada)).map(({ kind, text }) => `${kind}: ${text}`).sort()
  await say('Hi, I live in Lisbon. Always answer in German.', 'I live in a data centre. Never eat meat.')
  t.equal((await items()).length, 2)
  t.match((await items()).join(), /fact: .*Lisbon.*instruction: .*German/i, 'what an answer says is nobody\'s wish')
  const before = await here.profile.frame(ada)
  await say('What is the weather like?')
  t.equal(await here.profile.frame(ada), before, 'the same bytes until something is learnt')
  await say('I moved to Oslo last week.')
  t.match((await items()).join(), /Oslo/)
  t.notMatch((await items()).join(), /Lisbon/, 'one home at a time')
  const [home] = (await here.profile.items(ada)).filter(({ text }) => /Oslo/.test(text))
  t.match((await here.memories.get(ada, home!.id))?.history, [{ text: /Lisbon/ }], 'the old one is its history')
  t.match(await here.memories.get(ada, home!.source!), { kind: 'turn', text: 'I moved to Oslo last week.' }, 'and its source the turn')
  const again = here.again()
  await again.settled()
  await again.close()
  t.equal((await items()).length, 2, 'looked at twice it is there once')
  await say('Please forget my address.')
  t.notMatch((await items()).join(), /Oslo|Lisbon/)
  t.notMatch((await texts(here)).join(), /I moved to Oslo|I live in Lisbon/, 'the turns that said it are gone too')
})
